"""`smokegate github refresh`: a batch for each manifest of the policy, and what each came to."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

_FILE = click.Path(path_type=Path)
_LARGEST = 64 << 20


@click.command("refresh")
@click.option("--report", type=_FILE, metavar="FILE", help="What `smokegate batch --report-json` was to write: say it.")
@click.option("--manifest", metavar="PATH", help="With --report: the manifest that it is of, as the policy has it.")
def command(report: Path | None, manifest: str | None) -> int:
    """Start one refresh for each manifest of the policy; with --report, say what one came to.

    Coverage is compared with the last time. Where it fell, a table was not refreshed, or there is no report, an issue
    says so: one for each manifest.

    Exit code 0: started, or said. 1: there is such an issue to look at. 2: GitHub cannot be asked, or the report cannot
    be read.
    """
    from smokegate.errors import UsageError
    from smokegate.github.promotions import office
    from smokegate.github.schedule.refresh import Refresher, announced
    from smokegate.github.step import runner_io, stepping
    from smokegate.github.verdicts import workplace

    if (report is None) is not (manifest is None):
        raise UsageError("--report and --manifest go together", fix="give both, or neither")
    place = workplace.opened(os.environ)
    event = place.step.event()
    with stepping.told(place.step), office.opened(place, place.hub(), event.repository.default_branch) as opened:
        refresher = Refresher(opened)
        if report is None or manifest is None:
            runs = [(one, opened.run_url(run)) for one, run in refresher.dispatched()]
            runner_io.plain([f"{one}: {url or 'started'}" for one, url in runs], sys.stdout)
            runner_io.write_summary(place.step.summary, announced(runs))
            return 0
        found = refresher.reported(manifest, _read(report))
    runner_io.write_summary(place.step.summary, found.text)
    if found.wanting:
        runner_io.annotate("warning", f"{manifest} wants a look: {found.issue}", sys.stdout)
    return 1 if found.wanting else 0


def _read(report: Path) -> bytes | None:
    """None where the batch left none."""
    from smokegate.errors import UsageError

    try:
        with report.open("rb") as stream:
            return stream.read(_LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(
            f"the report {report} cannot be read: {error.strerror}", fix="have `smokegate batch` write it"
        ) from None
