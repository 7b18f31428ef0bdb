"""Which models are trained, on which rows, and in which order they see them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from smokegate_runners.ensemble.rows import Rows

Indices = NDArray[np.int32]
_Number = TypeVar("_Number", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Fit:
    """One model: a seed, and the source that it never sees. None: it sees them all, and is exported."""

    seed: int
    held_out: str | None = None

    def generator(self, stream: str, number: int = 0) -> np.random.Generator:
        """Draws of its own for each purpose: they hang on the seed and the source, not on what else is trained."""
        said = f"{stream}\0{self.seed}\0" + ("full" if self.held_out is None else f"without\0{self.held_out}")
        digest = hashlib.sha256(said.encode("utf-8", "surrogatepass")).digest()
        words = [int(word) for word in np.frombuffer(digest, dtype="<u4")]
        return np.random.Generator(np.random.Philox(np.random.SeedSequence([*words, number])))


@dataclass(frozen=True, slots=True)
class Plan:
    fits: tuple[Fit, ...]
    train: tuple[Indices, ...]
    held_out: tuple[Indices, ...]


def leaving_one_out(rows: Rows, seeds: Sequence[int]) -> tuple[Fit, ...]:
    return tuple(Fit(seed, source) for seed in seeds for source in rows.table.sources)


def on_everything(seeds: Sequence[int]) -> tuple[Fit, ...]:
    return tuple(Fit(seed) for seed in seeds)


def plan(rows: Rows, fits: Sequence[Fit]) -> Plan:
    every = np.arange(rows.count, dtype=np.int32)
    out = {source: np.flatnonzero(rows.src == source).astype(np.int32) for source in rows.table.sources}
    kept = {source: np.setdiff1d(every, found) for source, found in out.items()}
    nothing = np.empty(0, dtype=np.int32)
    return Plan(
        tuple(fits),
        tuple(every if fit.held_out is None else kept[fit.held_out] for fit in fits),
        tuple(nothing if fit.held_out is None else out[fit.held_out] for fit in fits),
    )


@dataclass(frozen=True, slots=True)
class Epoch:
    """Row numbers and their weights, [step, model, place]; a weight of 0 fills a batch up, or a step that is none."""

    rows: Indices
    weights: NDArray[np.float32]
    full: int
    """Steps in which every batch of every model is full."""


def shape_of(plan: Plan, batch_size: int) -> tuple[int, int]:
    """Steps of an epoch, and how many of them, from the first, are full for every model."""
    counts = [len(rows) for rows in plan.train]
    return max(-(-count // batch_size) for count in counts), min(count // batch_size for count in counts)


def epoch_of(plan: Plan, number: int, batch_size: int) -> Epoch:
    """Each model's rows in an order of its own; a model with fewer rows sits out the last steps."""
    steps, full = shape_of(plan, batch_size)
    rows = np.zeros((len(plan.fits), steps * batch_size), dtype=np.int32)
    weights = np.zeros((len(plan.fits), (steps - full) * batch_size), dtype=np.float32)
    for at, (fit, train) in enumerate(zip(plan.fits, plan.train, strict=True)):
        rows[at, : len(train)] = fit.generator("order", number).permutation(train)
        weights[at, : len(train) - full * batch_size] = 1.0
    return Epoch(_by_step(rows, batch_size), _by_step(weights, batch_size), full)


def _by_step(values: NDArray[_Number], batch_size: int) -> NDArray[_Number]:
    return np.ascontiguousarray(values.reshape(len(values), -1, batch_size).transpose(1, 0, 2))
