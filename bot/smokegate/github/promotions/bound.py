"""The verdict that whoever asks for a promotion could read: our own check run on that head, done before they wrote."""

from __future__ import annotations

from smokegate.github.api import times
from smokegate.github.api.port import CheckRun, GitHub, Viewer
from smokegate.github.verdicts import binding


def verdict_before(hub: GitHub, ours: Viewer, name: str, head: str, moment: str) -> CheckRun | None:
    """The newest. A second in which both happened proves nothing, so it does not count."""
    runs = hub.check_runs(head, name=name, app_id=ours.app_id)
    return next((run for run in runs if _ours(run, ours) and _of(run, head) and _done_before(run, moment)), None)


def _ours(run: CheckRun, ours: Viewer) -> bool:
    """Any app may give a check run our name; none may bear our app's."""
    return run.app_slug is not None and f"{run.app_slug}[bot]".casefold() == ours.login.casefold()


def _of(run: CheckRun, head: str) -> bool:
    bound = binding.read(run.external_id)
    return run.head_sha == head and bound is not None and bound.head == head


def _done_before(run: CheckRun, moment: str) -> bool:
    done = run.status == "completed" and run.completed_at
    return bool(done) and times.seconds(run.completed_at or "") < times.seconds(moment)
