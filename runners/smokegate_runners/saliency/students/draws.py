"""Random numbers by counting (splitmix64; Steele, Lea, Flood 2014): one seed gives one scene with every NumPy.

Whole numbers, and floats through operations that IEEE 754 rounds in one way only: no sine, no exponential, no sum whose
order a library picks. So scenes are the same bytes wherever they are made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float64]
T = TypeVar("T")

_MASK = (1 << 64) - 1
_GAMMA, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_UNIT = 2.0**-53


class Draws:
    """A stream of numbers; `of` gives each part a stream of its own, so that one more draw here moves nothing there."""

    def __init__(self, *key: int) -> None:
        self._state = 0
        for part in key:
            self._state = _mixed((self._state ^ part) + _GAMMA)
        self._count = 0

    def of(self, *key: int) -> Draws:
        return Draws(self._state, *key)

    def unit(self) -> float:
        """0 <= x < 1."""
        self._count += 1
        return (_mixed(self._state + self._count * _GAMMA) >> 11) * _UNIT

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self.unit()

    def whole(self, low: int, high: int) -> int:
        """low <= n <= high."""
        return low + int(self.unit() * (high - low + 1))

    def chance(self, share: float) -> bool:
        return self.unit() < share

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.whole(0, len(choices) - 1)]

    def turn(self) -> tuple[float, float]:
        """Cosine and sine of an angle; by the rational form of the circle, since libraries round sines differently."""
        t = self.between(-1.0, 1.0)
        cos, sin = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
        return (cos, sin) if self.chance(0.5) else (-cos, sin)

    def field(self, rows: int, columns: int) -> Field:
        """A number for each place, 0 <= x < 1."""
        self._count += 1
        start = np.uint64(_mixed(self._state + self._count * _GAMMA))
        z = np.arange(1, rows * columns + 1, dtype=np.uint64) * np.uint64(_GAMMA) + start
        z = (z ^ (z >> np.uint64(30))) * np.uint64(_FIRST)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(_SECOND)
        z = (z ^ (z >> np.uint64(31))) >> np.uint64(11)
        return (z.astype(np.float64) * _UNIT).reshape(rows, columns)


def _mixed(z: int) -> int:
    z &= _MASK
    z = ((z ^ (z >> 30)) * _FIRST) & _MASK
    z = ((z ^ (z >> 27)) * _SECOND) & _MASK
    return z ^ (z >> 31)
