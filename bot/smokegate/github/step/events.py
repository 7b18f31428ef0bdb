"""What happened, from the file that GitHub leaves for a workflow run.

Strict about what is read: a field that is missing or of another kind is an error that names it. What is not read may
be anything. Texts that people choose (titles, branches, comments) are kept as they came, as data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from smokegate.errors import SmokegateError
from smokegate.github.api.port import GHOST, User
from smokegate.render.escape import clip

LARGEST = 26_214_400
"""GitHub delivers no payload above 25 MB."""


class EventError(SmokegateError):
    """The event cannot be read, or is none that smokegate answers."""


@dataclass(frozen=True, slots=True)
class Repository:
    id: int
    name: str
    """owner/name"""
    default_branch: str


@dataclass(frozen=True, slots=True)
class PullRequest:
    action: str
    repository: Repository
    sender: User
    number: int
    state: str
    title: str
    author: User
    head_sha: str
    head_ref: str
    head_repository: str | None
    """None where the fork was deleted."""
    base_sha: str
    base_ref: str
    retargeted_from: str | None = None
    """The branch it aimed at before, where this event is about that."""


@dataclass(frozen=True, slots=True)
class MergeGroup:
    action: str
    repository: Repository
    head_sha: str
    head_ref: str
    base_sha: str
    base_ref: str
    """In full, as GitHub says it here: refs/heads/main"""


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    action: str
    repository: Repository
    id: int
    name: str
    path: str
    """Of the workflow's file."""
    event: str
    """What the run itself was started by."""
    status: str
    conclusion: str | None
    attempt: int
    head_sha: str
    head_ref: str | None
    head_repository: str | None
    title: str
    url: str
    pulls: tuple[int, ...]
    """Empty for a fork's."""


@dataclass(frozen=True, slots=True)
class IssueComment:
    action: str
    repository: Repository
    sender: User
    id: int
    body: str
    author: User
    by_app: bool
    edited: bool
    created_at: str
    url: str
    issue: int
    on_pull: bool
    state: str


@dataclass(frozen=True, slots=True)
class Review:
    action: str
    repository: Repository
    sender: User
    id: int
    author: User
    state: str
    commit_sha: str | None
    pull: int
    pull_state: str
    head_sha: str
    base_ref: str


@dataclass(frozen=True, slots=True)
class Schedule:
    repository: Repository
    cron: str


@dataclass(frozen=True, slots=True)
class WorkflowDispatch:
    repository: Repository
    sender: User
    ref: str
    workflow: str
    inputs: Mapping[str, str]


Event = PullRequest | MergeGroup | WorkflowRun | IssueComment | Review | Schedule | WorkflowDispatch


def read(name: str, data: bytes) -> Event:
    """`name` is what GITHUB_EVENT_NAME says, `data` what lies at GITHUB_EVENT_PATH."""
    reader = _READERS.get(name)
    if reader is None:
        known = ", ".join(sorted(_READERS))
        raise EventError(
            f"smokegate answers nothing to the event {clip(name, 60)!r}",
            fix=f"start this workflow on one of: {known}",
        )
    return reader(_Fields(_parsed(name, data), "payload"))


def _parsed(name: str, data: bytes) -> Any:
    if len(data) > LARGEST:
        raise EventError(f"the event {name} is {len(data):,} bytes, and GitHub sends at most {LARGEST:,}")
    try:
        return json.loads(data.decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise EventError(
            f"the event {name} is not JSON: {clip(str(error), 200)}",
            fix="look at the file that GITHUB_EVENT_PATH names; GitHub writes it, and nothing else should",
        ) from error


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number in JSON")


_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)
_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98})(?:\[bot\])?", re.ASCII)
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}", re.ASCII)
_CODE = re.compile(r"[a-z_]{1,40}", re.ASCII)


class _Fields:
    """An object in the payload, which knows where it lies."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise EventError(f"in the event, {where} is {_kind(value)}; it should be an object")
        self._value = value
        self._where = where

    def has(self, key: str) -> bool:
        return self._value.get(key) is not None

    def inside(self, key: str) -> _Fields:
        return _Fields(self._get(key), f"{self._where}.{key}")

    def text(self, key: str) -> str:
        return str(self._of(key, str, "a text"))

    def optional(self, key: str) -> str | None:
        return self.text(key) if self.has(key) else None

    def number(self, key: str) -> int:
        value = self._of(key, int, "a whole number")
        if isinstance(value, bool) or not 0 < value < 2**63:
            raise self._wrong(key, value, "a whole number above zero")
        return int(value)

    def matching(self, key: str, pattern: re.Pattern[str], what: str) -> str:
        value = self.text(key)
        if not pattern.fullmatch(value):
            raise self._wrong(key, value, what)
        return value

    def sha(self, key: str) -> str:
        return self.matching(key, _SHA, "a full commit id")

    def code(self, key: str) -> str:
        return self.matching(key, _CODE, "a plain lower-case word")

    def user(self, key: str) -> User:
        if not self.has(key):
            return GHOST
        user = self.inside(key)
        return User(user.matching("login", _LOGIN, "a login"), user.number("id"), user.optional("type") == "Bot")

    def repository_name(self, key: str) -> str | None:
        """None where it was deleted."""
        return self.inside(key).matching("full_name", _REPOSITORY, "owner/name") if self.has(key) else None

    def each(self, key: str) -> list[_Fields]:
        values = self._of(key, list, "a list")
        return [_Fields(value, f"{self._where}.{key}[{index}]") for index, value in enumerate(values)]

    def texts(self, key: str) -> dict[str, str]:
        """An object of texts; absent is empty."""
        if not self.has(key):
            return {}
        inner = self.inside(key)
        return {name: inner.text(name) for name in inner._value}

    def _get(self, key: str) -> Any:
        if key not in self._value:
            raise EventError(f"in the event, {self._where} has no {clip(key, 60)!r}")
        return self._value[key]

    def _of(self, key: str, kind: type, what: str) -> Any:
        value = self._get(key)
        if not isinstance(value, kind):
            raise self._wrong(key, value, what)
        return value

    def _wrong(self, key: str, value: Any, what: str) -> EventError:
        shown = f"the text {clip(value, 60)!r}" if isinstance(value, str) else _kind(value)
        return EventError(f"in the event, {self._where}.{clip(key, 60)} is {shown}; it should be {what}")


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", type(None): "null", bool: "true or false"}
    return names.get(type(value), "a number")


def _repository(payload: _Fields) -> Repository:
    it = payload.inside("repository")
    name = it.matching("full_name", _REPOSITORY, "owner/name")
    return Repository(it.number("id"), name, it.text("default_branch"))


def _pull_request(payload: _Fields) -> PullRequest:
    pull = payload.inside("pull_request")
    head, base = pull.inside("head"), pull.inside("base")
    return PullRequest(
        action=payload.code("action"),
        repository=_repository(payload),
        sender=payload.user("sender"),
        number=pull.number("number"),
        state=pull.code("state"),
        title=pull.text("title"),
        author=pull.user("user"),
        head_sha=head.sha("sha"),
        head_ref=head.text("ref"),
        head_repository=head.repository_name("repo"),
        base_sha=base.sha("sha"),
        base_ref=base.text("ref"),
        retargeted_from=_retargeted(payload),
    )


def _retargeted(payload: _Fields) -> str | None:
    if not payload.has("changes") or not payload.inside("changes").has("base"):
        return None
    return payload.inside("changes").inside("base").inside("ref").text("from")


def _merge_group(payload: _Fields) -> MergeGroup:
    group = payload.inside("merge_group")
    return MergeGroup(
        action=payload.code("action"),
        repository=_repository(payload),
        head_sha=group.sha("head_sha"),
        head_ref=group.text("head_ref"),
        base_sha=group.sha("base_sha"),
        base_ref=group.text("base_ref"),
    )


def _workflow_run(payload: _Fields) -> WorkflowRun:
    run = payload.inside("workflow_run")
    return WorkflowRun(
        action=payload.code("action"),
        repository=_repository(payload),
        id=run.number("id"),
        name=run.optional("name") or "",
        path=payload.inside("workflow").text("path"),
        event=run.code("event"),
        status=run.code("status"),
        conclusion=run.code("conclusion") if run.has("conclusion") else None,
        attempt=run.number("run_attempt"),
        head_sha=run.sha("head_sha"),
        head_ref=run.optional("head_branch"),
        head_repository=run.repository_name("head_repository"),
        title=run.optional("display_title") or "",
        url=run.text("html_url"),
        pulls=tuple(pull.number("number") for pull in run.each("pull_requests")),
    )


def _issue_comment(payload: _Fields) -> IssueComment:
    comment, issue = payload.inside("comment"), payload.inside("issue")
    action, created_at = payload.code("action"), comment.text("created_at")
    return IssueComment(
        action=action,
        repository=_repository(payload),
        sender=payload.user("sender"),
        id=comment.number("id"),
        body=comment.text("body"),
        author=comment.user("user"),
        by_app=comment.has("performed_via_github_app"),
        edited=action == "edited" or comment.text("updated_at") != created_at,
        created_at=created_at,
        url=comment.text("html_url"),
        issue=issue.number("number"),
        on_pull=issue.has("pull_request"),
        state=issue.code("state"),
    )


def _review(payload: _Fields) -> Review:
    review, pull = payload.inside("review"), payload.inside("pull_request")
    return Review(
        action=payload.code("action"),
        repository=_repository(payload),
        sender=payload.user("sender"),
        id=review.number("id"),
        author=review.user("user"),
        state=review.code("state"),
        commit_sha=review.sha("commit_id") if review.has("commit_id") else None,
        pull=pull.number("number"),
        pull_state=pull.code("state"),
        head_sha=pull.inside("head").sha("sha"),
        base_ref=pull.inside("base").text("ref"),
    )


def _schedule(payload: _Fields) -> Schedule:
    return Schedule(_repository(payload), payload.text("schedule"))


def _workflow_dispatch(payload: _Fields) -> WorkflowDispatch:
    return WorkflowDispatch(
        repository=_repository(payload),
        sender=payload.user("sender"),
        ref=payload.text("ref"),
        workflow=payload.text("workflow"),
        inputs=MappingProxyType(payload.texts("inputs")),
    )


_READERS: Mapping[str, Callable[[_Fields], Event]] = {
    "pull_request": _pull_request,
    "merge_group": _merge_group,
    "workflow_run": _workflow_run,
    "issue_comment": _issue_comment,
    "pull_request_review": _review,
    "schedule": _schedule,
    "workflow_dispatch": _workflow_dispatch,
}
EVENTS = tuple(_READERS)
