"""`smokegate saliency`: students, the scenes that they learn from, and a candidate against the model in production."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from smokegate.errors import UsageError
from smokegate_runners.commands import saliency_students
from smokegate_runners.commands.judges_side import judge_of

if TYPE_CHECKING:
    from smokegate_runners.saliency.contests.compare import Given
    from smokegate_runners.saliency.contests.contest import Contest

EXIT_HOLD = 1
NONE = "none"
PROVENANCE_NAME = "provenance.json"
_FILE = click.Path(path_type=Path)


@click.group("saliency")
def command() -> None:
    """Make scenes, train students of saliency on them, and compare a candidate with the model in production."""


command.add_command(saliency_students.scenes)
command.add_command(saliency_students.train)


@command.command("compare")
@click.option("--candidate", required=True, type=_FILE, metavar="MODEL", help="An .onnx file that a registry names.")
@click.option(
    "--incumbent", required=True, metavar=f"MODEL|{NONE}", help="The model in production, or `none` where none is."
)
@click.option("--items", required=True, type=_FILE, metavar="FOLDER", help="The evaluation set.")
@click.option("--out", required=True, type=_FILE, metavar="DIR", help="Where PROMOTE.json or HOLD.json goes.")
@click.option("--policy", metavar="FILE", help="Judge by this policy instead of the repository's.")
@click.option("--request", "asked_in", type=_FILE, metavar="FILE", help="Who asked for what.")
@click.option("--registry", type=_FILE, metavar="PATH", help="Default: the nearest above the candidate.")
@click.option("--candidate-id", metavar="ID", help="The candidate's entry. Default: the one that names the file.")
@click.option("--base", metavar="REV", help="What is in production. Default: the fork from the default branch.")
@click.option(
    "--provider",
    type=click.Choice(("cpu", "cuda")),
    default="cpu",
    show_default=True,
    help="On cuda a model keeps the right to files, sockets and memory.",
)
@click.option("--threads", type=click.IntRange(0), default=0, help="Of ONNX Runtime. Default: one a core.")
def compare(asked_in: Path | None, **given: Any) -> int:
    """Measure both models on the same items by block IoU, and write PROMOTE.json or HOLD.json.

    Exit code 0: PROMOTE. 1: HOLD. 2: cannot judge.
    """
    from smokegate_runners import provenance, request
    from smokegate_runners.saliency.contests import compare as work
    from smokegate_runners.saliency.progress import Journal
    from smokegate_runners.store import folder

    asked = request.read(asked_in) if asked_in is not None else request.Request((), {})
    incumbent = None if given["incumbent"] == NONE else Path(given["incumbent"])
    plain = {name: value.as_posix() if isinstance(value, Path) else value for name, value in given.items()}
    record = provenance.Run(Path(__file__), plain, work.PACKAGES)
    named = {name: given[name] for name in ("registry", "candidate_id", "base", "policy")}
    paths = [path for path in (given["candidate"], incumbent) if path is not None]
    with judge_of("saliency compare") as judge, work.opened(paths, given["provider"], given["threads"]) as sides:
        contest: Contest = judge.contest(given["candidate"], incumbent, **named)
        _covers(asked.ids, contest.candidate.id)
        out = folder(given["out"])
        order = work.Order(sides[0], (*sides, None)[1], given["items"], out, dict(asked.said) or None)
        done = work.run(order, contest, judge, Journal(sys.stderr))
    index = given["items"] / "index.jsonl"
    inputs = [provenance.file("model", side.path) for side in sides] + [provenance.file("items", index)]
    record.write(out / PROVENANCE_NAME, inputs, [provenance.file("evidence", done.path)])
    _tell(done, contest)
    return 0 if done.document["gate"]["passed"] else EXIT_HOLD


def _covers(ids: tuple[str, ...], candidate: str) -> None:
    if ids and set(ids) != {candidate}:
        raise UsageError(
            f"the request names {', '.join(sorted(set(ids)))}, and the candidate is {candidate}",
            fix="compare one candidate at a time, each by a request of its own",
        )


def _tell(done: Given, contest: Contest) -> None:
    gate = done.document["gate"]
    click.echo(f"{done.document['verdict']}  {gate['name']}")
    for one in gate["metrics"]:
        value = "undefined" if one["value"] is None else f"{one['value']:.5f}"
        click.echo(f"  {one['name']}: {value}{'' if one['passed'] else '   <-- not met'}")
    rule = gate["comparison"]
    if rule["low"] is not None:
        span = f"{rule['low']:+.5f} to {rule['high']:+.5f}"
        click.echo(f"  {rule['confidence'] * 100:g}% interval of the difference: {span}, over {rule['items']:,} items")
    click.echo(done.document["recommendation"])
    for fault in done.in_the_way:
        click.echo(f"in the way: {fault.code} {fault.message}")
    click.echo(f"wrote {done.path}")
    if gate["passed"]:
        over = f" --supersedes {contest.incumbent.id}" if contest.incumbent else ""
        click.echo(f"next: smokegate flip {contest.candidate.id} --evidence {done.path}{over}")
