"""`smokegate ensemble`: train, judge and export an ensemble of quality regressors, and ask one."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from smokegate.errors import UsageError
from smokegate_runners.commands.judges_side import judge_of

if TYPE_CHECKING:
    from smokegate_runners.ensemble.harness import Order
    from smokegate_runners.ensemble.journal import Journal
    from smokegate_runners.provenance import Run

EXIT_HOLD = 1
NAME = "fr_regressor_v2_ensemble_v1"
LOG_NAME = "run.log"
PROVENANCE_NAME = "provenance.json"
_DRY_RUN = "dry-run"


def _seeds(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    from smokegate.evidence import seeds

    del context, parameter
    try:
        return None if value is None else seeds.read(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


_OPTIONS = (
    click.option("--corpus", required=True, type=click.Path(path_type=Path), metavar="FILE", help="JSONL or parquet."),
    click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Where the files go."),
    click.option("--epochs", type=click.IntRange(1, 100_000), help="Default: 200."),
    click.option("--dry-run", is_flag=True, help="One epoch, to see that all is in place; it can never promote."),
    click.option(
        "--checkpoint-every", type=click.IntRange(1), default=10, show_default=True, metavar="N", help="Epochs."
    ),
)
_LICENSE = click.option("--license", metavar="SPDX", help="What registry_rows.json says of the models' licence.")
_SEEDS = click.option("--seeds", callback=_seeds, metavar="N,N,...", help="Default: 0,1,2,3,4.")


def _training(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.group("ensemble")
def command() -> None:
    """Train, judge and export an ensemble of quality regressors, and ask one.

    A run that was killed goes on where it stood, by the same command with the same --out.
    """


@command.command("loso")
@_training
@_SEEDS
def loso(**given: Any) -> int:
    """Leave out each source once for every seed, and write loso_seed{N}.json. `smokegate gate` judges them."""
    from smokegate_runners.ensemble import harness

    order = _order(given, given["seeds"])
    with _recorded(given, order) as (journal, outputs):
        found = harness.leave_one_out(order, journal)
        outputs += [order.out / f"loso_seed{seed}.json" for seed in order.seeds]
    for one in found:
        click.echo(f"seed {one['seed']}: mean PLCC {_number(one['mean_plcc'])}, worst {_number(one['min_plcc'])}")
    click.echo(f"next: smokegate gate {order.out} --corpus {order.corpus}")
    return 0


@command.command("fit")
@_training
@_SEEDS
@_LICENSE
@click.option("--name", metavar="ID", help=f"The ensemble's id.  [default: {NAME}]")
def fit(**given: Any) -> int:
    """Fit each seed to the whole corpus, and write models, sidecars and the ensemble manifest."""
    from smokegate_runners.ensemble import harness, request

    name = request.ensemble((), given["name"], NAME)
    order = _order(given, given["seeds"])
    with _recorded(given, order) as (journal, outputs):
        made = harness.fit(order, name, journal)
        outputs += [order.out / one.onnx for one in made]
    for one in made:
        click.echo(f"{one.onnx}  {one.sha256}")
    return 0


@command.command("run")
@_training
@_LICENSE
@click.option("--request", "asked_in", type=click.Path(path_type=Path), metavar="FILE", help="Who asked for what.")
@click.option("--name", metavar="ID", help=f"The ensemble's id.  [default: the request's, else {NAME}]")
@click.option("--policy", metavar="FILE", help="Judge by this policy instead of the repository's.")
def run(asked_in: Path | None, **given: Any) -> int:
    """All of it: leave one out, fit, export, measure the exported bytes, and write PROMOTE.json or HOLD.json.

    Exit code 0: PROMOTE. 1: HOLD. 2: cannot judge.
    """
    from smokegate_runners import request as requests
    from smokegate_runners.ensemble import harness, request
    from smokegate_runners.ensemble.judge import gate_of
    from smokegate_runners.ensemble.recipe import member_id

    asked = requests.read(asked_in) if asked_in is not None else requests.Request((), {})
    name = request.ensemble(asked.ids, given["name"], NAME)
    with ExitStack() as stack:
        judge = stack.enter_context(judge_of("ensemble run"))
        loaded = judge.policy(given["policy"])
        gate_name, gate = gate_of(loaded, name)
        request.covers(asked.ids, [member_id(name, seed) for seed in gate.seeds], name)
        order = _order(given, gate.seeds)
        wanted = harness.Asked(name, gate_name, gate, loaded.sha256, dict(asked.said) or None)
        journal, outputs = stack.enter_context(_recorded(given, order))
        document = harness.run(order, wanted, judge, journal)
        journal.say(document["recommendation"])
        outputs += sorted(path for path in order.out.iterdir() if _is_result(path))
    _tell(document, order.out, name)
    return 0 if document["gate"]["passed"] else EXIT_HOLD


@command.command("predict")
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option("--rows", required=True, type=click.Path(path_type=Path), metavar="FILE", help="JSONL or parquet.")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="JSONL. Default: standard output.")
@click.option("--threads", type=click.IntRange(0), default=0, help="Of ONNX Runtime. Default: one a core.")
def predict(manifest: Path, rows: Path, output: Path | None, threads: int) -> int:
    """Mean, sigma and an interval for each row, by the ensemble of MANIFEST.

    A row needs encoder, cq and the six features; it comes back with predicted_vmaf, predicted_vmaf_sigma,
    predicted_vmaf_low and predicted_vmaf_high.
    """
    from smokegate_runners.ensemble import predict as work

    ensemble = work.Ensemble(manifest, threads)
    count = 0
    with _lines(output) as stream:
        for batch in work.batches(rows):
            for row in ensemble.predict(batch, str(rows), count + 1):
                stream.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
            count += len(batch)
    click.echo(f"{count:,} rows", err=True)
    return 0


def _order(given: dict[str, Any], seeds: Sequence[int] | None) -> Order:
    """Whatever is wrong with the corpus is said before anything is trained."""
    from smokegate_runners.ensemble import rows
    from smokegate_runners.ensemble.harness import Order
    from smokegate_runners.ensemble.recipe import SEEDS, Recipe

    dry = given["dry_run"]
    if dry and given["epochs"] is not None:
        raise UsageError("--dry-run is one epoch, and --epochs says another number", fix="leave one of the two out")
    recipe = Recipe(epochs=1) if dry else Recipe(epochs=given["epochs"] or Recipe().epochs)
    corpus, note = given["corpus"], _DRY_RUN if dry else None
    chosen = tuple(seeds or SEEDS)
    return Order(
        rows.load(corpus), corpus, given["out"], chosen, recipe, note, given["checkpoint_every"], given.get("license")
    )


@contextmanager
def _recorded(given: dict[str, Any], order: Order) -> Iterator[tuple[Journal, list[Path]]]:
    """A log while it runs, and when all went well who ran what on what."""
    from smokegate_runners import provenance
    from smokegate_runners.ensemble.harness import PACKAGES
    from smokegate_runners.ensemble.journal import Journal
    from smokegate_runners.store import folder

    plain = {name: value.as_posix() if isinstance(value, Path) else value for name, value in given.items()}
    record: Run = provenance.Run(Path(__file__), plain, PACKAGES)
    journal = Journal(sys.stderr, folder(order.out) / LOG_NAME)
    outputs: list[Path] = []
    yield journal, outputs
    files = [provenance.file(path.suffix.removeprefix("."), path) for path in outputs]
    record.write(order.out / PROVENANCE_NAME, [provenance.file("corpus", order.corpus)], files)


def _is_result(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".") and path.name not in {LOG_NAME, PROVENANCE_NAME}


def _tell(document: dict[str, Any], out: Path, name: str) -> None:
    gate = document["gate"]
    click.echo(f"{document['verdict']}  {gate['name']}")
    for one in gate["metrics"]:
        of = f" of {one['subject']}" if one["subject"] is not None else ""
        mark = "" if one["passed"] else "   <-- not met"
        click.echo(f"  {one['name']}{of}: {_number(one['value'])}{mark}")
    evidence = out / f"{document['verdict']}.json"
    click.echo(f"wrote {evidence}")
    if gate["passed"]:
        click.echo(f"next: add the models and the rows of {out / 'registry_rows.json'} to the registry, then")
        click.echo(f"      smokegate flip {name} --evidence {evidence}")


@contextmanager
def _lines(output: Path | None) -> Iterator[IO[str]]:
    if output is None:
        yield sys.stdout
        return
    part = output.with_name(f".{output.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="\n") as stream:
            yield stream
        part.replace(output)
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}", fix="name a writable file with --output") from None
    finally:
        part.unlink(missing_ok=True)


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.5f}"
