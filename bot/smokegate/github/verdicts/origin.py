"""Where a flip was asked for: its evidence names the pull request, which may have moved on since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from smokegate.github.api.faults import NotFound
from smokegate.github.api.port import GitHub, Pull, PullCommit
from smokegate.github.verdicts.verdict import PULL_OF, Judged

_MOST = 20


def origins(judged: Judged, hub: GitHub) -> tuple[list[Pull], list[str]]:
    """The pull requests of this repository that evidence of the change names, and what is wrong with the naming."""
    numbers = sorted({*_numbers(judged, hub.repository_name)})
    found, wrong = [], []
    if len(numbers) > _MOST:
        wrong.append(f"its evidence was asked for on {len(numbers):,} pull requests, and {_MOST} at most are looked at")
    for number in numbers[:_MOST]:
        try:
            found.append(hub.pull(number))
        except NotFound:
            wrong.append(f"its evidence was asked for on #{number}, which is no pull request here")
    return found, wrong


def _numbers(judged: Judged, repository: str) -> Iterator[int]:
    for found in (PULL_OF.fullmatch(one) for part in judged.parts for one in part.asked_on):
        if found is not None and found[1].casefold() == repository.casefold():
            yield int(found[2])


def moved_on(origin: Pull, pull: Pull, commits: Sequence[PullCommit]) -> Iterator[str]:
    """A change that has all that the other one has is no older than it, whichever branch it came by."""
    if not origin.merged and origin.head_sha not in {pull.head_sha, *(one.sha for one in commits)}:
        yield (
            f"it was asked for on #{origin.number}, whose head {origin.head_sha[:12]} is not in here. Ask there once "
            "more with `/promote`, or merge that head into this branch"
        )
