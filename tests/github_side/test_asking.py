"""Every pull request that a head belongs to is found: a check run is of a commit, and speaks for all of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from github_side.emulator import REPOSITORY
from github_side.hub import Hub
from github_side.test_steps import run_event
from github_side.world import REPO, commit, fork, open_pull, tip
from smokegate.github.api.client import Client
from smokegate.github.api.port import User
from smokegate.github.step.events import Event, EventError, Repository, WorkflowDispatch, read
from smokegate.github.verdicts.asking import PullsAt, told
from smokegate.github.verdicts.verdict import Asked


def listed(**heads: str) -> PullsAt:
    """What git lists, by number: closed pull requests keep their refs."""
    return lambda head: [int(number.removeprefix("n")) for number, sha in heads.items() if sha == head]


def run(head: str, **fields: Any) -> Event:
    event = run_event(head)
    event["workflow_run"] |= fields
    return read("workflow_run", json.dumps(event).encode())


def dispatched(number: str) -> WorkflowDispatch:
    return WorkflowDispatch(Repository(1, REPOSITORY, "main"), User("keeper"), "refs/heads/main", "x", {"pull": number})


def head_of(hub: Hub, number: int) -> str:
    return str(hub.as_("acme", "GET", f"{REPO}/pulls/{number}").data["head"]["sha"])


def test_one_pull_request_is_one_request(client: Client, hub: Hub) -> None:
    number = open_pull(hub)
    head = head_of(hub, number)
    client.viewer()
    client.pull(number)
    for event in (run(head), run(head, event="pull_request_review"), dispatched(str(number))):
        hub.asked.clear()
        assert told(event, client, listed(**{f"n{number}": head})) == (head, [Asked(head, "main", number)])
        assert [f"{one.verb} {one.path}" for one in hub.asked] == [f"GET {REPO}/pulls/{number}"]


def test_one_that_git_does_not_list_yet_is_judged_with_the_others(client: Client, hub: Hub) -> None:
    """Else the verdict on the older one would speak for it."""
    first = open_pull(hub)
    head = head_of(hub, first)
    hub.as_("boss", "POST", f"{REPO}/git/refs", {"ref": "refs/heads/release", "sha": tip(hub)})
    fields = {"title": "t", "head": "topic", "base": "release"}
    second = hub.as_("boss", "POST", f"{REPO}/pulls", fields).data["number"]
    elsewhere = 900
    event = run(head, pull_requests=[{"number": number} for number in (first, second, elsewhere)])
    _, asked = told(event, client, listed(**{f"n{first}": head}))
    assert asked == [Asked(head, "main", first), Asked(head, "release", second)]


def test_two_branches_of_a_fork_at_one_commit_are_both_judged(client: Client, hub: Hub) -> None:
    """Green into a lax base must not show as green on the way into a strict one."""
    theirs = fork(hub)
    head = commit(hub, "patch", login="forker", repository=theirs)
    hub.as_("forker", "POST", f"/repos/{theirs}/git/refs", {"ref": "refs/heads/same", "sha": head})
    hub.as_("boss", "POST", f"{REPO}/git/refs", {"ref": "refs/heads/release", "sha": tip(hub)})
    bases = {}
    for branch, base in (("patch", "main"), ("same", "release")):
        fields = {"title": "t", "head": f"forker:{branch}", "base": base}
        bases[hub.as_("boss", "POST", f"{REPO}/pulls", fields).data["number"]] = base
    event = run(head, head_branch="patch", head_repository={"full_name": theirs})
    known = listed(**{f"n{number}": head for number in bases})
    assert told(event, client, known) == (head, [Asked(head, base, number) for number, base in bases.items()])


def test_one_that_git_does_not_list_yet_is_found_by_its_branch(client: Client, hub: Hub) -> None:
    number = open_pull(hub)
    head = head_of(hub, number)
    assert told(run(head), client, listed()) == (head, [Asked(head, "main", number)])
    assert told(run(head, head_branch="other"), client, listed()) == (head, [])
    assert told(run("b" * 40), client, listed()) == ("b" * 40, [])
    assert told(run(head, head_branch=None, head_repository=None), client, listed()) == (head, [])


def test_what_is_closed_or_has_moved_on_is_left_out(client: Client, hub: Hub) -> None:
    number, moved = open_pull(hub), open_pull(hub, "moving")
    old = head_of(hub, moved)
    commit(hub, "moving", "on")
    hub.as_("boss", "PATCH", f"{REPO}/pulls/{number}", {"state": "closed"})
    assert told(run(head_of(hub, number)), client, listed(**{f"n{number}": head_of(hub, number)}))[1] == []
    assert told(run(old), client, listed(**{f"n{moved}": old})) == (old, [])
    assert told(dispatched(str(number)), client, listed()) == (head_of(hub, number), [])


def test_a_head_in_hundreds_of_pull_requests_costs_nobody_else_their_verdicts(client: Client, hub: Hub) -> None:
    head = head_of(hub, open_pull(hub))
    hub.asked.clear()
    with pytest.raises(EventError, match="head of more than 20 pull requests"):
        told(run(head), client, listed(**{f"n{number}": head for number in range(1, 22)}))
    assert hub.asked == []


def test_a_merge_queue_needs_no_request(client: Client, hub: Hub) -> None:
    base, head = "b" * 40, "a" * 40
    event = run(head, event="merge_group", head_branch=f"gh-readonly-queue/release/1.0/pr-7-{base}")
    assert told(event, client, listed()) == (head, [Asked(head, "release/1.0", None, base, 7)])
    assert hub.asked == []
    with pytest.raises(EventError, match="no branch of a merge queue"):
        told(run(head, event="merge_group", head_branch="main"), client, listed())


@pytest.mark.parametrize("event", ["push", "schedule", "workflow_dispatch", "pull_request_target"])
def test_a_run_of_that_name_on_another_event_is_not_answered(event: str, client: Client, hub: Hub) -> None:
    with pytest.raises(EventError, match="names no head"):
        told(run("a" * 40, event=event), client, listed())
    assert hub.asked == []


@pytest.mark.parametrize("number", ["", "0", "-1", "7 ", "7\n", "x", "1" * 11, "\u0661"])
def test_a_number_that_is_none(number: str, client: Client, hub: Hub) -> None:
    with pytest.raises(EventError, match="should be a pull request's number"):
        told(dispatched(number), client, listed())
    assert hub.asked == []
