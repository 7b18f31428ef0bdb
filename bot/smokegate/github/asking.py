"""From an event to what is to be judged."""

from __future__ import annotations

import re

from smokegate.github.events import Event, EventError, MergeGroup, PullRequest, Review, WorkflowDispatch, WorkflowRun
from smokegate.github.port import GitHub, Pull
from smokegate.github.verdict import Asked

PULL_INPUT = "pull"
"""The input of a dispatched verdict that names the pull request."""
_BRANCH = "refs/heads/"
_QUEUE = re.compile(r"gh-readonly-queue/(?P<base>.+)/pr-[1-9][0-9]*-(?P<sha>[0-9a-f]{40}|[0-9a-f]{64})", re.ASCII)
_NUMBER = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
_OF_PULLS = frozenset({"pull_request", "pull_request_review"})


def of_its_own(event: Event) -> Asked:
    """What an event says of itself, for the check that the pull request's own workflow runs."""
    match event:
        case PullRequest():
            return Asked(event.head_sha, event.base_ref, event.number)
        case Review():
            return Asked(event.head_sha, event.base_ref, event.pull)
        case MergeGroup():
            return Asked(event.head_sha, event.base_ref.removeprefix(_BRANCH), None, event.base_sha)
    raise EventError(
        "this event is about no change that could be checked",
        fix="run `check` on pull_request, pull_request_review or merge_group",
    )


def told(event: Event, hub: GitHub) -> tuple[str, list[Asked]]:
    """The head that a verdict is wanted for, and every base that it wants to go to, as GitHub says now."""
    match event:
        case WorkflowRun() if event.event in _OF_PULLS:
            return event.head_sha, [_asked(one) for one in _pulls(event, hub)]
        case WorkflowRun() if event.event == "merge_group":
            found = _QUEUE.fullmatch(event.head_ref or "")
            if found is None:
                raise EventError(f"{event.head_ref!r} is no branch of a merge queue")
            return event.head_sha, [Asked(event.head_sha, found["base"], None, found["sha"])]
        case WorkflowDispatch():
            return _dispatched(event, hub)
    raise EventError(
        "this event names no head that a verdict could be about",
        fix="run it on workflow_run of the check (started by a pull request or a merge queue), or dispatch it",
    )


def _pulls(event: WorkflowRun, hub: GitHub) -> list[Pull]:
    """By the head's owner and branch, as a fork's event lists none; then by commit, for one head in several."""
    owner = (event.head_repository or "").partition("/")[0]
    found = hub.pulls_of_head(owner, event.head_ref) if owner and event.head_ref else ()
    here = [one for one in found if _fits(one, event.head_sha)]
    others = [one for one in hub.pulls_of_commit(event.head_sha) if _fits(one, event.head_sha)]
    return sorted({one.number: one for one in (*here, *others)}.values(), key=lambda one: one.number)


def _fits(pull: Pull, head: str) -> bool:
    """A head that moved on is judged by its own event."""
    return pull.state == "open" and pull.head_sha == head


def _dispatched(event: WorkflowDispatch, hub: GitHub) -> tuple[str, list[Asked]]:
    number = event.inputs.get(PULL_INPUT, "")
    if not _NUMBER.fullmatch(number):
        raise EventError(f"the input `{PULL_INPUT}` is {number[:20]!r}, and should be a pull request's number")
    pull = hub.pull(int(number))
    if pull.state != "open":
        return pull.head_sha, []
    others = [one for one in hub.pulls_of_commit(pull.head_sha) if _fits(one, pull.head_sha)]
    found = {one.number: one for one in (pull, *others)}
    return pull.head_sha, [_asked(found[one]) for one in sorted(found)]


def _asked(pull: Pull) -> Asked:
    return Asked(pull.head_sha, pull.base_ref, pull.number)
