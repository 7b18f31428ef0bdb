"""What to do after an answer, or after none. Pure: no clock, no dice, no network of its own.

GitHub's default elsewhere is to send a POST again after any 5xx and a PATCH never; both are wrong for us. What may be
sent twice is sent again; what may not is, only when nothing can have come of it; else the flow looks first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum


@dataclass(frozen=True, slots=True)
class Limits:
    attempts: int = 6
    wait: float = 120.0
    """Seconds of waiting for one request, all its attempts together."""
    first_pause: float = 1.0
    secondary_pause: float = 60.0
    """GitHub asks for a minute at least where it limits and names no time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Header names are in lower case; `message` is GitHub's word for what is wrong."""

    status: int
    headers: Mapping[str, str]
    message: str = ""


class Silence(Enum):
    NOT_SENT = "the request never reached the server"
    LOST = "the server may have acted, and its answer did not arrive"
    REFUSED = "the server cannot be spoken to as things are set"


Outcome = Answer | Silence


class Verdict(Enum):
    TAKE = "an answer to use"
    AGAIN = "send it again"
    FAIL = "no use in sending it again"
    LIMITED = "it would have to wait longer than a job may"
    UNCERTAIN = "it may have happened"


@dataclass(frozen=True, slots=True)
class Step:
    verdict: Verdict
    pause: float = 0.0
    """Before sending again; for LIMITED, what GitHub asked for."""


@dataclass(frozen=True, slots=True)
class Past:
    """Of one request: how often it was sent, and how long was waited in between."""

    sent: int
    waited: float = 0.0


def step(outcome: Outcome, *, repeatable: bool, past: Past, limits: Limits, now: float, dice: float) -> Step:
    """`now` in seconds since the epoch, `dice` in 0..1: workers that failed together must not return together."""
    if isinstance(outcome, Answer) and (limited := _limited(outcome)):
        return _after_limit(outcome, limited, past, limits, now)
    if isinstance(outcome, Answer) and outcome.status < 500:
        return Step(Verdict.TAKE if outcome.status < 400 else Verdict.FAIL)
    if outcome is Silence.REFUSED:
        return Step(Verdict.FAIL)
    if outcome is not Silence.NOT_SENT and not repeatable:
        return Step(Verdict.UNCERTAIN)
    if past.sent >= limits.attempts:
        return Step(Verdict.FAIL)
    pause = limits.first_pause * 2 ** (past.sent - 1) * (0.5 + dice / 2)
    if isinstance(outcome, Answer) and (asked := _seconds(outcome.headers.get("retry-after"), now)) is not None:
        pause = max(pause, asked)
    return Step(Verdict.AGAIN, pause) if past.waited + pause <= limits.wait else Step(Verdict.FAIL)


class _Limit(Enum):
    PRIMARY = 1
    SECONDARY = 2


_LIMIT_WORDS = re.compile(
    r"rate limit|abuse detection|retry your request again later|wait a few minutes before you try again", re.IGNORECASE
)


def _limited(answer: Answer) -> _Limit | None:
    """A 403 is GitHub's for both 'slower' and 'never'; a limit is said by a header or by the message."""
    if answer.status not in {403, 429}:
        return None
    if answer.headers.get("x-ratelimit-remaining", "").strip() == "0" and "retry-after" not in answer.headers:
        return _Limit.PRIMARY
    if answer.status == 429 or "retry-after" in answer.headers or _LIMIT_WORDS.search(answer.message):
        return _Limit.SECONDARY
    return None


def _after_limit(answer: Answer, limit: _Limit, past: Past, limits: Limits, now: float) -> Step:
    """A limit is answered before anything is done, so what was sent may be sent again, whatever its verb."""
    here = server_time(answer, now)
    pause = _seconds(answer.headers.get("retry-after"), here)
    if pause is None and limit is _Limit.PRIMARY:
        reset = _number(answer.headers.get("x-ratelimit-reset"))
        pause = None if reset is None else max(reset - here, 0.0) + 1.0
    if pause is None:
        pause = limits.secondary_pause * 2 ** (past.sent - 1)
    if past.sent >= limits.attempts or past.waited + pause > limits.wait:
        return Step(Verdict.LIMITED, pause)
    return Step(Verdict.AGAIN, pause)


def server_time(answer: Answer, now: float) -> float:
    """The server's own clock: against it, a reset is so far away whatever this machine believes."""
    return _date(answer.headers.get("date")) or now


def _seconds(text: str | None, now: float) -> float | None:
    """Retry-After: seconds, or a date."""
    if (number := _number(text)) is not None:
        return number
    if (date := _date(text)) is not None:
        return max(date - now, 0.0)
    return None


def _number(text: str | None) -> float | None:
    """Floats have been seen where GitHub promises whole numbers (PyGithub 2697)."""
    found = re.fullmatch(r"\s*(\d{1,12})(?:\.\d{1,9})?\s*", text or "", re.ASCII)
    return float(found[0]) if found else None


def _date(text: str | None) -> float | None:
    try:
        parsed = parsedate_to_datetime(text) if text else None
    except (ValueError, OverflowError):
        return None
    if parsed is None:
        return None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def clock_words(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
