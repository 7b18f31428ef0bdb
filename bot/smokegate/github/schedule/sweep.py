"""Nothing waits for ever: promotions of which nothing will come are told so, once, and their entries are freed.

Said first, then cancelled, then freed: whatever ends this half-way, the next sweep finds what it said and goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from smokegate.github.api import times
from smokegate.github.api.faults import GitHubError, NotFound, passing
from smokegate.github.api.port import WorkflowRun
from smokegate.github.comments import reply
from smokegate.github.flips.finish import ARTIFACT
from smokegate.github.promotions import answers, remarks
from smokegate.github.promotions.command import say
from smokegate.github.promotions.locking import Fate, Lock
from smokegate.github.promotions.office import Office
from smokegate.github.promotions.turns import Turn
from smokegate.render.escape import clip, code

_CANCELLED_FOR = frozenset({Fate.NO_RUNNER, Fate.NOT_APPROVED, Fate.OVERDUE})
_FORSAKEN = 15 * 60.0
"""Seconds that whoever lost a turn has to be run again in."""
_OF_COMMENTS = "comment:"


@dataclass(frozen=True, slots=True)
class Sweeper:
    office: Office
    refused: list[str] = field(default_factory=list)
    """Answers that GitHub did not take, as on a conversation that is locked."""

    def sweep(self) -> list[str]:
        """What was found, a line each."""
        return [*self._promotions(), *self._turns()]

    def _promotions(self) -> Iterator[str]:
        locks, runs = self.office.locks(), self.office.runs()
        for lock, refs in locks.standing().items():
            run = runs.of(lock)
            fate = runs.fate(lock, run)
            yield f"#{lock.pr} {', '.join(lock.ids)}: {fate.value}"
            if not fate.over:
                continue
            key = reply.promotion_key(lock.nonce)
            with self.office.turns().take(key, lock.pr) as mine:
                if not mine:
                    continue
                self._told(lock, fate, run, key)
                if fate in _CANCELLED_FOR and run is not None:
                    self.office.hub.cancel_run(run.id)
                self.office.locks().free(lock.nonce, refs)

    def _told(self, lock: Lock, fate: Fate, run: WorkflowRun | None, key: str) -> None:
        """Unless somebody was quicker: whoever frees entries says why first, under this key."""
        with self._unless_refused(f"#{lock.pr}"):
            say(self.office, lock.pr, [self._said(lock, fate, run)], key)

    def _said(self, lock: Lock, fate: Fate, run: WorkflowRun | None) -> str:
        url = run.url if run else None
        if fate is Fate.UNFINISHED and run is not None and url is not None:
            kept = self.office.hub.artifacts(run.id, name=ARTIFACT)
            if not kept or kept[0].expired:
                return answers.no_artifact(lock, url, expired=bool(kept))
        return answers.over(lock, fate, url, self.office.settings)

    def _turns(self) -> Iterator[str]:
        """Comments that somebody began to answer, and did not; of the others, whoever comes next takes the turn."""
        turns = self.office.turns()
        for turn in turns.standing():
            if self.office.clock.now() - turn.taken_at < _FORSAKEN or not turns.is_over(turn):
                continue
            yield f"{turn.key}: left by run {turn.run}"
            with turns.take(turn.key, turn.pull) as mine:
                if mine and turn.key.startswith(_OF_COMMENTS):
                    self._forsaken(turn)

    def _forsaken(self, turn: Turn) -> None:
        with self._unless_refused(f"#{turn.pull}"):
            say(self.office, turn.pull, [remarks.forsaken(self.office.run_url(turn.run))], turn.key)

    @contextmanager
    def _unless_refused(self, where: str) -> Iterator[None]:
        """What cannot be said in one place keeps no entry locked, and nobody else waiting."""
        try:
            yield
        except NotFound:
            pass  # there is no such pull request, so nobody waits for an answer
        except GitHubError as error:
            if passing(error):
                raise
            self.refused.append(f"nothing could be said on {where}: {error.message}")


def summary(lines: list[str], moment: float) -> str:
    listed = "\n".join(f"- {code(clip(line, 500))}" for line in lines)
    return f"## Sweep at {times.written(moment)}\n\n{listed or 'Nothing is under way.'}\n"
