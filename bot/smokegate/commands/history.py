"""`smokegate history`: would every commit so far have passed?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from smokegate.commands import options, terminal

if TYPE_CHECKING:
    from smokegate.review.history import Replayed

EXIT_BLOCK = 1
EXIT_CANNOT_JUDGE = 2


@click.command("history")
@options.judging
@click.option("--head", metavar="REV", default="HEAD", show_default=True, help="Replay what led here.")
@click.option("--since", metavar="REV", help="Leave out this commit and what came before it.")
@click.option("--format", "format_", type=click.Choice(("text", "json")), default="text", show_default=True)
def command(
    repo: str,
    registry: str | None,
    policy: str | None,
    output: str | None,
    head: str,
    since: str | None,
    format_: str,
) -> int:
    """Replay every commit that touched the registry, parent against commit, along first parents.

    Exit code 0: every commit passes. 1: some do not. 2: some cannot be judged.
    """
    from smokegate.review.check import Question
    from smokegate.review.history import history

    live = format_ == "text" and output is None
    replayed = []
    for one in history(Question(repo, None, head, registry, policy), since=since):
        replayed.append(one)
        if live:
            for line in _lines(one, colour=terminal.colour()):
                click.echo(line, color=True)
    if live:
        click.echo(_totals(replayed))
    elif format_ == "json":
        terminal.write(_document(replayed), output)
    else:
        lines = [line for one in replayed for line in _lines(one, colour=False)]
        terminal.write("\n".join([*lines, _totals(replayed), ""]), output)
    return _exit_code(replayed)


def _lines(one: Replayed, *, colour: bool) -> list[str]:
    from smokegate.render import replay

    width = terminal.width()
    lines = [replay.line(one.commit, report, colour=colour, width=width) for report in one.reports]
    return [*lines, replay.fault_line(one.commit, one.fault, colour=colour)] if one.fault else lines


def _totals(replayed: list[Replayed]) -> str:
    from smokegate.render import replay

    reports = [report for one in replayed for report in one.reports]
    return replay.totals(reports, sum(one.fault is not None for one in replayed))


def _document(replayed: list[Replayed]) -> str:
    from smokegate.render import json_report, replay

    return replay.document(
        (one.commit, [json_report.render([report]) for report in one.reports], one.fault) for one in replayed
    )


def _exit_code(replayed: list[Replayed]) -> int:
    from smokegate.judge.report import Verdict

    if any(one.fault for one in replayed):
        return EXIT_CANNOT_JUDGE
    passed = all(report.verdict is Verdict.PASS for one in replayed for report in one.reports)
    return 0 if passed else EXIT_BLOCK
