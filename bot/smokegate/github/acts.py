"""The commands that are no promotion: stop one, say how they stand, judge again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from smokegate.github import answers, sticky
from smokegate.github.answers import Going
from smokegate.github.asking import PULL_INPUT
from smokegate.github.grammar import Command
from smokegate.github.locking import Lock
from smokegate.github.office import Office
from smokegate.github.once import once
from smokegate.github.promote import Asked
from smokegate.judge.groups import ensembles

VERDICT_WORKFLOW = "registry-verdict.yml"
_STARTED = 1


@dataclass(frozen=True, slots=True)
class Act:
    """What is said, and what is done once it was said: an answer may be lost, and then all is done again."""

    said: str
    then: Callable[[], None] = field(default=lambda: None)


def hold(office: Office, asked: Asked) -> Act:
    """Locks are let go last: as long as the answer is not there, they say what it has to be about."""
    locks, runs = office.locks(), office.runs()
    mine = {
        lock: refs
        for lock, refs in locks.standing().items()
        if lock.pr == asked.pull.number and _meant(asked.command, lock) and _before(lock, asked)
    }
    for lock in mine:
        run = runs.of(lock)
        if run is not None and run.status != "completed":
            office.hub.cancel_run(run.id)

    def free() -> None:
        for lock, refs in mine.items():
            locks.free(lock.nonce, refs)

    ids = [one for lock in mine for one in lock.ids]
    return Act(answers.held(asked.command, ids), free)


def _meant(command: Command, lock: Lock) -> bool:
    return not command.ids or not {*lock.ids, *ensembles(lock.ids)}.isdisjoint(command.ids)


def _before(lock: Lock, asked: Asked) -> bool:
    """What was asked for after the comment is not what it stops, however late it is read."""
    return lock.comment is None or lock.comment < asked.comment.id


def status(office: Office, asked: Asked) -> Act:
    runs = office.runs()
    going = []
    for lock in office.locks().standing():
        if lock.pr == asked.pull.number:
            run = runs.of(lock)
            going.append(Going(lock, runs.fate(lock, run), run.url if run else None))
    before = sticky.place(asked.comments, office.ours).before
    judged = before.verdict if before is not None and before.head == asked.pull.head_sha else None
    return Act(answers.status(going, asked.pull.head_sha, judged))


def recheck(office: Office, asked: Asked) -> Act:
    """A run that we started since the comment was written is the one."""

    def there() -> int | None:
        since = asked.comment.created_at
        runs = office.hub.workflow_runs(VERDICT_WORKFLOW, event="workflow_dispatch", created_since=since)
        return next((run.id for run in runs if run.actor.login == office.ours.login), None)

    def act() -> int:
        inputs = {PULL_INPUT: str(asked.pull.number)}
        return office.hub.dispatch(VERDICT_WORKFLOW, office.branch, inputs) or _STARTED

    once(there, act, office.clock)
    return Act(answers.rechecked(asked.pull.head_sha))
