"""The plain loop in NumPy, float64, one model after another: what the batched program must come to."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smokegate_runners.ensemble import network
from smokegate_runners.ensemble.plan import Fit
from smokegate_runners.ensemble.recipe import Recipe
from smokegate_runners.ensemble.rows import Rows

Array = NDArray[np.float64]
Masks = Callable[[int, int], Sequence[Any]]
"""(epoch, step) -> the factors of each hidden layer, for a whole batch."""
_erf = np.vectorize(math.erf)


class OneModel:
    def __init__(self, rows: Rows, fit: Fit, train: NDArray[np.int32], recipe: Recipe) -> None:
        self.recipe = recipe
        seen = rows.features[train].astype(np.float64)
        features = (rows.features - seen.mean(axis=0)) / seen.std(axis=0)
        self.inputs: Array = np.concatenate([features, rows.codec.astype(np.float64)], axis=1)
        self.targets: Array = rows.targets.astype(np.float64)
        self.params = [part.astype(np.float64) for layer in network.initial(fit, recipe) for part in layer]
        self.first = [np.zeros_like(one) for one in self.params]
        self.second = [np.zeros_like(one) for one in self.params]
        self.steps = 0

    def epoch(self, number: int, order: NDArray[np.int32], masks: Masks) -> None:
        size = self.recipe.batch_size
        for step, at in enumerate(range(0, len(order), size)):
            self.step(order[at : at + size], masks(number, step))

    def step(self, batch: NDArray[np.int32], masks: Sequence[Any]) -> None:
        """Backpropagation by hand, then Adam as torch has it."""
        kept = [np.asarray(mask, dtype=np.float64)[: len(batch)] for mask in masks]
        w0, b0, w1, b1, w2, b2 = self.params
        x = self.inputs[batch]
        z0 = x @ w0 + b0
        h0 = _gelu(z0) * kept[0]
        z1 = h0 @ w1 + b1
        h1 = _gelu(z1) * kept[1]
        scores = (h1 @ w2 + b2)[:, 0]
        d2 = (2 * (scores - self.targets[batch]) / len(batch))[:, None]
        d1 = d2 @ w2.T * kept[1] * _slope(z1)
        d0 = d1 @ w1.T * kept[0] * _slope(z0)
        self._adam([x.T @ d0, d0.sum(0), h0.T @ d1, d1.sum(0), h1.T @ d2, d2.sum(0)])

    def _adam(self, gradients: list[Array]) -> None:
        recipe = self.recipe
        self.steps += 1
        for at, (param, gradient) in enumerate(zip(self.params, gradients, strict=True)):
            decayed = gradient + recipe.weight_decay * param
            self.first[at] = recipe.b1 * self.first[at] + (1 - recipe.b1) * decayed
            self.second[at] = recipe.b2 * self.second[at] + (1 - recipe.b2) * decayed**2
            first = self.first[at] / (1 - recipe.b1**self.steps)
            second = self.second[at] / (1 - recipe.b2**self.steps)
            self.params[at] = param - recipe.lr * first / (np.sqrt(second) + recipe.eps)

    def scores(self, which: NDArray[np.int32]) -> Array:
        w0, b0, w1, b1, w2, b2 = self.params
        found: Array = (_gelu(_gelu(self.inputs[which] @ w0 + b0) @ w1 + b1) @ w2 + b2)[:, 0]
        return found


def _gelu(x: Array) -> Array:
    found: Array = x * 0.5 * (1 + _erf(x / math.sqrt(2)))
    return found


def _slope(x: Array) -> Array:
    slope: Array = 0.5 * (1 + _erf(x / math.sqrt(2))) + x * np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    return slope
