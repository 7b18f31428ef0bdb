"""How well predictions follow scores, in plain Python and float64: the same numbers on every machine."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SCORE_SPAN = 100.0
"""VMAF runs from 0 to 100, correlations to 1: one relative precision is a hundred times as much in points."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a model's very bytes gave on a corpus; a correlation is None where it is undefined."""

    rows: int
    plcc: float | None
    srocc: float | None
    rmse: float | None

    @property
    def value(self) -> dict[str, int | float | None]:
        """As evidence writes it."""
        return {"rows": self.rows, "plcc": self.plcc, "srocc": self.srocc, "rmse": self.rmse}


@dataclass(frozen=True, slots=True)
class MeasurementFailed:
    """The model was fed, and no measurement came of it: a fault of the model, in words."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotMeasured:
    """The model was not fed at all: what the corpus, the sidecar or the graph lack, in words."""

    reason: str


def measured(predicted: Sequence[float], scores: Sequence[float]) -> Measurement:
    return Measurement(len(scores), pearson(predicted, scores), spearman(predicted, scores), rmse(predicted, scores))


def pearson(left: Sequence[float], right: Sequence[float]) -> float | None:
    """Linear correlation; None where it is undefined: fewer than two pairs, a constant side, a number not finite."""
    _demand_pairs(left, right)
    if len(left) < 2 or not (_finite(left) and _finite(right)):
        return None
    if min(left) == max(left) or min(right) == max(right):
        return None
    one, other = _centred(left), _centred(right)
    both = math.fsum(a * b for a, b in zip(one, other, strict=True))
    norm = math.sqrt(math.fsum(a * a for a in one) * math.fsum(b * b for b in other))
    return max(-1.0, min(1.0, both / norm))


def spearman(left: Sequence[float], right: Sequence[float]) -> float | None:
    """Correlation of ranks, ties sharing the mean of theirs; None where it is undefined."""
    _demand_pairs(left, right)
    if not (_finite(left) and _finite(right)):
        return None
    return pearson(ranks(left), ranks(right))


def rmse(left: Sequence[float], right: Sequence[float]) -> float | None:
    """Root of the mean squared difference; None for no pairs, or past what a double holds."""
    _demand_pairs(left, right)
    if not left:
        return None
    found = math.dist(left, right) / math.sqrt(len(left))
    return found if math.isfinite(found) else None


def ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1; equal values share the mean of theirs."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for at in order[start:end]:
            found[at] = (start + 1 + end) / 2
        start = end
    return found


def agrees(claimed: Mapping[str, Any], found: Measurement, tolerance: float) -> list[str]:
    """How what evidence claims departs from what was measured, in words; empty where it does not.

    `tolerance` is absolute for the correlations and, RMSE being in points of VMAF, a hundred times that for it.
    """
    different = [] if _same_count(claimed.get("rows"), found.rows) else [_unlike("rows", claimed, found.rows)]
    spans = {"plcc": 1.0, "srocc": 1.0, "rmse": max(_SCORE_SPAN, found.rmse or 0.0)}
    for name, span in spans.items():
        number = getattr(found, name)
        if name not in claimed or not _near(claimed[name], number, tolerance * span):
            different.append(_unlike(name, claimed, number))
    return different


def _same_count(claimed: object, found: int) -> bool:
    return isinstance(claimed, int | float) and not isinstance(claimed, bool) and claimed == found


def _near(claimed: object, found: float | None, tolerance: float) -> bool:
    if claimed is None or found is None:
        return claimed is found
    if not isinstance(claimed, int | float) or isinstance(claimed, bool) or not -1e300 < claimed < 1e300:
        return False
    return abs(claimed - found) <= tolerance


def _unlike(name: str, claimed: Mapping[str, Any], found: float | None) -> str:
    return f"{name}: {_shown(claimed[name]) if name in claimed else 'nothing'} claimed, {_shown(found)} measured"


def _shown(value: object) -> str:
    if value is None:
        return "undefined"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "no number"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) < 10**15 else "a number past all bounds"
    return f"{value:.10g}"


def _demand_pairs(left: Sequence[float], right: Sequence[float]) -> None:
    if len(left) != len(right):
        raise ValueError(f"{len(left)} predictions for {len(right)} scores")


def _finite(values: Sequence[float]) -> bool:
    return all(map(math.isfinite, values))


def _centred(values: Sequence[float]) -> list[float]:
    """Differences from the mean, the largest near 1, so that no square overflows or vanishes."""
    first = _tamed(values)
    mean = math.fsum(first) / len(first)
    return _tamed([value - mean for value in first])


def _tamed(values: Sequence[float]) -> list[float]:
    """The values times a power of two (which costs no digits), the largest of them in [0.5, 1)."""
    _, exponent = math.frexp(max(map(abs, values)))
    return [math.ldexp(value, -exponent) for value in values]
