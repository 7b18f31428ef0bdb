"""The two halves of a verdict as steps: found and written down, read and published."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from smokegate.errors import DocumentError, UsageError
from smokegate.github.api.port import GitHub
from smokegate.github.step import runner_io
from smokegate.github.step.events import WorkflowRun
from smokegate.github.step.runner_io import Step
from smokegate.github.verdicts import asking, verdict_document
from smokegate.github.verdicts.notice import summary
from smokegate.github.verdicts.publish import AGAIN, CANNOT, Publisher
from smokegate.github.verdicts.store import Store
from smokegate.github.verdicts.verdict_document import Docket, Run
from smokegate.github.verdicts.workplace import Workplace

_OTHER_HEAD = "run the job that judges and the one that publishes in one workflow run"


def judged(place: Workplace, hub: GitHub, out: Path) -> Docket:
    event = place.step.event()
    with place.court(event.repository.default_branch) as court:
        head, asked = asking.told(event, hub, court.store.pulls_at)
        found = tuple(court.judge(one) for one in asked)
        whole = Docket(place.step.repository, head, court.settings, found, _run(place.step))
    docket, text = verdict_document.handed_over(whole)
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}", fix="name a writable file with --out") from None
    runner_io.write_summary(place.step.summary, summary(docket.judged))
    runner_io.write_outputs(place.step.output, {"report": str(out)})
    return docket


def read(file: Path, step: Step) -> Docket:
    """What the other job left, held to the event that both answer: its artifact is a claim like any other."""
    try:
        with file.open("rb") as stream:
            data = stream.read(verdict_document.LARGEST + 1)
    except OSError as error:
        raise UsageError(
            f"the verdict {file} cannot be read: {error.strerror}", fix="download the artifact of the job that judges"
        ) from None
    docket = verdict_document.read(data, str(file))
    event = step.event()
    if isinstance(event, WorkflowRun) and event.head_sha != docket.head:
        raise DocumentError(f"{file} is about {docket.head}, and this run about {event.head_sha}", fix=_OTHER_HEAD)
    if docket.run != _run(step):
        # Who may run a job again could bring back a green verdict from before the base or the policy was another.
        raise DocumentError(f"{file} was found by an earlier attempt of this run, or by another run", fix=AGAIN)
    return docket


def _run(step: Step) -> Run:
    return Run(step.run_id, step.run_attempt)


def published(place: Workplace, hub: GitHub, docket: Docket) -> int:
    with TemporaryDirectory(prefix="smokegate-") as folder:
        store = Store(Path(folder, "store.git"), place.remote(), sleep=place.clock.sleep)
        found = Publisher(hub, place.clock, place.step.run_url, store.pulls_at).publish(docket)
    if not found.rulings:
        runner_io.annotate("notice", f"no open pull request has the head {docket.head} any more", sys.stdout)
    for check in found.checks:
        runner_io.plain([f"{check.name}: {check.conclusion}: {check.url}"], sys.stdout)
    runner_io.write_outputs(place.step.output, {"verdict": found.verdict})
    return 2 if found.verdict == CANNOT else 0
