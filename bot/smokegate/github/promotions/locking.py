"""The lock of one entry: a git ref that is created or not, and whose commit message says who holds it and why.

Creating a ref is the one thing that GitHub does atomically. Two promotions of one entry want one ref.
"""

from __future__ import annotations

import enum
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from smokegate.github.promotions.promotion import Request
from smokegate.policy_github import GitHub
from smokegate.registry import strict_json

PREFIX = "refs/smokegate/locks/"
_DIGITS = 16
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
_NONCE = re.compile(r"[0-9a-f]{32}", re.ASCII)
_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,98}(?:\[bot\])?", re.ASCII)
_TITLE = "smokegate lock"
_LONGEST = 16_384

DISPATCHED_WITHIN = 10 * 60.0
"""Seconds after which a promotion that still has no run never gets one."""
ENDED_WITHIN = 15 * 60.0
"""Seconds that GitHub may take to end a run past its time-out, or the last job to free the lock."""


@dataclass(frozen=True, slots=True)
class Lock:
    nonce: str
    pr: int
    ids: tuple[str, ...]
    actor: str
    taken_at: int
    """Seconds since the epoch, by the clock of whoever took it."""
    comment: int | None = None
    """That asked for it."""
    run: int | None = None
    """Of the harness, once it is known."""


def lock_of(request: Request, taken_at: float) -> Lock:
    return Lock(request.nonce, request.pr, request.ids, request.actor, int(taken_at), request.comment)


def refs(registry: str, ids: Iterable[str]) -> list[str]:
    """One for each entry, always in one order, so that two that want the same ones do not each hold half."""
    folder = hashlib.sha256(registry.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    wrong = [one for one in ids if not _ID.fullmatch(one)]
    if wrong:
        raise ValueError(f"no entry's id can be {wrong[0][:80]!r}")
    return [f"{PREFIX}{folder}/{one}" for one in sorted(set(ids))]


def write(lock: Lock) -> str:
    """The commit's message."""
    return f"{_TITLE}\n\n{json.dumps(asdict(lock), sort_keys=True)}\n"


def read(message: str) -> Lock | None:
    """None where this is no lock of ours."""
    title, _, text = message.partition("\n\n")
    if title != _TITLE:
        return None
    try:
        return _lock(**strict_json.parse(text.encode(), max_bytes=_LONGEST, max_depth=2))
    except (ValueError, TypeError):
        return None


def _lock(
    *,
    nonce: object,
    pr: object,
    ids: object,
    actor: object,
    taken_at: object,
    comment: object = None,
    run: object = None,
) -> Lock:
    if not isinstance(nonce, str) or not isinstance(actor, str) or not isinstance(ids, list):
        raise TypeError
    if not _NONCE.fullmatch(nonce) or not _LOGIN.fullmatch(actor):
        raise ValueError
    if not ids or not all(isinstance(one, str) and _ID.fullmatch(one) for one in ids):
        raise ValueError
    comment, run = (None if value is None else _count(value) for value in (comment, run))
    return Lock(nonce, _count(pr), tuple(ids), actor, _count(taken_at), comment, run)


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**63:
        raise ValueError
    return value


class Fate(enum.Enum):
    """What became of a promotion."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDING = "ending"
    NEVER_STARTED = "never-started"
    NOT_APPROVED = "not-approved"
    NO_RUNNER = "no-runner"
    OVERDUE = "overdue"
    TIMED_OUT = "timed-out"
    CANCELLED = "cancelled"
    DIED = "died"
    UNFINISHED = "unfinished"
    """It ended well, and what should have freed the lock did not."""

    @property
    def over(self) -> bool:
        """Whether nothing will come of it any more, so that the lock is stale."""
        return self not in (Fate.WAITING, Fate.RUNNING, Fate.ENDING)


@dataclass(frozen=True, slots=True)
class Seen:
    """The run as GitHub shows it; times in seconds since the epoch."""

    status: str
    conclusion: str | None
    created: float
    started: float | None
    """When a runner took the harness's job; None while none did."""
    updated: float


def fate(lock: Lock, run: Seen | None, now: float, settings: GitHub) -> Fate:
    if run is None:
        away = abs(now - lock.taken_at)  # a lock from the future was written by a clock that nobody can wait for
        return Fate.NEVER_STARTED if away > DISPATCHED_WITHIN else Fate.WAITING
    if run.status == "completed":
        return _ended(run, now)
    if run.started is None:
        if now - run.created <= settings.queue_timeout_minutes * 60:
            return Fate.WAITING
        return Fate.NOT_APPROVED if run.status == "waiting" else Fate.NO_RUNNER
    late = now - run.started > settings.harness_timeout_minutes * 60 + ENDED_WITHIN
    return Fate.OVERDUE if late else Fate.RUNNING


def _ended(run: Seen, now: float) -> Fate:
    match run.conclusion:
        case "success":
            return Fate.UNFINISHED if now - run.updated > ENDED_WITHIN else Fate.ENDING
        case "cancelled":
            return Fate.CANCELLED
        case "timed_out":
            return Fate.TIMED_OUT
        case _:
            return Fate.DIED
