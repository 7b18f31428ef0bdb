"""`smokegate saliency scenes` and `train`: where the students come from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from smokegate.errors import UsageError

if TYPE_CHECKING:
    from smokegate_runners.saliency.students.school import Order

_SETS = ("training", "held-out", "evaluation")
_STUDENTS = ("v1", "v2")
_PATH = click.Path(path_type=Path)
_SCENE_PACKAGES = ("smokegate", "numpy")
_PROVENANCE = "provenance.json"
_LOG = "run.log"
_MOST_SCENES = 100_000


def _seeds(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    from smokegate.evidence import seeds

    del context, parameter
    try:
        return None if value is None else seeds.read(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command("scenes")
@click.option("--set", "which", required=True, type=click.Choice(_SETS), help="What the scenes are for.")
@click.option("--out", required=True, type=_PATH, metavar="DIR", help="A new folder.")
@click.option("--count", type=click.IntRange(1, _MOST_SCENES), metavar="N", help="The first N scenes alone.")
def scenes(which: str, out: Path, count: int | None) -> int:
    """Make a set of scenes: images/, masks/ and an index.jsonl that names them. The same bytes everywhere."""
    from smokegate_runners import provenance
    from smokegate_runners.saliency.students import sets

    chosen = sets.SETS[which].first(count or sets.SETS[which].count)
    args = {"set": which, "out": out.as_posix(), "count": chosen.count}
    run = provenance.Run(Path(__file__), args, _SCENE_PACKAGES)
    digest = sets.write(chosen.scenes(), out)
    beside = out.with_name(f"{out.name}.provenance.json")
    run.write(beside, [], [provenance.file("index", out / sets.INDEX)])
    click.echo(f"{out}: {chosen.count:,} scenes, {len(chosen.kinds.textures)} sources, {chosen.size}")
    click.echo(f"digest: {digest}\nprovenance: {beside}")
    return 0


@click.command("train")
@click.option("--student", required=True, type=click.Choice(_STUDENTS), help="v1: ConvTranspose. v2: Resize and Conv.")
@click.option("--out", required=True, type=_PATH, metavar="DIR", help="Where the files go.")
@click.option("--seeds", callback=_seeds, metavar="N,N,...", help="Default: 0,1.")
@click.option("--epochs", type=click.IntRange(1, 10_000), metavar="N", help="Default: the recipe's.")
@click.option("--scenes", "count", type=click.IntRange(1, _MOST_SCENES), metavar="N", help="Learn from the first N.")
@click.option("--held-out", type=click.IntRange(1, _MOST_SCENES), metavar="N", help="Choose a seed by the first N.")
@click.option("--license", metavar="SPDX", help="What the row for the registry says of the model's licence.")
def train(student: str, out: Path, **given: Any) -> int:
    """Train a student on procedural scenes, once for each seed, and export the one that the held-out fold prefers.

    The evaluation set has no part in it. A run that was killed goes on where it stood, by the same command.
    """
    from smokegate_runners import provenance
    from smokegate_runners.ensemble.journal import Journal
    from smokegate_runners.saliency.students import papers, school
    from smokegate_runners.store import folder

    order = _order(student, out, **given)
    run = provenance.Run(Path(__file__), {"student": student, "out": out.as_posix(), **given}, papers.PACKAGES)
    done = school.run(order, Journal(sys.stderr, folder(out) / f"{order.student.id}.{_LOG}"))
    beside = out / f"{order.student.id}.{_PROVENANCE}"
    run.write(beside, [], [provenance.file(path.suffix.removeprefix("."), path) for path in done.files])
    click.echo(f"{done.files[0]}  {done.sha256}")
    click.echo(f"seed {done.score.seed}: held-out block IoU {done.score.macro:.4f} (micro {done.score.micro:.4f})")
    click.echo(f"next: add the model, its sidecar and the row of {done.files[-1]} to a registry, then")
    click.echo("      smokegate saliency compare --candidate MODEL --incumbent MODEL|none --items FOLDER --out DIR")
    return 0


def _order(
    student: str,
    out: Path,
    *,
    seeds: tuple[int, ...] | None,
    epochs: int | None,
    count: int | None,
    held_out: int | None,
    license: str | None,  # noqa: A002 - the option's name
) -> Order:
    from smokegate_runners.saliency.students import sets
    from smokegate_runners.saliency.students.recipe import SEEDS, STUDENTS, Recipe
    from smokegate_runners.saliency.students.school import Order

    recipe = Recipe(epochs=epochs or Recipe().epochs)
    learnt = sets.TRAINING.first(count or sets.TRAINING.count)
    if learnt.count < recipe.batch_size:
        raise UsageError(
            f"--scenes {learnt.count} is less than a batch", fix=f"learn from {recipe.batch_size} scenes at least"
        )
    fold = sets.HELD_OUT.first(held_out or sets.HELD_OUT.count)
    return Order(STUDENTS[student], recipe, seeds or SEEDS, learnt, fold, out, license)
