"""From scenes to files: every seed is trained, the held-out fold chooses one, and that one is exported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smokegate.errors import SmokegateError
from smokegate_runners.ensemble.checkpoint import Checkpoint
from smokegate_runners.ensemble.journal import Journal
from smokegate_runners.saliency.agreement import block_iou
from smokegate_runners.saliency.students import export, network, papers, training
from smokegate_runners.saliency.students.papers import Score
from smokegate_runners.saliency.students.recipe import Recipe, Student
from smokegate_runners.saliency.students.sets import SceneSet
from smokegate_runners.saliency.students.training import Lessons, Trained
from smokegate_runners.store import folder, put, put_json

_COMPARED = 16
"""So many scenes of the held-out fold are run both ways."""
RULE = block_iou.Rule()


@dataclass(frozen=True, slots=True)
class Order:
    student: Student
    recipe: Recipe
    seeds: tuple[int, ...]
    training: SceneSet
    held_out: SceneSet
    out: Path
    license: str | None = None


@dataclass(frozen=True, slots=True)
class Pupil:
    trained: Trained
    score: Score


@dataclass(frozen=True, slots=True)
class Graduate:
    """What came of it, and the files that were written."""

    score: Score
    sha256: str
    files: tuple[Path, ...]


def run(order: Order, journal: Journal) -> Graduate:
    folder(order.out)
    journal.say(f"{order.training.count:,} scenes to learn from, {order.held_out.count:,} held out")
    taught, held_out = training.lessons(order.training), training.lessons(order.held_out)
    pupils = list(_pupils(order, taught, held_out, journal))
    best = chosen([pupil.score for pupil in pupils])
    params = next(pupil.trained.params for pupil in pupils if pupil.score is best)
    model = export.graph(params, order.recipe, order.student.decoder, order.student.id)
    apart = _apart(order, params, model, held_out)
    count = network.parameters(params)
    journal.say(f"seed {best.seed} is exported: {count:,} parameters, ONNX Runtime within {apart:.1g}")
    record = papers.record(order.student, order.recipe, taught, held_out)
    record |= papers.schooling([pupil.score for pupil in pupils], best, count, apart)
    return Graduate(best, papers.digest(model), _written(order, model, record))


def chosen(scores: Sequence[Score]) -> Score:
    """The best macro block IoU of the held-out fold; of equals, the first."""
    return max(scores, key=lambda score: score.macro)


def _pupils(order: Order, taught: Lessons, held_out: Lessons, journal: Journal) -> Iterator[Pupil]:
    for seed in order.seeds:
        journal.say(f"{order.student.id}, seed {seed}")
        key = training.key(taught, order.recipe, order.student.decoder, seed)
        state = Checkpoint(order.out / f".{order.student.id}_seed{seed}.state.npz", key)
        trained = training.train(
            taught,
            order.recipe,
            order.student.decoder,
            seed,
            checkpoint=state,
            tell=journal.epoch,
            resumed=journal.resumed,
        )
        score = _score(order, seed, trained, held_out)
        journal.say(f"seed {seed}: held-out block IoU {score.macro:.4f} (micro {score.micro:.4f})")
        yield Pupil(trained, score)


def _score(order: Order, seed: int, trained: Trained, held_out: Lessons) -> Score:
    masks = training.masks(trained.params, held_out.images, order.recipe, order.student.decoder)
    if not np.isfinite(masks).all():
        raise SmokegateError(
            f"{order.student.id} of seed {seed} went astray in training: its masks are not finite",
            fix="train with other --seeds",
        )
    overlaps = [
        block_iou.overlap(RULE.salient(RULE.sums(mask)), RULE.salient(RULE.sums(wanted), 255))
        for mask, wanted in zip(masks, held_out.masks, strict=True)
    ]
    return Score(seed, trained.loss, block_iou.macro(overlaps), block_iou.micro(overlaps))


def _apart(order: Order, params: network.Params, model: bytes, held_out: Lessons) -> float:
    images = held_out.images[:_COMPARED]
    masks = training.masks(params, images, order.recipe, order.student.decoder)
    return export.apart(model, np.asarray(network.normalised(images)), masks, order.student.id)


def _written(order: Order, model: bytes, record: dict[str, Any]) -> tuple[Path, ...]:
    """The model first: the others speak of it."""
    name = order.student.id
    return (
        put(order.out / f"{name}.onnx", model),
        put_json(order.out / f"{name}.json", papers.sidecar(order.student, model, record)),
        put_json(order.out / f"{name}_registry_row.json", papers.registry_row(order.student, model, order.license)),
    )
