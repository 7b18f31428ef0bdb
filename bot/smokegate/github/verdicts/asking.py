"""From an event to what is to be judged."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial

from smokegate.github.api.faults import NotFound
from smokegate.github.api.port import GitHub, Pull
from smokegate.github.step.events import (
    Event,
    EventError,
    MergeGroup,
    PullRequest,
    Review,
    WorkflowDispatch,
    WorkflowRun,
)
from smokegate.github.verdicts.verdict import Asked

PULL_INPUT = "pull"
"""The input of a dispatched verdict that names the pull request."""
_BRANCH = "refs/heads/"
_QUEUE = re.compile(
    r"gh-readonly-queue/(?P<base>.+)/pr-(?P<pull>[1-9][0-9]{0,9})-(?P<sha>[0-9a-f]{40}|[0-9a-f]{64})", re.ASCII
)
_NUMBER = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
_OF_PULLS = frozenset({"pull_request", "pull_request_review"})
_MOST_PULLS = 20
"""Each of them is a request, and closed ones count: whoever opens hundreds would use up everybody's."""

PullsAt = Callable[[str], Sequence[int]]
"""Numbers of the pull requests that have a head, from git: `Store.pulls_at`."""


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


def told(event: Event, hub: GitHub, pulls_at: PullsAt) -> tuple[str, list[Asked]]:
    """The head that a verdict is wanted for, and every base that it wants to go to, as GitHub says now."""
    match event:
        case WorkflowRun() if event.event in _OF_PULLS:
            numbers = sorted({*pulls_at(event.head_sha), *event.pulls})
            # git may be a moment behind, and a pull request that nobody judges waits for ever.
            known = () if numbers else _of_branch(event, hub)
            return event.head_sha, _wanting(event.head_sha, known, numbers, hub)
        case WorkflowRun() if event.event == "merge_group":
            found = _QUEUE.fullmatch(event.head_ref or "")
            if found is None:
                raise EventError(f"{event.head_ref!r} is no branch of a merge queue")
            return event.head_sha, [Asked(event.head_sha, found["base"], None, found["sha"], int(found["pull"]))]
        case WorkflowDispatch():
            pull = hub.pull(_number(event))
            return pull.head_sha, _wanting(pull.head_sha, (pull,), pulls_at(pull.head_sha), hub)
    raise EventError(
        "this event names no head that a verdict could be about",
        fix="run it on workflow_run of the check (started by a pull request or a merge queue), or dispatch it",
    )


def _number(event: WorkflowDispatch) -> int:
    number = event.inputs.get(PULL_INPUT, "")
    if not _NUMBER.fullmatch(number):
        raise EventError(f"the input `{PULL_INPUT}` is {number[:20]!r}, and should be a pull request's number")
    return int(number)


def _of_branch(event: WorkflowRun, hub: GitHub) -> tuple[Pull, ...]:
    owner = (event.head_repository or "").partition("/")[0]
    return hub.pulls_of_head(owner, event.head_ref) if owner and event.head_ref else ()


def _wanting(head: str, known: Sequence[Pull], numbers: Sequence[int], hub: GitHub) -> list[Asked]:
    """A check run is of a commit, so it speaks for every pull request with this head, a fork's and a stranger's too."""
    others = [number for number in numbers if number not in {one.number for one in known}]
    if len(others) > _MOST_PULLS:
        raise EventError(
            f"{head} is the head of more than {_MOST_PULLS} pull requests",
            fix="push another commit to the one that is meant: git commit --amend --no-edit && git push --force",
        )
    found = [one for one in (*known, *map(partial(_pull, hub), others)) if one is not None and _fits(one, head)]
    return [Asked(head, one.base_ref, one.number) for one in sorted(found, key=lambda one: one.number)]


def _pull(hub: GitHub, number: int) -> Pull | None:
    """An event may name one of another repository."""
    try:
        return hub.pull(number)
    except NotFound:
        return None


def _fits(pull: Pull, head: str) -> bool:
    """A head that moved on is judged by its own event."""
    return pull.state == "open" and pull.head_sha == head
