"""GitHub's JSON as the port's values. What the flows go by must be there and of its kind; the rest is not read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

from smokegate.github.api.port import (
    GHOST,
    Artifact,
    CheckRun,
    Comment,
    Commit,
    Environment,
    Issue,
    Job,
    Pull,
    PullCommit,
    Ref,
    Repository,
    Review,
    Rule,
    Ruleset,
    Signature,
    User,
    WorkflowRun,
)

T = TypeVar("T")
Object = Mapping[str, Any]

_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class Misshapen(ValueError):
    """An answer that is not what GitHub describes; says which field, and not what was in it."""


def thing(value: Any, what: str = "the answer") -> Object:
    return _of(dict, value, what)


def things(value: Any, what: str = "the answer") -> list[Object]:
    return [thing(item, f"an item of {what}") for item in _of(list, value, what)]


def text(data: Object, key: str) -> str:
    return _of(str, data.get(key), key)


def number(data: Object, key: str) -> int:
    return _of(int, data.get(key), key)


def flag(data: Object, key: str) -> bool:
    return _of(bool, data.get(key), key)


def sha(data: Object, key: str) -> str:
    if not _SHA.fullmatch(found := text(data, key)):
        raise Misshapen(f"{key} is not an object id")
    return found


def maybe(read: Callable[[Object, str], T], data: Object, key: str) -> T | None:
    return None if data.get(key) is None else read(data, key)


def _of(kind: type[T], value: Any, what: str) -> T:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise Misshapen(f"{what} is not {_KINDS[kind]}")
    return value


_KINDS = {dict: "an object", list: "a list", str: "text", int: "a whole number", bool: "true or false"}


def user(value: Any) -> User:
    if value is None:
        return GHOST
    data = thing(value, "a user")
    return User(text(data, "login"), number(data, "id"), data.get("type") == "Bot")


def _account(value: Any) -> User | None:
    """GitHub writes an unknown author as null, and as {}."""
    return user(value) if value else None


def _app_id(value: Any) -> int | None:
    return None if value is None else maybe(number, thing(value, "an app"), "id")


def repository(value: Any) -> Repository:
    data = thing(value)
    return Repository(
        id=number(data, "id"),
        name=text(data, "full_name"),
        default_branch=text(data, "default_branch"),
        private=flag(data, "private"),
        archived=data.get("archived") is True,
        fork=flag(data, "fork"),
    )


def pull(value: Any) -> Pull:
    data = thing(value)
    head, base = thing(data.get("head"), "head"), thing(data.get("base"), "base")
    return Pull(
        number=number(data, "number"),
        state=_state(data),
        # Lists say only when it was merged.
        merged=data.get("merged") is True or data.get("merged_at") is not None,
        draft=data.get("draft") is True,
        title=text(data, "title"),
        body=maybe(text, data, "body") or "",
        author=user(data.get("user")),
        head_sha=sha(head, "sha"),
        head_ref=text(head, "ref"),
        head_repository=_repository_name(head.get("repo")),
        base_sha=sha(base, "sha"),
        base_ref=text(base, "ref"),
        base_repository=text(thing(base.get("repo"), "base.repo"), "full_name"),
        url=text(data, "html_url"),
        commits=maybe(number, data, "commits"),
    )


def _state(data: Object) -> Literal["open", "closed"]:
    match text(data, "state"):
        case "open":
            return "open"
        case "closed":
            return "closed"
        case _:
            raise Misshapen("state is neither open nor closed")


def _repository_name(value: Any) -> str | None:
    return None if value is None else text(thing(value, "a repository"), "full_name")


def _signature(value: Any) -> Signature:
    data = thing(value, "a signature")
    return Signature(*(maybe(text, data, key) or "" for key in ("name", "email", "date")))


def _parents(data: Object) -> tuple[str, ...]:
    return tuple(sha(parent, "sha") for parent in things(data.get("parents"), "parents"))


def pull_commit(value: Any) -> PullCommit:
    data = thing(value)
    commit = thing(data.get("commit"), "commit")
    return PullCommit(
        sha=sha(data, "sha"),
        parents=_parents(data),
        message=text(commit, "message"),
        author=_account(data.get("author")),
        committer=_account(data.get("committer")),
        author_signature=_signature(commit.get("author") or {}),
    )


def commit(value: Any) -> Commit:
    data = thing(value)
    return Commit(
        sha=sha(data, "sha"),
        tree=sha(thing(data.get("tree"), "tree"), "sha"),
        parents=_parents(data),
        message=text(data, "message"),
        author=_signature(data.get("author")),
        committer=_signature(data.get("committer")),
    )


def review(value: Any) -> Review:
    data = thing(value)
    return Review(
        id=number(data, "id"),
        author=user(data.get("user")),
        state=text(data, "state"),
        commit_sha=maybe(sha, data, "commit_id"),
        submitted_at=maybe(text, data, "submitted_at"),
    )


def comment(value: Any) -> Comment:
    data = thing(value)
    return Comment(
        id=number(data, "id"),
        author=user(data.get("user")),
        body=maybe(text, data, "body") or "",
        created_at=text(data, "created_at"),
        updated_at=text(data, "updated_at"),
        url=text(data, "html_url"),
        app_id=_app_id(data.get("performed_via_github_app")),
    )


def issue(value: Any) -> Issue:
    data = thing(value)
    labels = _of(list, data.get("labels"), "labels")
    return Issue(
        number=number(data, "number"),
        state=text(data, "state"),
        title=text(data, "title"),
        body=maybe(text, data, "body") or "",
        author=user(data.get("user")),
        labels=tuple(label if isinstance(label, str) else text(thing(label, "a label"), "name") for label in labels),
        url=text(data, "html_url"),
    )


def check_run(value: Any) -> CheckRun:
    data = thing(value)
    output = thing(data.get("output") or {}, "output")
    return CheckRun(
        id=number(data, "id"),
        name=text(data, "name"),
        head_sha=sha(data, "head_sha"),
        status=text(data, "status"),
        conclusion=maybe(text, data, "conclusion"),
        external_id=maybe(text, data, "external_id") or "",
        app_id=_app_id(data.get("app")),
        started_at=maybe(text, data, "started_at"),
        completed_at=maybe(text, data, "completed_at"),
        url=maybe(text, data, "html_url") or "",
        annotations=maybe(number, output, "annotations_count") or 0,
        app_slug=maybe(text, thing(data.get("app") or {}, "an app"), "slug"),
        title=maybe(text, output, "title") or "",
    )


def workflow_run(value: Any) -> WorkflowRun:
    data = thing(value)
    actor = user(data.get("actor"))
    return WorkflowRun(
        id=number(data, "id"),
        path=maybe(text, data, "path") or "",
        title=maybe(text, data, "display_title") or "",
        event=text(data, "event"),
        status=maybe(text, data, "status") or "",
        conclusion=maybe(text, data, "conclusion"),
        head_sha=sha(data, "head_sha"),
        head_branch=maybe(text, data, "head_branch"),
        head_repository=_repository_name(data.get("head_repository")),
        attempt=maybe(number, data, "run_attempt") or 1,
        created_at=text(data, "created_at"),
        updated_at=text(data, "updated_at"),
        actor=actor,
        triggering_actor=_account(data.get("triggering_actor")) or actor,
        url=text(data, "html_url"),
    )


def job(value: Any) -> Job:
    data = thing(value)
    return Job(
        id=number(data, "id"),
        name=text(data, "name"),
        status=text(data, "status"),
        conclusion=maybe(text, data, "conclusion"),
        created_at=maybe(text, data, "created_at") or text(data, "started_at"),
        started_at=maybe(text, data, "started_at"),
        completed_at=maybe(text, data, "completed_at"),
        runner=maybe(text, data, "runner_name") or None,
        labels=tuple(_of(str, label, "a label") for label in _of(list, data.get("labels") or [], "labels")),
        url=maybe(text, data, "html_url") or "",
    )


def artifact(value: Any) -> Artifact:
    data = thing(value)
    run = thing(data.get("workflow_run") or {}, "workflow_run")
    return Artifact(
        id=number(data, "id"),
        name=text(data, "name"),
        size=number(data, "size_in_bytes"),
        digest=maybe(text, data, "digest"),
        expired=flag(data, "expired"),
        run_id=maybe(number, run, "id"),
        head_sha=maybe(sha, run, "head_sha"),
        created_at=maybe(text, data, "created_at"),
        expires_at=maybe(text, data, "expires_at"),
    )


def ref(value: Any) -> Ref:
    data = thing(value)
    target = thing(data.get("object"), "object")
    return Ref(text(data, "ref"), sha(target, "sha"), text(target, "type"))


def rule(value: Any) -> Rule:
    data = thing(value)
    return Rule(
        kind=text(data, "type"),
        parameters=thing(data.get("parameters") or {}, "parameters"),
        ruleset_id=maybe(number, data, "ruleset_id"),
        source=maybe(text, data, "ruleset_source") or "",
    )


def ruleset(value: Any) -> Ruleset:
    data = thing(value)
    return Ruleset(
        id=number(data, "id"),
        name=text(data, "name"),
        target=maybe(text, data, "target") or "branch",
        enforcement=text(data, "enforcement"),
        source=maybe(text, data, "source") or "",
    )


def environment(value: Any) -> Environment:
    data = thing(value)
    policy = thing(data.get("deployment_branch_policy") or {}, "deployment_branch_policy")
    rules = things(data.get("protection_rules") or [], "protection_rules")
    return Environment(
        name=text(data, "name"),
        reviewers=sum(len(things(rule.get("reviewers") or [], "reviewers")) for rule in rules),
        protected_branches=policy.get("protected_branches") is True,
        custom_branches=policy.get("custom_branch_policies") is True,
    )
