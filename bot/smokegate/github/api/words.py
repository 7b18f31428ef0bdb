"""What is told of a request that failed: which one, what GitHub said, what mends it. Never a secret."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from smokegate.github.api.faults import GitHubError, NotFound, RateLimited, Uncertain
from smokegate.github.api.retrying import Answer, Outcome, clock_words
from smokegate.render.escape import clip, visible

REACH_FIX = "see whether the server is up and GITHUB_API_URL is its API's address, then run the job again"

LOOK_FIX = "see on GitHub whether it is there; running the job again looks first"

_SAID = 600
# More than is shown: a secret is taken out before the text is cut, lest a piece of it stay.
_HEARD = 10_000
_ITEMS = 5
_SECRET = 8


class Hidden:
    """The secrets that were in use, so that none is in a message, whoever put it there."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        for secret in secrets:
            self.hide(secret)

    def hide(self, secret: str) -> None:
        """One too short to be a secret would only take words apart."""
        if len(secret) >= _SECRET:
            self._secrets.add(secret)

    def out_of(self, text: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text

    def __repr__(self) -> str:
        return f"Hidden({len(self._secrets)})"


@dataclass(frozen=True, slots=True)
class Told:
    request: str
    why: str
    sent: int

    @property
    def times(self) -> str:
        return "" if self.sent == 1 else f" ({self.sent} times)"


def said(data: Any) -> str:
    """GitHub's own words of an error: its message, and those of its parts."""
    if not isinstance(data, dict):
        return ""
    errors = data.get("errors")
    parts = [data.get("message"), *(_part(error) for error in (errors if isinstance(errors, list) else [])[:_ITEMS])]
    return "; ".join(part[:_HEARD] for part in parts if isinstance(part, str) and part)


def _part(error: Any) -> Any:
    if not isinstance(error, dict):
        return error
    if isinstance(error.get("message"), str):
        return error["message"]
    return " ".join(str(error[key]) for key in ("resource", "field", "code") if isinstance(error.get(key), str))


def refused(told: Told, answer: Answer, needs: str) -> GitHubError:
    status = answer.status
    why = f": {_why(told)}" if told.why else ""
    message = f"GitHub answered {status} to {_request(told)}{told.times}{why}"
    kind, fix = GitHubError, None
    if status == 401:
        fix = "the token is expired, revoked, or another server's: set it anew"
    elif status == 403:
        fix = _allow(answer, needs)
    elif status in {404, 410}:
        kind, fix = NotFound, f"if it is there, {_allow(answer, needs)}" if needs else None
    elif status >= 500:
        fix = "run the job again"
    return kind(message, status=status, said=told.why, fix=fix)


def _allow(answer: Answer, needs: str) -> str:
    asked = visible(answer.headers.get("x-accepted-github-permissions", "")[:200])
    accepted = re.sub(r"([a-z_]+)=([a-z]+)", lambda m: f"{m[1].replace('_', '-')}: {m[2]}", asked)
    if not (wanted := accepted or needs):
        return "see what this token may do"
    return f"give the token `{wanted}` (in the workflow's `permissions`, or in the App's settings)"


def uncertain(told: Told, outcome: Outcome) -> Uncertain:
    what = f"GitHub answered {outcome.status}" if isinstance(outcome, Answer) else f"no answer: {_why(told)}"
    status = outcome.status if isinstance(outcome, Answer) else None
    return Uncertain(f"{_request(told)} may have happened or not ({what})", status=status, fix=LOOK_FIX)


def unanswered(told: Told, api: str) -> GitHubError:
    return GitHubError(f"{_request(told)} at {visible(api)} was not answered{told.times}: {_why(told)}", fix=REACH_FIX)


def limited(told: Told, status: int, at: float) -> RateLimited:
    when = clock_words(at)
    message = f"GitHub limits how much is asked of it, and takes {_request(told)} from {when} on: {_why(told)}"
    return RateLimited(message, at=at, status=status, fix=f"run the job again after {when}")


def _why(told: Told) -> str:
    return clip(told.why, _SAID)


def _request(told: Told) -> str:
    return visible(told.request)
