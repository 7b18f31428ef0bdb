"""Whose word counts for a change of the law, and for a flip: nobody's own."""

from __future__ import annotations

from typing import Any

import pytest

from smokegate.github.api.port import GHOST, Pull, PullCommit, Review, Signature, User
from smokegate.github.verdicts.approval import approvers, authors, by_another, by_owner

HEAD, BEFORE = "a" * 40, "b" * 40
ANA, BEN, CAT, BOT = User("Ana", 1), User("ben", 2), User("cat", 3), User("smokegate[bot]", 9, bot=True)
OWNERS = ("ana", "acme/stewards")


def pull(author: User = BEN) -> Pull:
    return Pull(
        7, "open", False, False, "t", "b", author, HEAD, "topic", "acme/models", BEFORE, "main", "acme/models", "u"
    )  # fmt: skip


def commit(author: User | None = BEN, committer: User | None = BEN, sha: str = HEAD, message: str = "m") -> PullCommit:
    return PullCommit(sha, (BEFORE,), message, author, committer, Signature("n", "e", "d"))


def review(who: User, state: str = "APPROVED", head: str | None = HEAD, number: int = 1) -> Review:
    return Review(number, who, state, head, "2026-11-20T00:00:00Z")


def stewards(organisation: str, team: str, login: str) -> bool:
    return (organisation, team) == ("acme", "stewards") and login == "cat"


@pytest.mark.parametrize(
    ("reviews", "found"),
    [
        ([review(ANA)], ("Ana",)),
        ([review(ANA, "COMMENTED")], ()),
        ([review(ANA, head=BEFORE)], ()),
        ([review(ANA, head=None)], ()),
        ([review(ANA), review(ANA, "CHANGES_REQUESTED", number=2)], ()),
        ([review(ANA, "CHANGES_REQUESTED", number=1), review(ANA, number=2)], ("Ana",)),
        ([review(ANA, number=2), review(ANA, "CHANGES_REQUESTED", number=1)], ("Ana",)),
        ([review(ANA), review(ANA, "COMMENTED", number=2)], ("Ana",)),
        ([review(ANA), review(ANA, "DISMISSED", number=2)], ()),
        ([review(ANA), review(ANA, head=BEFORE, number=2)], ()),
        ([review(BOT), review(GHOST)], ()),
        ([review(CAT), review(ANA, number=2)], ("Ana", "cat")),
    ],
)
def test_a_review_counts_on_its_head_and_as_the_last_word(reviews: list[Review], found: tuple[str, ...]) -> None:
    assert approvers(reviews, HEAD) == found


@pytest.mark.parametrize(
    ("approving", "commits", "asked_by", "by"),
    [
        (("Ana",), [commit()], (), ("Ana",)),
        (("cat",), [commit()], (), ("cat",)),
        (("ben",), [commit()], (), ()),
        (("Ana",), [commit(), commit(ANA)], (), ()),
        (("Ana",), [commit(), commit(BEN, ANA)], (), ()),
        (("Ana",), [commit()], ("ANA",), ()),
        (("Ana", "cat"), [commit(ANA)], (), ("cat",)),
        (("Ana",), [commit(BEN, User("web-flow", 19864447))], (), ("Ana",)),
        (("Ana",), [commit(None)], (), ()),
        (("Ana",), [commit(GHOST)], (), ()),
        (("Ana",), [commit()] * 250, (), ()),
        (("dan",), [commit()], (), ()),
        ((), [commit()], (), ()),
    ],
)
def test_an_owner_who_had_no_hand_in_it(
    approving: tuple[str, ...], commits: list[PullCommit], asked_by: tuple[str, ...], by: tuple[str, ...]
) -> None:
    found = by_owner(OWNERS, approving, authors(pull(), commits, asked_by), stewards)
    assert found.by == by
    assert (found.lacking is None) is bool(by)


def test_where_the_policy_names_no_owner_nobody_is_one() -> None:
    lacking = by_owner((), ("Ana",), authors(pull(), [commit()]), stewards).lacking
    assert lacking is not None and "names no `owners`" in lacking


def test_who_opened_it_is_an_author_whoever_wrote_the_commits() -> None:
    wrote = authors(pull(ANA), [commit()])
    assert by_owner(OWNERS, ("Ana",), wrote, stewards).by == ()


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        ("Co-authored-by: Ana Li <7+Ana@users.noreply.github.com>", True),
        ("co-authored-by: ana@home <ana@users.noreply.github.com>\nSigned-off-by: ben", True),
        ("Co-authored-by: Ana <ana@users.noreply.github.acme.com>", True),
        ("Co-Authored-By: A helper <helper[bot]@users.noreply.github.com>", False),
        ("Co-authored-by: Ana <ana@acme.example>", False),
        ("it was Co-authored-by: Ana <ana@users.noreply.github.com>", False),
        ("Co-authored-by: Ana <someone\n@users.noreply.github.com>", False),
    ],
)
def test_a_co_author_is_an_author_where_the_address_is_githubs_own(line: str, counts: bool) -> None:
    wrote = authors(pull(BOT), [commit(message=f"Better\n\n{line}")])
    assert wrote.unknown is None
    assert by_another(("Ana",), wrote, writes).by == (() if counts else ("Ana",))


def writes(login: str) -> bool:
    return login != "passer-by"


@pytest.mark.parametrize(
    ("approving", "by"),
    [(("cat",), ("cat",)), (("Ana",), ()), (("passer-by",), ()), ((), ()), (("Ana", "cat"), ("cat",))],
)
def test_a_flip_is_vouched_for_by_another_than_who_asked(approving: tuple[str, ...], by: tuple[str, ...]) -> None:
    """GitHub itself lets Ana approve what the bot opened for her."""
    found = by_another(approving, authors(pull(BOT), [commit(BOT, BOT)], ["ana"]), writes)
    assert found.by == by
    assert by or "`ana`" in str(found.lacking)


def test_a_commit_of_nobody_is_named() -> None:
    wrote: Any = authors(pull(), [commit(), commit(None, sha="c" * 40)])
    assert "cccccccccccc belongs to no account" in wrote.unknown
    assert "cccccccccccc" in str(by_another(("cat",), wrote, writes).lacking)
