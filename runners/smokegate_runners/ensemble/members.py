"""From trained weights to files: graphs, sidecars, the manifest."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from smokegate_runners.ensemble import export, papers
from smokegate_runners.ensemble.papers import Member
from smokegate_runners.ensemble.plan import Plan
from smokegate_runners.ensemble.recipe import Recipe, member_id
from smokegate_runners.ensemble.rows import Rows, feeding
from smokegate_runners.ensemble.training import Trained, predicted
from smokegate_runners.store import put, put_json

_PACKAGES = ("jax", "jaxlib", "numpy", "onnx", "onnxruntime", "optax")
ROWS_NAME = "registry_rows.json"


def exported(
    rows: Rows, plan: Plan, trained: Trained, recipe: Recipe, *, name: str, note: str | None = None
) -> Iterator[Member]:
    """The models that held nothing out, each compared with its own bytes in ONNX Runtime."""
    every = np.arange(rows.count, dtype=np.int32)
    chosen = [at for at, fit in enumerate(plan.fits) if fit.held_out is None]
    scores = predicted(rows, trained, dict.fromkeys(chosen, every))
    for at in chosen:
        seed = plan.fits[at].seed
        this = member_id(name, seed)
        params, scaler = trained.one(at)
        model = export.graph(params, scaler, this)
        apart = export.apart(model, rows.features, rows.codec, scores[at], this)
        record = {**_record(rows, recipe, note), "seed": seed, "export": _agreement(apart)}
        yield Member(this, seed, model, papers.sidecar(this, model, scaler, feeding(rows.table), record))


def _record(rows: Rows, recipe: Recipe, note: str | None) -> dict[str, Any]:
    return {
        **recipe.value,
        "optimizer": "adam",
        "weight_decay_kind": "added to the gradient, as torch.optim.Adam does",
        "loss": "mse",
        "activation": "gelu (erf)",
        "corpus_sha256": rows.table.digest,
        "rows": rows.count,
        "sources": list(rows.table.sources),
        "encoders": list(rows.table.encoders),
        "unknown_encoders": rows.unknown_encoders,
        "packages": {package: importlib.metadata.version(package) for package in _PACKAGES},
        **({"note": note} if note else {}),
    }


def _agreement(apart: float | None) -> dict[str, Any]:
    relative = None if apart is None else apart / export.SPAN
    return {"max_abs_diff": apart, "max_abs_diff_relative": relative, "bound_relative": export.MOST_APART}


def write(
    members: Sequence[Member], ensemble: Mapping[str, Any], folder: Path, license_: str | None = None
) -> list[Path]:
    """Models and sidecars first: the manifest speaks of files that are there."""
    paths = []
    for one in members:
        paths.append(put(folder / one.onnx, one.model))
        paths.append(put_json(folder / f"{one.id}.json", one.sidecar))
    paths.append(put_json(folder / f"{ensemble['id']}.json", ensemble))
    paths.append(put_json(folder / ROWS_NAME, papers.registry_rows(members, license_)))
    return paths
