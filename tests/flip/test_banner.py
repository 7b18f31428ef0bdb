"""The status block of a model card."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smokegate.registry.banner import END, START, BannerFault, with_status
from smokegate.registry.card import claims_default, mentions_supersession
from smokegate.review.flip_records import superseded

SAID = {"alpha_v1": "is in **production**."}
BLOCK = f"{START}\n> - `alpha_v1` is in **production**.\n{END}\n"


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("# a\n\ntext\n", f"# a\n\n{BLOCK}\ntext\n"),
        ("# a\ntext\n", f"# a\n\n{BLOCK}\ntext\n"),
        ("# a", f"# a\n\n{BLOCK}"),
        ("", BLOCK),
        ("text\n", f"{BLOCK}\ntext\n"),
        ("a\n===\ntext\n", f"a\n===\n\n{BLOCK}\ntext\n"),
        ("---\n# no: heading\n---\n# a\n", f"---\n# no: heading\n---\n# a\n\n{BLOCK}"),
        ("---\nlicense: mit\n---\ntext\n", f"---\nlicense: mit\n---\n\n{BLOCK}\ntext\n"),
        ("```\n# code\n```\n## a\n", f"```\n# code\n```\n## a\n\n{BLOCK}"),
        ("intro\n\n## a ##\n", f"intro\n\n## a ##\n\n{BLOCK}"),
        (f"```\n{START}\n```\n# a\n", f"```\n{START}\n```\n# a\n\n{BLOCK}"),
        ("#hashtag\n\n# a\n", f"#hashtag\n\n# a\n\n{BLOCK}"),
    ],
)
def test_it_goes_under_the_first_heading(card: str, expected: str) -> None:
    assert with_status(card, SAID) == expected


def test_it_is_replaced_and_the_rest_is_not_touched() -> None:
    card = f"# a\n\nbefore\n{START}\nanything\n{END}   \nafter  \n\n\n"
    once = with_status(card, SAID)
    assert once == card.replace("anything", "> - `alpha_v1` is in **production**.")
    assert with_status(once, SAID) == once


def test_a_card_of_several_entries_keeps_what_it_says_of_the_others() -> None:
    both = with_status(with_status("# a\n", SAID), {"beta_v1": "is here."})
    assert "> - `alpha_v1` is in" in both and "> - `beta_v1` is here." in both
    assert with_status(both, {"alpha_v1": "x"}).count("alpha_v1") == 1


def test_line_ends_stay_what_they_are() -> None:
    card = with_status("# a\r\n\r\ntext\r\n", SAID)
    assert card.count("\n") == card.count("\r\n") == 7


@pytest.mark.parametrize("card", [f"{START}\n", f"{END}\n", f"{END}\n{START}\n", f"{START}\n{START}\n{END}\n"])
def test_marks_that_make_no_block_are_a_fault(card: str) -> None:
    with pytest.raises(BannerFault):
        with_status(card, SAID)


@given(st.text(alphabet="#ab \n\r-=`~\u2028\x0b\u00e9", max_size=60))
def test_nothing_of_the_card_is_lost(card: str) -> None:
    after = with_status(card, SAID)
    assert after.replace("\r", "").replace("\n", "").replace(BLOCK.replace("\n", ""), "", 1) == card.replace(
        "\r", ""
    ).replace("\n", "")
    if START in after:
        assert with_status(after, SAID) == after


def test_what_it_says_is_what_the_checks_look_for() -> None:
    said = superseded("alpha_v2")
    assert mentions_supersession(said) and not claims_default(said)
