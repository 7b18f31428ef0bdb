"""Masks of sampled frames, one after another, reduced over time. One running mask is held, however many come."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from smokegate_runners.saliency.settings import Aggregator, Settings

LEAST_WEIGHT = 1e-6
"""Of a frame that does not differ from the one before, so that a still clip has a mean."""
_ROWS_AT_ONCE = 64

Mask = NDArray[np.float32]
Luma = NDArray[np.uint8]


class Reducer(Protocol):
    def add(self, mask: Mask, luma: Luma) -> None:
        """The next sampled frame's mask, and its luma plane."""
        ...

    def result(self) -> NDArray[Any]:
        """Of at least one frame. The reducer is done with then."""
        ...


def reducer(settings: Settings) -> Reducer:
    match settings.aggregator:
        case Aggregator.MEAN:
            return _Mean()
        case Aggregator.EMA:
            return _Smoothed(settings.ema_alpha)
        case Aggregator.MAX:
            return _Largest()
        case Aggregator.MOTION_WEIGHTED:
            return _Weighted()


class _Mean:
    """In float64, for sums of thousands of masks."""

    def __init__(self) -> None:
        self._sum: NDArray[np.float64] | None = None
        self._weight = 0.0

    def add(self, mask: Mask, luma: Luma) -> None:
        self._take(mask, self._weight_of(luma))

    def _weight_of(self, _luma: Luma) -> float:
        return 1.0

    def _take(self, mask: Mask, weight: float) -> None:
        if self._sum is None:
            self._sum = np.zeros(mask.shape, dtype=np.float64)
        for rows in _strips(mask):
            self._sum[rows] += mask[rows] if weight == 1.0 else mask[rows] * np.float64(weight)
        self._weight += weight

    def result(self) -> NDArray[Any]:
        held = _some(self._sum)
        held /= self._weight
        return held


class _Weighted(_Mean):
    """Each frame by how much its luma differs from that of the sample before; the first one counts whole."""

    def __init__(self) -> None:
        super().__init__()
        self._before: Luma | None = None

    def _weight_of(self, luma: Luma) -> float:
        before, self._before = self._before, luma
        return 1.0 if before is None else max(motion(luma, before), LEAST_WEIGHT)


class _Smoothed:
    def __init__(self, alpha: float) -> None:
        self._alpha = alpha
        self._held: Mask | None = None

    def add(self, mask: Mask, luma: Luma) -> None:
        if self._held is None:
            self._held = mask.copy()
            return
        for rows in _strips(mask):
            held = self._held[rows]
            held *= np.float32(1.0 - self._alpha)
            held += np.float32(self._alpha) * mask[rows]

    def result(self) -> NDArray[Any]:
        return _some(self._held)


class _Largest:
    def __init__(self) -> None:
        self._held: Mask | None = None

    def add(self, mask: Mask, luma: Luma) -> None:
        if self._held is None:
            self._held = mask.copy()
        np.maximum(self._held, mask, out=self._held)

    def result(self) -> NDArray[Any]:
        return _some(self._held)


def motion(luma: Luma, before: Luma) -> float:
    """mean|Y_t - Y_prev| / 255, summed in whole numbers."""
    total = 0
    for rows in _strips(luma):
        one, other = luma[rows], before[rows]
        total += int((np.maximum(one, other) - np.minimum(one, other)).sum(dtype=np.uint64))
    return total / luma.size / 255.0


def mean_and_variance(mask: NDArray[Any]) -> tuple[float, float]:
    """Of the whole population, summed in float64."""
    mean = sum(float(mask[rows].sum(dtype=np.float64)) for rows in _strips(mask)) / mask.size
    squares = 0.0
    for rows in _strips(mask):
        apart = mask[rows] - np.float64(mean)
        squares += float(np.square(apart, out=apart).sum())
    return mean, squares / mask.size


def _strips(plane: NDArray[Any]) -> list[slice]:
    """Few rows at a time: intermediate results stay small beside an 8K mask, and in the cache."""
    return [slice(top, top + _ROWS_AT_ONCE) for top in range(0, len(plane), _ROWS_AT_ONCE)]


def _some(held: NDArray[Any] | None) -> NDArray[Any]:
    if held is None:
        raise ValueError("no mask was given")
    return held
