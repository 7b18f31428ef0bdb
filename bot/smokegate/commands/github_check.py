"""`smokegate github check`: the pull request's own workflow asks, with a token that reads and nothing else."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click


@click.command("check")
@click.option("--report", type=click.Path(path_type=Path), metavar="FILE", help="Write the report there, as JSON.")
def command(report: Path | None) -> int:
    """Judge what the event is about: annotations, step summary, outputs.

    Exit code 0: pass. 1: blocked, or evidence or an owner is wanted. 2: cannot judge.
    """
    from smokegate.commands import terminal
    from smokegate.github.step import runner_io
    from smokegate.github.verdicts import asking, workplace
    from smokegate.github.verdicts.notice import summary
    from smokegate.render import github, json_report, words

    place = workplace.opened(os.environ)
    event = place.step.event()
    asked = asking.of_its_own(event)
    with place.court(event.repository.default_branch) as court:
        judged = court.judge(asked)
    runner_io.write_summary(place.step.summary, summary([judged]))
    if judged.cannot is not None:
        runner_io.annotate("error", judged.cannot, sys.stdout)
        runner_io.write_outputs(place.step.output, {"verdict": "cannot-judge"})
        return 2
    terminal.write(github.render(judged.reports), None)
    outputs = {"verdict": words.worst(judged.reports).value}
    if report is not None:
        terminal.write(json_report.render(judged.reports), str(report))
        outputs["report"] = str(report)
    runner_io.write_outputs(place.step.output, outputs)
    return 0 if outputs["verdict"] == "pass" else 1
