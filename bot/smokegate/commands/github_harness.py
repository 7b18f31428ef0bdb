"""`smokegate github harness`: the step that runs on the GPU machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

OUT = Path("smokegate-promotion")


@click.command("harness")
@click.option("--out", type=click.Path(path_type=Path), default=OUT, show_default=True, metavar="DIR")
def command(out: Path) -> int:
    """Measure what the event's request asks for, and leave the evidence in DIR for `finish`.

    Exit code 0: PROMOTE or HOLD, whichever; `finish` says it. 2: there is no verdict.
    """
    from smokegate.github.measuring import harness
    from smokegate.github.promotions import office
    from smokegate.github.step import runner_io, stepping
    from smokegate.github.verdicts import workplace

    place = workplace.opened(os.environ)
    event = place.step.event()
    with stepping.told(place.step), office.opened(place, place.hub(), event.repository.default_branch) as opened:
        left = harness.measured(opened, harness.requested(event, opened), out)
    runner_io.plain([f"{left.verdict}: {', '.join(left.request.ids)}; wrote {left.evidence}"], sys.stdout)
    runner_io.write_outputs(place.step.output, {"verdict": left.verdict.lower(), "evidence": str(left.evidence)})
    return 0
