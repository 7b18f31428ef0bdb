"""What every flow of a promotion works with, put together once for a step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from smokegate.github.api.clock import Clock
from smokegate.github.api.port import GitHub, Viewer
from smokegate.github.promotions.dispatching import Runs
from smokegate.github.promotions.ground import Ground
from smokegate.github.promotions.locks import Locks
from smokegate.github.promotions.turns import Turns, Worker
from smokegate.github.step.runner_io import Step
from smokegate.github.verdicts.verdict import Court
from smokegate.github.verdicts.workplace import Workplace
from smokegate.policy_github import GitHub as Settings
from smokegate.sources.git import GitRepo


@dataclass(frozen=True, slots=True)
class Office:
    hub: GitHub
    clock: Clock
    ours: Viewer
    step: Step
    court: Court
    ground: Ground

    @property
    def settings(self) -> Settings:
        """The default branch's word on how this repository uses GitHub."""
        return self.court.settings

    @property
    def branch(self) -> str:
        return self.court.default_branch

    def turns(self) -> Turns:
        return Turns(self.hub, self.clock, Worker(self.step.run_id, self.step.run_attempt), self.ground)

    def locks(self) -> Locks:
        return Locks(self.hub, self.clock, self.ground)

    def runs(self) -> Runs:
        return Runs(self.hub, self.clock, self.settings, self.branch, self.ours)

    def run_url(self, run: int | None) -> str | None:
        return f"{self.step.server_url}/{self.step.repository}/actions/runs/{run}" if run else None

    @contextmanager
    def repo(self) -> Iterator[GitRepo]:
        """The store, with all that was fetched into it."""
        with GitRepo.discover(self.court.store.folder) as repo:
            yield repo


@contextmanager
def opened(place: Workplace, hub: GitHub, default_branch: str) -> Iterator[Office]:
    with place.court(default_branch) as court:
        tip = court.store.tip(default_branch)
        with GitRepo.discover(court.store.folder) as repo:
            ground = Ground(tip, repo.git.text("rev-parse", f"{tip}^{{tree}}"))
        yield Office(hub, place.clock, hub.viewer(), place.step, court, ground)
