"""Models that were really fitted to a corpus, in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np

import onnx_models
from smokegate.evidence.corpus import FEATURES, SCORE, CorpusTable

Array = np.ndarray[Any, np.dtype[np.float64]]


def columns(table: CorpusTable) -> tuple[Array, Array, np.ndarray[Any, Any]]:
    """Features [N,6], scores [N], sources [N]."""
    features = np.stack([np.asarray(table.numbers[name]) for name in FEATURES], axis=1)
    return features, np.asarray(table.numbers[SCORE]), np.asarray(table.src)


def fit(inputs: Array, scores: Array, seed: int) -> tuple[Array, float]:
    """Least squares over a resample that the seed chooses: weights and bias."""
    chosen = np.random.default_rng(seed).integers(0, len(scores), len(scores))
    design = np.column_stack([inputs[chosen], np.ones(len(chosen))])
    found = np.linalg.lstsq(design, scores[chosen], rcond=None)[0]
    return np.asarray(found[:-1], dtype=np.float64), float(found[-1])


def model(table: CorpusTable, seed: int) -> bytes:
    inputs, scores, _ = columns(table)
    weights, bias = fit(inputs, scores, seed)
    return onnx_models.regressor(tuple(weights), bias)
