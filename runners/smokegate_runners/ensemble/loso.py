"""`loso_seed{N}.json`: how every source is predicted by models that never saw it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smokegate.evidence.corpus import SCORE
from smokegate.evidence.measure import measured
from smokegate.evidence.numbers import deviations, mean
from smokegate_runners.ensemble.plan import Plan
from smokegate_runners.ensemble.recipe import CODEC_BLOCK, VOCABULARY_VERSION, Recipe
from smokegate_runners.ensemble.rows import Rows
from smokegate_runners.store import put_json

DRY_RUN = "dry-run"
Predictions = Mapping[int, NDArray[np.float32]]
"""For each model of the plan that held rows out, by its number, its scores of those."""


def documents(
    rows: Rows, plan: Plan, predictions: Predictions, recipe: Recipe, *, corpus: str, seconds: float, note: str | None
) -> list[dict[str, Any]]:
    """One a seed. `wall_time_s` is that of all seeds and folds, which are trained together."""
    folds: dict[int, list[dict[str, Any]]] = {}
    for at, fit in enumerate(plan.fits):
        if fit.held_out is not None:
            folds.setdefault(fit.seed, []).append(_fold(rows, plan, at, predictions[at]))
    said = note or unknown_encoders(rows)
    shared = {
        "corpus": corpus,
        "epochs": recipe.epochs,
        "batch_size": recipe.batch_size,
        "lr": recipe.lr,
        "weight_decay": recipe.weight_decay,
        "num_codecs": len(CODEC_BLOCK),
        "encoder_vocab_version": VOCABULARY_VERSION,
        "wall_time_s": round(seconds, 3),
        **({"note": said} if said else {}),
    }
    return [
        {"seed": seed, "n_folds": len(found), "folds": found, **over(found), **shared} for seed, found in folds.items()
    ]


def unknown_encoders(rows: Rows) -> str | None:
    """What the vocabulary does not name, in words."""
    counted = ", ".join(f"{name} ({count:,} rows)" for name, count in rows.unknown_encoders.items())
    return f"not in the vocabulary, fed as `unknown`: {counted}" if counted else None


def write(found: Sequence[dict[str, Any]], folder: Path) -> list[Path]:
    return [put_json(folder / f"loso_seed{one['seed']}.json", one) for one in found]


def _fold(rows: Rows, plan: Plan, at: int, predicted: NDArray[np.float32]) -> dict[str, Any]:
    scores, held_out = rows.table.numbers[SCORE], plan.held_out[at]
    found = measured(predicted.astype(np.float64).tolist(), [scores[row] for row in held_out])
    return {
        "held_out": plan.fits[at].held_out,
        "n_train": len(plan.train[at]),
        "n_val": len(held_out),
        "plcc": found.plcc,
        "srocc": found.srocc,
        "rmse": found.rmse,
    }


def over(folds: Sequence[dict[str, Any]]) -> dict[str, float | None]:
    """One undefined fold makes what is drawn from all of them undefined."""
    plccs = [fold["plcc"] for fold in folds]
    whole = None not in plccs
    return {
        "mean_plcc": mean(plccs),
        "std_plcc": deviations(plccs)[0] if whole else None,
        "min_plcc": min(plccs) if whole else None,
        "max_plcc": max(plccs) if whole else None,
        "mean_srocc": mean(fold["srocc"] for fold in folds),
        "mean_rmse": mean(fold["rmse"] for fold in folds),
    }
