"""The commands that are no promotion: stop one, say how they stand, judge again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from smokegate.github.api.once import once
from smokegate.github.comments import reply, sticky
from smokegate.github.promotions import answers, remarks
from smokegate.github.promotions.answers import Going
from smokegate.github.promotions.holding import meant
from smokegate.github.promotions.locking import Lock
from smokegate.github.promotions.office import Office
from smokegate.github.promotions.promote import Asked
from smokegate.github.verdicts.asking import PULL_INPUT

VERDICT_WORKFLOW = "registry-verdict.yml"
_STARTED = 1


@dataclass(frozen=True, slots=True)
class Act:
    """What is said, and what is done once it was said: an answer may be lost, and then all is done again."""

    said: str
    then: Callable[[], None] = field(default=lambda: None)
    keys: tuple[str, ...] = ()
    """What it answers besides the comment."""


def hold(office: Office, asked: Asked) -> Act:
    """Locks are let go last: as long as the answer is not there, they say what it has to be about. It is the answer to
    those promotions as well, so that whoever finds a lock that was not let go has nothing more to say."""
    locks, runs = office.locks(), office.runs()
    here = {lock: refs for lock, refs in locks.standing().items() if _going(office, asked, lock)}
    mine = {lock: refs for lock, refs in here.items() if meant(asked.command, lock.ids) and _before(lock, asked)}
    if not mine:
        return Act(remarks.nothing_to_stop(asked.command, [one for lock in here for one in lock.ids]))
    for lock in mine:
        run = runs.of(lock)
        if run is not None and run.status != "completed":
            office.hub.cancel_run(run.id)

    def free() -> None:
        for lock, refs in mine.items():
            locks.free(lock.nonce, refs)

    ids = [one for lock in mine for one in lock.ids]
    return Act(answers.held(ids), free, tuple(reply.promotion_key(lock.nonce) for lock in mine))


def _going(office: Office, asked: Asked, lock: Lock) -> bool:
    """Not one that has its answer, and whose lock a killed job left."""
    answered = reply.find(asked.comments, reply.promotion_key(lock.nonce), office.ours)
    return lock.pr == asked.pull.number and answered is None


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
    """A run does not say what it judges, so none is looked for: judged twice, it is one check run all the same."""

    def act() -> int:
        inputs = {PULL_INPUT: str(asked.pull.number)}
        return office.hub.dispatch(VERDICT_WORKFLOW, office.branch, inputs) or _STARTED

    once(lambda: None, act, office.clock)
    return Act(answers.rechecked(asked.pull.head_sha))
