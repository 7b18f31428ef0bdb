from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from github_side.payloads import BASE, BRANCH, HEAD, PAYLOADS, TITLE, payload
from smokegate.github.api.port import GHOST, User
from smokegate.github.step.events import (
    EVENTS,
    LARGEST,
    Event,
    EventError,
    IssueComment,
    MergeGroup,
    PullRequest,
    Review,
    Schedule,
    WorkflowDispatch,
    WorkflowRun,
    read,
)


def event(name: str, **changed: Any) -> Event:
    return read(name, json.dumps(payload(name, **changed)).encode())


def test_every_event_is_read() -> None:
    kinds = [type(event(name)) for name in EVENTS]
    assert kinds == [PullRequest, MergeGroup, WorkflowRun, IssueComment, Review, Schedule, WorkflowDispatch]


def test_what_people_choose_is_kept_as_data() -> None:
    pull = event("pull_request")
    assert isinstance(pull, PullRequest)
    assert (pull.head_ref, pull.title, pull.head_sha, pull.base_sha) == (BRANCH, TITLE, HEAD, BASE)
    assert (pull.head_repository, pull.repository.name, pull.author.login) == (
        "mallory/models",
        "acme/models",
        "mallory",
    )
    run = event("workflow_run")
    assert isinstance(run, WorkflowRun)
    assert (run.head_ref, run.title, run.pulls, run.head_repository) == (BRANCH, TITLE, (), "mallory/models")


def test_a_retargeted_pull_request_says_from_where() -> None:
    before = event("pull_request", action="edited", changes={"base": {"ref": {"from": "lax"}, "sha": {"from": "x"}}})
    titled = event("pull_request", action="edited", changes={"title": {"from": "x"}})
    assert isinstance(before, PullRequest)
    assert isinstance(titled, PullRequest)
    assert (before.retargeted_from, titled.retargeted_from) == ("lax", None)


def test_a_fork_that_is_gone() -> None:
    pull = event("pull_request", pull_request__head__repo=None, pull_request__user=None)
    assert isinstance(pull, PullRequest)
    assert (pull.head_repository, pull.author) == (None, GHOST)
    run = event("workflow_run", workflow_run__head_repository=None, workflow_run__head_branch=None)
    assert isinstance(run, WorkflowRun)
    assert (run.head_repository, run.head_ref) == (None, None)


@pytest.mark.parametrize(
    ("changed", "edited"),
    [
        ({}, False),
        ({"action": "edited"}, True),
        ({"comment__updated_at": "2026-05-01T10:00:01Z"}, True),
    ],
)
def test_an_edited_comment_is_known(changed: dict[str, Any], edited: bool) -> None:
    comment = event("issue_comment", **changed)
    assert isinstance(comment, IssueComment)
    assert comment.edited is edited


def test_a_comment_that_a_bot_wrote_is_known() -> None:
    plain, by_bot, by_app = (
        event("issue_comment", **changed)
        for changed in (
            {},
            {"comment__user": {"login": "dependabot[bot]", "id": 5, "type": "Bot"}},
            {"comment__performed_via_github_app": {"id": 4, "slug": "x"}},
        )
    )
    assert isinstance(plain, IssueComment)
    assert isinstance(by_bot, IssueComment)
    assert isinstance(by_app, IssueComment)
    assert (plain.author, plain.by_app, plain.on_pull) == (User("ana", 11, bot=False), False, True)
    assert (by_bot.author.bot, by_app.by_app) == (True, True)


def test_a_comment_on_an_issue_is_known() -> None:
    comment = event("issue_comment", issue={"number": 8, "state": "open"})
    assert isinstance(comment, IssueComment)
    assert not comment.on_pull


def test_a_dispatch_without_inputs() -> None:
    one, none = event("workflow_dispatch"), event("workflow_dispatch", inputs=None)
    assert isinstance(one, WorkflowDispatch)
    assert isinstance(none, WorkflowDispatch)
    assert (dict(one.inputs), dict(none.inputs)) == ({"nonce": "x", "request": "{}"}, {})


@pytest.mark.parametrize(
    ("name", "changed", "said"),
    [
        ("pull_request", {"pull_request__head__sha": "main"}, "payload.pull_request.head.sha is the text 'main'"),
        ("pull_request", {"pull_request__head__sha": HEAD + "\n"}, "should be a full commit id"),
        ("pull_request", {"pull_request__head__sha": HEAD.upper()}, "should be a full commit id"),
        ("pull_request", {"pull_request__number": "7"}, "payload.pull_request.number is the text '7'"),
        ("pull_request", {"pull_request__number": True}, "is true or false; it should be a whole number"),
        ("pull_request", {"pull_request__number": 0}, "should be a whole number above zero"),
        ("pull_request", {"pull_request__number": 7.0}, "is a number; it should be a whole number"),
        ("pull_request", {"pull_request__title": None}, "payload.pull_request.title is null; it should be a text"),
        ("pull_request", {"pull_request__user": {"login": "a/../b", "id": 1}}, "should be a login"),
        ("pull_request", {"repository__full_name": "acme/models/../x"}, "should be owner/name"),
        ("pull_request", {"pull_request": []}, "payload.pull_request is a list; it should be an object"),
        ("pull_request", {"action": "x\n::error::y"}, "should be a plain lower-case word"),
        ("workflow_run", {"workflow_run__pull_requests": [7]}, "payload.workflow_run.pull_requests[0] is a number"),
        ("workflow_dispatch", {"inputs": {"n\x1bm": 4}}, "payload.inputs.n\\x1bm is a number; it should be a text"),
    ],
)
def test_what_is_not_as_it_should_be_is_named(name: str, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(EventError) as caught:
        event(name, **changed)
    assert said in str(caught.value)
    assert caught.value.exit_code == 2
    assert str(caught.value).isprintable()


def _paths(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        for key, inner in value.items():
            found += _paths(inner, (*path, key))
    return found


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_is_cut_or_swapped_is_an_error_or_does_not_matter(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(EVENTS))
    path = data.draw(st.sampled_from(_paths(PAYLOADS[name])))
    odd: list[Any] = [None, 1, -1, 1.5, True, "", "x", [], [[]], {}, {"x": {}}]
    other = data.draw(st.sampled_from(odd) | st.text())
    it = payload(name, **{"__".join(path): other})
    try:
        read(name, json.dumps(it).encode())
    except EventError as error:
        assert str(error).isprintable()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"{", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b'{"a": NaN}', "NaN is no number"),
        (b"null", "payload is null; it should be an object"),
        (b"{}", "payload has no 'pull_request'"),
        (b" " * (LARGEST + 1), "GitHub sends at most"),
    ],
)
def test_what_is_no_event(data: bytes, said: str) -> None:
    with pytest.raises(EventError, match=said):
        read("pull_request", data)


@pytest.mark.parametrize("name", ["push", "pull_request_target", "", "x\n::error::y"])
def test_an_event_that_nothing_answers(name: str) -> None:
    with pytest.raises(EventError, match="answers nothing to the event"):
        read(name, b"{}")


EXAMPLES = Path(__file__).parent / "node_modules" / "@octokit" / "webhooks-examples"


@pytest.mark.parametrize("server", ["api.github.com", "ghes-35"])
def test_the_published_examples_are_read(server: str) -> None:
    published = json.loads((EXAMPLES / server / "index.json").read_bytes())
    told: Counter[str] = Counter()
    for one in published:
        if one["name"] in EVENTS:
            for example in one["examples"]:
                event = read(one["name"], json.dumps(example).encode())
                assert event.repository.name == example["repository"]["full_name"]
                told[one["name"]] += 1
    assert {"pull_request", "workflow_run", "issue_comment", "pull_request_review", "workflow_dispatch"} <= set(told)
    assert sum(told.values()) >= 15
