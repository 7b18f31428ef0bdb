"""`smokegate github publish`: the verdict becomes a check run and a comment."""

from __future__ import annotations

import os
from pathlib import Path

import click

from smokegate.commands.github_judge import VERDICT


@click.command("publish")
@click.option("--verdict", type=click.Path(path_type=Path), default=VERDICT, show_default=True, metavar="FILE")
def command(verdict: Path) -> int:
    """Publish what `judge` found.

    Exit code 0 once it is published, whatever the verdict. 2: cannot judge, or cannot publish.
    """
    from smokegate.github.verdicts import workplace
    from smokegate.github.verdicts.judging import published, read

    place = workplace.opened(os.environ)
    return published(place, place.hub(), read(verdict, place.step))
