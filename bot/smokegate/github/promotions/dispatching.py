"""A harness's run: started once, and found again by the nonce in its name."""

from __future__ import annotations

from dataclasses import dataclass

from smokegate.github.api import times
from smokegate.github.api.clock import Clock
from smokegate.github.api.faults import NotFound
from smokegate.github.api.once import once
from smokegate.github.api.port import GitHub, Job, Viewer, WorkflowRun
from smokegate.github.promotions import promotion
from smokegate.github.promotions.locking import Fate, Lock, Seen, fate
from smokegate.github.promotions.promotion import Request
from smokegate.policy_github import GitHub as Settings

JOB = "harness"
"""Of the harness's workflow, the one that a runner has to take."""
_SLACK = 3600.0
"""Seconds by which our clock and GitHub's may differ."""
_LOOKS = (1.0, 3.0, 6.0)
_UNSAID = 0
"""What an older server says of the run that it starts."""


@dataclass(frozen=True, slots=True)
class Runs:
    hub: GitHub
    clock: Clock
    settings: Settings
    branch: str
    """The default one: what runs is its workflow, by its code."""
    ours: Viewer

    def started(self, request: Request, lock: Lock) -> int | None:
        """The run's id; None where GitHub does not show it yet."""

        def there() -> int | None:
            found = self.of(lock)
            return found.id if found else None

        def act() -> int:
            inputs = promotion.inputs(request, self.settings)
            return self.hub.dispatch(self.settings.workflows.harness, self.branch, inputs) or _UNSAID

        run = once(there, act, self.clock)
        for pause in () if run != _UNSAID else _LOOKS:
            self.clock.sleep(pause)
            if (found := there()) is not None:
                return found
        return run or None

    def of(self, lock: Lock) -> WorkflowRun | None:
        """By its id where that was written down, else by its name."""
        if lock.run is not None:
            try:
                return self.hub.run(lock.run)
            except NotFound:
                return None
        since = times.written(lock.taken_at - _SLACK)
        runs = self.hub.workflow_runs(self.settings.workflows.harness, event="workflow_dispatch", created_since=since)
        # Of several the first: whatever bears the name later is somebody's repetition.
        return min((run for run in runs if self._bears(run, lock.nonce)), key=lambda run: run.id, default=None)

    def _bears(self, run: WorkflowRun, nonce: str) -> bool:
        """Anybody who may dispatch may choose a name; the branch and who started it they may not."""
        by_us = run.actor.login.casefold() == self.ours.login.casefold()
        return promotion.nonce_of(run.title) == nonce and run.head_branch == self.branch and by_us

    def fate(self, lock: Lock, run: WorkflowRun | None) -> Fate:
        return fate(lock, self._seen(run) if run else None, self.clock.now(), self.settings)

    def _seen(self, run: WorkflowRun) -> Seen:
        jobs = [job for job in self.hub.jobs(run.id) if self._is_harness(job)]
        started = [times.seconds(job.started_at) for job in jobs if job.runner is not None and job.started_at]
        created = [times.seconds(one) for one in (run.created_at, *(job.created_at for job in jobs))]
        updated = times.seconds(run.updated_at)
        return Seen(run.status, run.conclusion, max(created), min(started, default=None), updated)

    def _is_harness(self, job: Job) -> bool:
        """By its name, which a caller's stands before; or by its labels, unless the policy has others by now."""
        wanted = {label.casefold() for label in self.settings.runner_labels}
        return job.name.rpartition(" / ")[2] == JOB or wanted <= {label.casefold() for label in job.labels}
