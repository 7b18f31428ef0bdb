"""Answers as values: GitHub's own examples are read, and what is not of their kind is said to be so."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from github_side.openapi import description
from smokegate.errors import UsageError
from smokegate.github.api import shapes
from smokegate.github.api.port import GHOST, User
from smokegate.github.api.requests import TABLE
from smokegate.github.api.sending import linked_pages

EXAMPLES: dict[str, Callable[[Any], object]] = {
    "pull-request": shapes.pull,
    "pull-request-simple": shapes.pull,
    "full-repository-default-response": shapes.repository,
    "git-commit": shapes.commit,
    "pull-request-review": shapes.review,
    "issue-comment": shapes.comment,
    "issue": shapes.issue,
    "check-run": shapes.check_run,
    "workflow-run": shapes.workflow_run,
    "job": shapes.job,
    "artifact": shapes.artifact,
    "git-ref": shapes.ref,
    "environment": shapes.environment,
}
LISTS: dict[str, Callable[[Any], object]] = {
    "commit-items": shapes.pull_commit,
    "pull-request-review-items": shapes.review,
    "issue-comment-items": shapes.comment,
    "repository-rule-items": shapes.rule,
    "repository-ruleset-items": shapes.ruleset,
}
ALL = [*EXAMPLES.items(), *LISTS.items()]


def example(name: str) -> Any:
    found = description().example(name)
    found = found[0] if isinstance(found, list) else found
    return _with_objects_named(found)


def _with_objects_named(value: Any) -> Any:
    """Some examples spell object ids with letters past f, or cut them short."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in {"sha", "head_sha", "commit_id"} and isinstance(inner, str):
                value[key] = "c3d0be41ecbe669545ee3e94d31ed9a4bc91ee3c"
            else:
                _with_objects_named(inner)
    if isinstance(value, list):
        for item in value:
            _with_objects_named(item)
    return value


@pytest.mark.parametrize(("name", "read"), ALL, ids=[name for name, _ in ALL])
def test_githubs_own_examples_are_read(name: str, read: Callable[[Any], object]) -> None:
    assert read(example(name)) == read(example(name))


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just([]), st.just({}), st.just([{}])
)


@pytest.mark.parametrize(("name", "read"), ALL, ids=[name for name, _ in ALL])
@settings(deadline=None)
@given(data=st.data())
def test_whatever_stands_there_is_read_or_named(name: str, read: Callable[[Any], object], data: st.DataObject) -> None:
    """One field, anywhere in an answer, is something else: never an error of another kind, never a value made up."""
    answer = example(name)
    inside = answer
    while True:
        key = data.draw(st.sampled_from(sorted(inside)))
        if not (isinstance(inside[key], dict) and inside[key] and data.draw(st.booleans())):
            break
        inside = inside[key]
    inside[key] = data.draw(VALUES)
    try:
        read(answer)
    except shapes.Misshapen as fault:
        assert len(str(fault)) < 100


@pytest.mark.parametrize(("name", "read"), ALL, ids=[name for name, _ in ALL])
@pytest.mark.parametrize("answer", [None, [], "x", 3, {}, [[]]])
def test_another_thing_altogether(name: str, read: Callable[[Any], object], answer: Any) -> None:
    with pytest.raises(shapes.Misshapen):
        read(answer)


def test_a_deleted_account_is_the_ghost() -> None:
    assert shapes.user(None) == GHOST
    assert shapes.comment({**example("issue-comment"), "user": None}).author == GHOST
    assert shapes.user({"login": "app[bot]", "id": 3, "type": "Bot"}) == User("app[bot]", 3, bot=True)


def test_a_deleted_fork_is_none() -> None:
    answer = example("pull-request")
    answer["head"]["repo"] = None
    assert shapes.pull(answer).head_repository is None


def test_an_author_without_an_account_is_none() -> None:
    answer = example("commit-items")
    nobody: list[dict[str, str] | None] = [None, {}]
    for unknown in nobody:
        found = shapes.pull_commit({**answer, "author": unknown, "committer": unknown})
        assert (found.author, found.committer) == (None, None)


@pytest.mark.parametrize(
    "sha", ["", "HEAD", "c3d0be4", "C3D0BE41ECBE669545EE3E94D31ED9A4BC91EE3C", "--upload-pack=x", "c" * 41]
)
def test_a_head_that_is_no_object_id(sha: str) -> None:
    answer = example("pull-request")
    answer["head"]["sha"] = sha
    with pytest.raises(shapes.Misshapen, match="sha is not an object id"):
        shapes.pull(answer)


def test_both_kinds_of_object_id() -> None:
    assert shapes.sha({"sha": "a" * 40}, "sha") == "a" * 40
    assert shapes.sha({"sha": "a" * 64}, "sha") == "a" * 64


@settings(deadline=None)
@given(st.text())
def test_no_value_makes_another_request_of_one(value: str) -> None:
    row = TABLE["permission"]
    try:
        path = row.filled({"owner": "acme", "repo": "models", "username": value})
    except UsageError:
        return
    assert re.fullmatch(r"/repos/acme/models/collaborators/[A-Za-z0-9_.~%-]+/permission", path, re.ASCII)
    assert "/../" not in path
    assert "/./" not in path


@settings(deadline=None)
@given(st.text())
def test_nor_does_a_ref(value: str) -> None:
    try:
        path = TABLE["delete_ref"].filled({"owner": "acme", "repo": "models", "ref": value})
    except UsageError:
        return
    assert re.fullmatch(r"/repos/acme/models/git/refs/[A-Za-z0-9_.~%/-]+", path, re.ASCII)
    assert not {"", ".", ".."} & set(path.rstrip("/").split("/")[1:])


@settings(deadline=None)
@given(st.text())
def test_whatever_a_link_says(value: str) -> None:
    assert all(page > 0 for page in linked_pages({"link": value}).values())


def test_links_as_github_writes_them() -> None:
    link = (
        '<https://api.github.com/repositories/1/issues/2/comments?per_page=100&page=3>; rel="next", '
        '<https://api.github.com/repositories/1/issues/2/comments?per_page=100&page=50>; rel="last"'
    )
    assert linked_pages({"link": link}) == {"next": 3, "last": 50}
    assert linked_pages({}) == {}
    assert linked_pages({"link": '<https://x/?page=0>; rel="next", <https://x/?page=-1>; rel="last"'}) == {}
