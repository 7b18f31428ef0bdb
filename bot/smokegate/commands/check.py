"""`smokegate check`: judge a change."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from smokegate.commands import options, terminal
from smokegate.errors import UsageError

if TYPE_CHECKING:
    from smokegate.judge.report import Report

EXIT_BLOCK = 1
FORMATS = ("text", "json", "markdown", "sarif", "github")
DOCS_URL = "https://github.com/smokegate/smokegate/blob/main/docs/checks.md"


@click.command("check")
@options.judging
@click.option("--base", metavar="REV", help="Default: where head left the default branch. dir:PATH for a folder.")
@click.option("--head", metavar="REV", help="Default: the working tree as git would store it. dir:PATH for a folder.")
@click.option("--all", "deep", is_flag=True, help="Look deep at every entry, not only at what the change touches.")
@click.option("--verbose", is_flag=True, help="Spell out standing debt instead of counting it.")
@click.option("--format", "format_", type=click.Choice(FORMATS), default="text", show_default=True)
def command(
    repo: str,
    registry: str | None,
    policy: str | None,
    output: str | None,
    base: str | None,
    head: str | None,
    deep: bool,
    verbose: bool,
    format_: str,
) -> int:
    """Judge a change: is it sound, and if not, what is wrong and how is it mended?

    Exit code 0: pass. 1: blocked, or evidence or an owner is wanted. 2: cannot judge. 3: a bug of ours.
    """
    from smokegate.judge.report import Verdict
    from smokegate.review.check import Question, check

    reports = check(Question(repo, base, head, registry, policy, deep))
    terminal.write(_rendered(reports, format_, verbose=verbose, to_file=output is not None), output)
    if format_ == "github":
        _step_summary(reports)
    return 0 if all(r.verdict is Verdict.PASS for r in reports) else EXIT_BLOCK


def _rendered(reports: Sequence[Report], format_: str, *, verbose: bool, to_file: bool) -> str:
    match format_:
        case "json":
            from smokegate.render import json_report

            return json_report.render(reports)
        case "markdown":
            from smokegate.render import markdown

            return markdown.render(reports)
        case "sarif":
            from smokegate.render import sarif

            return sarif.render(reports, docs_url=DOCS_URL)
        case "github":
            from smokegate.render import github

            return github.render(reports)
        case _:
            from smokegate.render import text

            colour = not to_file and terminal.colour()
            return text.render(reports, colour=colour, verbose=verbose, width=terminal.width())


def _step_summary(reports: Sequence[Report]) -> None:
    from smokegate.render import github

    place = os.environ.get("GITHUB_STEP_SUMMARY")
    if not place:
        return
    try:
        with Path(place).open("a", encoding="utf-8") as stream:
            stream.write(github.summary(reports))
    except OSError as error:
        raise UsageError(
            f"cannot write the step summary {place}: {error.strerror}", fix="unset GITHUB_STEP_SUMMARY"
        ) from None
