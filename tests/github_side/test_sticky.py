from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from render.attacks import hostile_text, quick
from render.specimens import BASE, BLOCKED, HEAD, MANY, PASSED, finding, hostile, report
from render.test_markdown import PARSER, assert_only_ours
from smokegate.github.api.port import Comment, User, Viewer
from smokegate.github.comments.sticky import Place, State, body, place, read_state, since, state_of, write_state
from smokegate.judge.report import Verdict
from smokegate.render import markdown
from smokegate.render.escape import fence

US = Viewer("smokegate[bot]", 4)
OTHER_HEAD = "c" * 40


def comment(number: int, text: str, login: str = "smokegate[bot]") -> Comment:
    return Comment(number, User(login, 9, bot=login.endswith("[bot]")), text, "x", "x", "x")


VERDICT = body([BLOCKED], HEAD)
STATE = state_of([BLOCKED], HEAD)


def test_there_is_none_yet() -> None:
    assert place([], US) == place([comment(1, "hello")], US) == Place(None, (), None)


def test_the_oldest_of_ours_is_updated_and_says_what_was() -> None:
    several = [comment(9, VERDICT), comment(3, VERDICT.replace("\n", "\r\n"), "Smokegate[bot]"), comment(5, VERDICT)]
    assert place(several, US) == Place(3, (5, 9), STATE)


@pytest.mark.parametrize("login", ["mallory", "smokegate", "smokegate-bot", "github-actions[bot]", ""])
def test_a_marker_that_somebody_else_wrote_is_not_ours(login: str) -> None:
    assert place([comment(1, VERDICT, login), comment(2, VERDICT)], US) == Place(2, (), STATE)


@pytest.mark.parametrize(
    "text",
    [
        "<!-- smokegate:verdict registry=x -->\nthen more\nand more",
        fence(f"{markdown.MARKER}registry=x -->") + "\n\nan answer\n",
        f"> {markdown.MARKER}registry=x -->",
        f"text {markdown.MARKER}registry=x -->",
        f"{markdown.MARKER}registry=x",
        "",
    ],
)
def test_an_answer_of_ours_that_quotes_the_marker_is_not_the_verdict(text: str) -> None:
    assert place([comment(1, text)], US) == Place(None, (), None)


def test_a_verdict_without_a_state_is_still_ours() -> None:
    assert place([comment(1, markdown.render([BLOCKED]))], US) == Place(1, (), None)


def test_the_page_is_what_it_was_but_for_its_ends() -> None:
    first = body([BLOCKED], HEAD)
    assert first == markdown.render([BLOCKED]) + write_state(STATE) + "\n"
    again = body([BLOCKED], OTHER_HEAD, STATE)
    assert again.split("\n\n")[1] == "*Since the last verdict: head `b7e0d2c4a6f8` → `cccccccccccc`.*"
    assert body([BLOCKED], HEAD, STATE) == first


@pytest.mark.parametrize("reports", [[BLOCKED], [MANY], [PASSED, BLOCKED], [], [MANY, MANY]])
@pytest.mark.parametrize("limit", [65_536, 9_000])
def test_it_fits(reports: list[Any], limit: int) -> None:
    text = body(reports, HEAD, replace(STATE, verdict=Verdict.PASS), limit=limit)
    assert len(text.encode()) <= limit
    assert text.startswith(markdown.render(reports, limit=60_000 if limit > 60_000 else 2_000)[:5])
    assert place([comment(1, text)], US).before == state_of(reports, HEAD)
    assert_blocks(text)


def assert_blocks(text: str) -> None:
    assert [token.content for token in PARSER.parse(text) if token.type == "html_block"][-1].startswith(
        "<!-- smokegate:"
    )


@quick
@given(hostile_text)
def test_hostile_text_is_inert(text: str) -> None:
    page = body([hostile(text)], HEAD, STATE)
    shown, hidden = page.rstrip("\n").rsplit("\n", 1)
    assert_only_ours(shown + "\n")
    assert read_state(page) == state_of([hostile(text)], HEAD)
    assert hidden.isascii()
    assert hidden.count("--") == 2


def test_what_changed_is_said() -> None:
    mended = replace(BLOCKED, findings=BLOCKED.findings[2:], verdict=Verdict.NEEDS_EVIDENCE)
    worse = replace(BLOCKED, findings=(*BLOCKED.findings, finding("SG999")))
    now = state_of([mended], OTHER_HEAD)
    assert since(STATE, now) == (
        "*Since the last verdict: BLOCK → NEEDS EVIDENCE; head `b7e0d2c4a6f8` → `cccccccccccc`; 2 findings are gone.*"
    )
    assert since(now, STATE) == (
        "*Since the last verdict: NEEDS EVIDENCE → BLOCK; head `cccccccccccc` → `b7e0d2c4a6f8`; 2 are new.*"
    )
    assert since(STATE, state_of([worse], HEAD)) == "*Since the last verdict: 1 is new.*"
    assert since(STATE, STATE) is None


def test_a_line_that_moves_is_no_news() -> None:
    moved = replace(BLOCKED, findings=tuple(replace(one, line=99, message="now 8f") for one in BLOCKED.findings))
    assert since(STATE, state_of([moved], HEAD)) is None


def test_standing_findings_are_no_news() -> None:
    assert state_of([PASSED], HEAD).marks == ()


def test_many_findings_are_counted_and_no_longer_told_apart() -> None:
    state = state_of([MANY], HEAD)
    assert (state.marks, state.blocking, state.warnings) == (None, 1_500, 500)
    assert since(STATE, state) == "*Since the last verdict: blocking 3 → 1,500; warnings 1 → 500.*"


_hex = st.text("0123456789abcdef", min_size=10, max_size=10)
_states = st.builds(
    State,
    st.none() | st.sampled_from(Verdict),
    st.sampled_from([HEAD, BASE, "f" * 64]),
    st.integers(0, 10**9 - 1),
    st.integers(0, 10**9 - 1),
    st.none() | st.lists(_hex, max_size=500).map(tuple),
    st.text(max_size=400),
)


@given(_states)
def test_a_state_is_read_back(state: State) -> None:
    assert read_state(f"# page\n\n{write_state(state)}\n") == state


def forged(**fields: Any) -> str:
    good = {"verdict": "pass", "head": HEAD, "blocking": 0, "warnings": 0, "marks": ""}
    text = json.dumps({**good, **fields})
    return f"<!-- smokegate:state v1 {base64.b64encode(text.encode()).decode()} -->"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<!-- smokegate:state v1 -->",
        "<!-- smokegate:state v1 AAAA -->",
        "<!-- smokegate:state v1 A -->",
        "<!-- smokegate:state v2 " + forged().split(" ")[3] + " -->",
        forged() + " more",
        forged(check=7),
        forged(check=None),
        forged(verdict="great"),
        forged(verdict=["pass"]),
        forged(head="@everyone"),
        forged(head=None),
        forged(blocking=-1),
        forged(blocking=True),
        forged(blocking=10**12),
        forged(marks="zz"),
        forged(marks=[1]),
        forged(marks="0" * 11),
        forged(extra=1),
        "<!-- smokegate:state v1 " + base64.b64encode(b"[" * 9_000).decode() + " -->",
        "<!-- smokegate:state v1 " + base64.b64encode(b"[]").decode() + " -->",
    ],
)
def test_a_state_that_makes_no_sense_is_none(text: str) -> None:
    assert read_state(text) is None


@given(hostile_text)
def test_reading_a_state_never_fails(text: str) -> None:
    assert read_state(text) is None
    assert read_state(f"<!-- smokegate:state v1 {text} -->") is None


def test_where_it_was_told_is_no_part_of_it() -> None:
    one = report(findings=(finding(subject="a\0b", path="c"),))
    other = report(findings=(finding(subject="a", path="b\0c"),))
    assert state_of([one], HEAD).marks != state_of([other], HEAD).marks
