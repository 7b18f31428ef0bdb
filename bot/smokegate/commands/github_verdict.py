"""`smokegate github verdict`: `judge` and `publish` in one step, where two jobs are more than is wanted."""

from __future__ import annotations

import os
from pathlib import Path

import click

from smokegate.commands.github_judge import VERDICT


@click.command("verdict")
@click.option("--out", type=click.Path(path_type=Path), default=VERDICT, show_default=True, metavar="FILE")
def command(out: Path) -> int:
    """Judge and publish in one go. In two jobs, the one that parses models holds no token that writes.

    Exit code 0 once it is published, whatever the verdict. 2: cannot judge, or cannot publish.
    """
    from smokegate.github.verdicts import workplace
    from smokegate.github.verdicts.judging import judged, published

    place = workplace.opened(os.environ)
    hub = place.hub()
    return published(place, hub, judged(place, hub, out))
