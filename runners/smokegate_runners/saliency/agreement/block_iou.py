"""Block IoU: which blocks of a picture are salient, by one mask and by another, and how far the two agree."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smokegate_runners.saliency.settings import Size

Sums = NDArray[np.float64]
Blocks = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rule:
    block_size: int = 16
    threshold: float = 0.5
    """A block is salient from this mean on."""

    def __str__(self) -> str:
        return f"blocks of {self.block_size}x{self.block_size}, salient from a mean of {self.threshold:g}"

    def fits(self, size: Size) -> bool:
        """Whether a picture has a block at all."""
        return min(size) >= self.block_size

    def sums(self, values: NDArray[Any]) -> Sums:
        """Of each whole block, from the top left: rows and columns that are left over at the other edges count for
        nothing."""
        side = self.block_size
        rows, columns = values.shape[0] // side, values.shape[1] // side
        whole = values[: rows * side, : columns * side].reshape(rows, side, columns, side)
        found: Sums = whole.sum(axis=(1, 3), dtype=np.float64)
        return found

    def salient(self, sums: Sums, full: float = 1.0) -> Blocks:
        """`full` is the value that means 1.0. One division: a mean that is the threshold on paper is so here."""
        return sums / (self.block_size * self.block_size * full) >= self.threshold


@dataclass(frozen=True, slots=True)
class Overlap:
    candidate: int
    reference: int
    both: int
    blocks: int

    @property
    def either(self) -> int:
        return self.candidate + self.reference - self.both

    @property
    def iou(self) -> float:
        """Two masks without a salient block agree."""
        return self.both / self.either if self.either else 1.0


def overlap(candidate: Blocks, reference: Blocks) -> Overlap:
    ours, theirs, both = (int(np.count_nonzero(blocks)) for blocks in (candidate, reference, candidate & reference))
    return Overlap(ours, theirs, both, reference.size)


def macro(overlaps: Sequence[Overlap]) -> float:
    """Each picture counts the same."""
    return math.fsum(one.iou for one in overlaps) / len(overlaps)


def micro(overlaps: Iterable[Overlap]) -> float:
    """Each block counts the same: a picture without a salient one, by either mask, does not count."""
    both = either = 0
    for one in overlaps:
        both, either = both + one.both, either + one.either
    return both / either if either else 1.0
