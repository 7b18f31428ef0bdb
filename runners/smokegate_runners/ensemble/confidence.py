"""How far the members' spread reaches: an interval that held, on sources that nobody had seen, as often as it says."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smokegate_runners.ensemble.loso import Predictions
from smokegate_runners.ensemble.plan import Plan
from smokegate_runners.ensemble.rows import Rows

COVERAGE = 0.95
GAUSSIAN = "gaussian"
CONFORMAL = "loso-conformal"


def gaussian(coverage: float = COVERAGE) -> dict[str, Any]:
    """Nothing was held out: the spread is taken at its word, which is as a rule too small."""
    scale = NormalDist().inv_cdf((1 + coverage) / 2)
    return {"method": GAUSSIAN, "nominal_coverage": coverage, "scale": scale, "sigma_floor": 0.0}


def calibrated(rows: Rows, plan: Plan, predictions: Predictions, coverage: float = COVERAGE) -> dict[str, Any]:
    """A conformal interval (Vovk et al.) of the members' spread, from what they said of the sources they held out.

    Its half width is `scale` times hypot(sigma, sigma_floor). Rows of one source are alike, so that it holds over
    sources like these, and not for each.
    """
    seeds = sorted({fit.seed for fit in plan.fits if fit.held_out is not None})
    said = np.full((len(seeds), rows.count), np.nan)
    for at, scores in predictions.items():
        said[seeds.index(plan.fits[at].seed), plan.held_out[at]] = scores
    if len(seeds) < 2 or not np.isfinite(said).all():
        return gaussian(coverage)
    mean, sigma = summary(said)
    floor = float(np.median(sigma))
    if floor == 0:
        return gaussian(coverage)
    misses = np.sort(np.abs(mean - rows.targets) / np.hypot(sigma, floor))
    place = min(math.ceil((rows.count + 1) * coverage), rows.count)
    return {
        "method": CONFORMAL,
        "nominal_coverage": coverage,
        "scale": float(misses[place - 1]),
        "sigma_floor": floor,
        "calibration_rows": rows.count,
        "calibration_corpus_sha256": rows.table.digest,
    }


def summary(scores: NDArray[np.floating[Any]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and sample deviation over members, of scores [member, row]."""
    exact = scores.astype(np.float64)
    spread = exact.std(axis=0, ddof=1) if len(exact) > 1 else np.zeros(exact.shape[1])
    return exact.mean(axis=0), spread
