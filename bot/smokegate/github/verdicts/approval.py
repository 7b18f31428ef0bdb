"""Who vouches for a change on GitHub: an owner for the law (SG701), and for a flip somebody who did not want it.

A review counts for the head that it was given on, and only as its author's last word. Whoever opened the change, wrote
a commit of it, alone or as co-author, or asked for it is one of its authors, and vouches for nothing. What GitHub does
not say here: who pushed a commit under another's name, for which it has the rule `require_last_push_approval`; whose a
co-author's address is, unless it is one of GitHub's own; and which two accounts are one person's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from smokegate.github.api.port import GHOST, Pull, PullCommit, Review, User

_WORDS = frozenset({"APPROVED", "CHANGES_REQUESTED", "DISMISSED"})
_WEB = "web-flow"
"""The committer of what was committed on the site itself."""
_MOST_COMMITS = 250
_CO_AUTHOR = re.compile(
    r"^co-authored-by:[^<\n]*<(?:[0-9]+\+)?([a-z0-9-]+(?:\[bot\])?)@users\.noreply\.[a-z0-9.-]+>",
    re.ASCII | re.IGNORECASE | re.MULTILINE,
)
"""GitHub writes such a line for whoever's suggestion is committed."""

IsMember = Callable[[str, str, str], bool]
"""organisation, team, login"""


@dataclass(frozen=True, slots=True)
class Authors:
    logins: frozenset[str]
    unknown: str | None = None
    """Why somebody may be missing from them."""

    @property
    def people(self) -> list[str]:
        """Bots approve nothing, so nobody need be told of them."""
        return sorted(login for login in self.logins if not login.endswith("[bot]"))


@dataclass(frozen=True, slots=True)
class Approval:
    by: tuple[str, ...] = ()
    lacking: str | None = None
    """What is not there yet, in words; None where `by` will do."""


def authors(pull: Pull, commits: Sequence[PullCommit], asked_by: Iterable[str] = ()) -> Authors:
    logins = {pull.author.login, *asked_by}
    unknown = f"it has {_MOST_COMMITS} commits or more" if len(commits) >= _MOST_COMMITS else None
    for commit in commits:
        for person in _people(commit):
            if person is None or person == GHOST:
                unknown = unknown or f"commit {commit.sha[:12]} belongs to no account until one has its address"
            else:
                logins.add(person.login)
    return Authors(frozenset(map(str.lower, logins)), unknown)


def _people(commit: PullCommit) -> list[User | None]:
    committer = commit.committer
    committed = [] if committer is not None and committer.login == _WEB else [committer]
    return [commit.author, *committed, *(User(login) for login in _CO_AUTHOR.findall(commit.message))]


def approvers(reviews: Sequence[Review], head: str) -> tuple[str, ...]:
    last: dict[str, Review] = {}
    for review in sorted(reviews, key=lambda one: one.id):
        if review.state in _WORDS:
            last[review.author.login.lower()] = review
    approving = (one for one in last.values() if one.state == "APPROVED" and one.commit_sha == head)
    return tuple(sorted(one.author.login for one in approving if not one.author.bot and one.author != GHOST))


def by_owner(owners: Sequence[str], approving: Sequence[str], wrote: Authors, is_member: IsMember) -> Approval:
    if not owners:
        return Approval(lacking="the policy on the target branch names no `owners`, so nobody can approve it")
    named = ", ".join(f"`{owner}`" for owner in owners)
    if wrote.unknown:
        return Approval(lacking=f"{wrote.unknown}, so nobody can say that no owner ({named}) wrote it")
    found = [one for one in approving if one.lower() not in wrote.logins and _owns(one, owners, is_member)]
    if found:
        return Approval(tuple(found))
    return Approval(lacking=f"on this head, no owner approves it who neither wrote nor asked for it ({named})")


def _owns(login: str, owners: Sequence[str], is_member: IsMember) -> bool:
    for owner in owners:
        organisation, slash, team = owner.partition("/")
        if is_member(organisation, team, login) if slash else owner.lower() == login.lower():
            return True
    return False


def by_another(approving: Sequence[str], wrote: Authors, may_write: Callable[[str], bool]) -> Approval:
    """For a flip that was asked for: GitHub lets the one who asked approve what a bot opened."""
    if wrote.unknown:
        return Approval(lacking=f"{wrote.unknown}, so nobody can say that its approver did not write it")
    found = [one for one in approving if one.lower() not in wrote.logins and may_write(one)]
    if found:
        return Approval(tuple(found))
    named = ", ".join(f"`{login}`" for login in wrote.people)
    return Approval(lacking=f"on this head, nobody approves it who neither wrote nor asked for it ({named} did)")
