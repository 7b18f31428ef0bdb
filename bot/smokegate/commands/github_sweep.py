"""`smokegate github sweep`: promotions of which nothing will come are told so."""

from __future__ import annotations

import os
import sys

import click


@click.command("sweep")
def command() -> int:
    """Look after every promotion under way: say what became of those that end without an answer, and free them.

    Exit code 0, whatever was found. 2: GitHub cannot be asked, or told.
    """
    from smokegate.github.promotions import office
    from smokegate.github.schedule.sweep import Sweeper, summary
    from smokegate.github.step import runner_io, stepping
    from smokegate.github.verdicts import workplace

    place = workplace.opened(os.environ)
    event = place.step.event()
    with stepping.told(place.step), office.opened(place, place.hub(), event.repository.default_branch) as opened:
        sweeper = Sweeper(opened)
        lines = sweeper.sweep()
    runner_io.plain(lines or ["nothing is under way"], sys.stdout)
    runner_io.write_summary(place.step.summary, summary([*lines, *sweeper.refused], place.clock.now()))
    for refused in sweeper.refused:
        runner_io.annotate("error", refused, sys.stdout)
    return 2 if sweeper.refused else 0
