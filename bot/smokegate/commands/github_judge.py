"""`smokegate github judge`: the verdict that counts is found by default-branch code, with a token that reads."""

from __future__ import annotations

import os
from pathlib import Path

import click

VERDICT = Path("smokegate-verdict.json")


@click.command("judge")
@click.option("--out", type=click.Path(path_type=Path), default=VERDICT, show_default=True, metavar="FILE")
def command(out: Path) -> int:
    """Judge the head that the event names, for every pull request that it is the head of, and write the verdict.

    Exit code 0, whatever the verdict: `publish` says it. 2: there is nothing to judge by.
    """
    from smokegate.github.verdicts import workplace
    from smokegate.github.verdicts.judging import judged

    place = workplace.opened(os.environ)
    docket = judged(place, place.hub(), out)
    click.echo(f"{len(docket.judged)} judged at {docket.head}; wrote {out}")
    return 0
