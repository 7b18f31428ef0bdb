"""The three things that are done with a corpus: leaving one source out, fitting all of it, and both with a verdict."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax

from smokegate.errors import DocumentError
from smokegate.evidence import write
from smokegate.evidence.measure import Measurement
from smokegate.policy import Gate
from smokegate_runners import provenance, verdict
from smokegate_runners.ensemble import checkpoint, confidence, loso, members, papers, training
from smokegate_runners.ensemble.journal import Journal
from smokegate_runners.ensemble.judge import Judge
from smokegate_runners.ensemble.papers import Member
from smokegate_runners.ensemble.plan import Fit, Plan, leaving_one_out, on_everything, plan
from smokegate_runners.ensemble.recipe import Recipe
from smokegate_runners.ensemble.rows import Rows
from smokegate_runners.ensemble.training import Trained
from smokegate_runners.store import folder

PACKAGES = ("smokegate", "jax", "jaxlib", "optax", "numpy", "onnx", "onnxruntime", "pyarrow")


@dataclass(frozen=True, slots=True)
class Order:
    rows: Rows
    corpus: Path
    out: Path
    seeds: tuple[int, ...]
    recipe: Recipe
    note: str | None = None
    every: int = 10
    """Epochs between two checkpoints."""
    license: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a verdict is about, and by which gate it is given."""

    name: str
    gate_name: str
    gate: Gate
    policy_sha256: str
    request: dict[str, Any] | None = None


def leave_one_out(order: Order, journal: Journal) -> list[dict[str, Any]]:
    work, trained = _trained(order, leaving_one_out(order.rows, order.seeds), journal)
    found, _ = _losses(order, work, trained)
    return found


def fit(order: Order, name: str, journal: Journal) -> list[Member]:
    work, trained = _trained(order, on_everything(order.seeds), journal)
    made = list(members.exported(order.rows, work, trained, order.recipe, name=name, note=order.note))
    members.write(made, papers.manifest(name, made, confidence.gaussian()), order.out, order.license)
    return made


def run(order: Order, asked: Asked, judge: Judge, journal: Journal) -> dict[str, Any]:
    """All of it, trained in one go: folds, exports, their measurements, and the document that is drawn from them."""
    started = time.perf_counter()
    fits = leaving_one_out(order.rows, order.seeds) + on_everything(order.seeds)
    work, trained = _trained(order, fits, journal)
    found, predictions = _losses(order, work, trained)
    made = list(members.exported(order.rows, work, trained, order.recipe, name=asked.name, note=order.note))
    ensemble = papers.manifest(asked.name, made, confidence.calibrated(order.rows, work, predictions))
    members.write(made, ensemble, order.out, order.license)
    subjects = _subjects(made, ensemble, order, judge, journal)
    document = write.promote(
        gate=asked.gate,
        gate_name=asked.gate_name,
        measurements={"shape": "ensemble", "seeds": found},
        corpus=_same(judge.corpus(order.corpus), order),
        policy_sha256=asked.policy_sha256,
        generated_at_utc=provenance.now(),
        subjects=subjects,
        loso_dir=order.out.as_posix(),
        runner=verdict.runner(PACKAGES, time.perf_counter() - started, gpu=_gpu()),
        request=asked.request,
        follows_hold=verdict.hold_before(order.out, [one["identity"] for one in subjects]),
    )
    verdict.leave(document, order.out)
    return document


def _trained(order: Order, fits: Sequence[Fit], journal: Journal) -> tuple[Plan, Trained]:
    work = plan(order.rows, fits)
    key = training.key(order.rows, work, order.recipe)
    state = checkpoint.Checkpoint(folder(order.out) / checkpoint.NAME, key)
    journal.say(f"{len(fits)} models, {order.recipe.epochs} epochs, on {_device()}: {order.rows.count:,} rows")
    if unknown := loso.unknown_encoders(order.rows):
        journal.say(unknown)
    done = training.train(
        order.rows, work, order.recipe, checkpoint=state, every=order.every, tell=journal.epoch, resumed=journal.resumed
    )
    return work, done


def _losses(order: Order, work: Plan, trained: Trained) -> tuple[list[dict[str, Any]], loso.Predictions]:
    held_out = {at: work.held_out[at] for at, fit in enumerate(work.fits) if fit.held_out is not None}
    predictions = training.predicted(order.rows, trained, held_out)
    found = loso.documents(
        order.rows,
        work,
        predictions,
        order.recipe,
        corpus=order.corpus.name,
        seconds=trained.seconds,
        note=order.note,
    )
    loso.write(found, order.out)
    return found, predictions


def _subjects(
    made: Sequence[Member], ensemble: dict[str, Any], order: Order, judge: Judge, journal: Journal
) -> list[dict[str, Any]]:
    identity = papers.identities(made, ensemble)
    subjects: list[dict[str, Any]] = []
    for one in made:
        outcome = judge.measure(one.model, one.sidecar, order.rows.table)
        if not isinstance(outcome, Measurement):
            journal.say(f"{one.id} gives no numbers: {outcome.reason}")
        subjects.append(
            {
                "id": one.id,
                "onnx": one.onnx,
                "sha256": one.sha256,
                "external_data": [],
                "int8_sha256": None,
                "identity": identity[one.id],
                "seed": one.seed,
                "measured": {"fp32": outcome.value, "int8": None} if isinstance(outcome, Measurement) else None,
            }
        )
    return subjects


def _same(said: dict[str, Any], order: Order) -> dict[str, Any]:
    """Evidence is about the rows that were trained on."""
    if said["sha256"] != order.rows.table.digest:
        raise DocumentError(f"{order.corpus} is another corpus now than when the run began", fix="run it again")
    return said


def _gpu() -> str | None:
    device = jax.devices()[0]
    return str(device.device_kind) if device.platform == "gpu" else None


def _device() -> str:
    device = jax.devices()[0]
    return (
        f"{device.platform} ({device.device_kind}, {os.cpu_count()} cores)"
        if device.platform == "cpu"
        else str(device.device_kind)
    )
