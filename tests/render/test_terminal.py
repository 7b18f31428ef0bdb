"""The terminal report: readable for a person, harmless to the terminal and to a log that obeys commands."""

from __future__ import annotations

import re

import pytest
from hypothesis import given

from render.attacks import hostile_text, quick
from render.specimens import BLOCKED, GOLDEN, HOSTILE, MANY, PASSED, SELF_ATTESTED, finding, hostile, report
from smokegate.judge.report import Change, Report, Verdict, What
from smokegate.render import text
from smokegate.render.escape import visible

_SGR = re.compile(r"\x1b\[(?:0|1|36|1;(?:2|31|32|33))m")


def assert_harmless(rendered: str) -> None:
    assert all(ch.isprintable() or ch == "\n" for ch in rendered)
    assert "##[" not in rendered
    assert not any(line.lstrip().startswith("::") for line in rendered.split("\n"))


@pytest.mark.parametrize("hostility", HOSTILE)
def test_hostile_text_is_inert(hostility: str) -> None:
    _assert_all_ways_harmless(hostile(hostility))


@quick
@given(hostile_text)
def test_any_text_is_inert(hostility: str) -> None:
    _assert_all_ways_harmless(hostile(hostility))


def _assert_all_ways_harmless(one: Report) -> None:
    for verbose in (False, True):
        plain = text.render([one], verbose=verbose, width=60)
        assert_harmless(plain)
        coloured = text.render([one], verbose=verbose, width=60, colour=True)
        assert _SGR.sub("", coloured) == plain


@quick
@given(hostile_text)
def test_visible_is_one_line_and_settled(hostility: str) -> None:
    shown = visible(hostility)
    assert shown.isprintable()
    assert visible(shown) == shown


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("vmaf_tiny_v2.onnx", "vmaf_tiny_v2.onnx"),
        ("façade 模型 🧪", "façade 模型 🧪"),
        ("a\x1b[31m", "a\\x1b[31m"),
        ("\u202egpj", "\\u202egpj"),
        ("a\u200bb\ufe0f\u3164", "a\\u200bb\\ufe0f\\u3164"),
        ("\U000e0041", "\\U000e0041"),
        ("\udcff", "\\xff"),
        ("\ud800", "\\ud800"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("a\u00a0b", "a\\xa0b"),
        ("::error::x", "\\x3a:error::x"),
        ("a ::error::x", "a \\x3a:error::x"),
        ("a::b", "a::b"),
        ("##[error]", "##\\x5berror]"),
    ],
)
def test_visible(raw: str, shown: str) -> None:
    assert visible(raw) == shown


@pytest.mark.parametrize("width", [40, 72, 100])
def test_words_are_wrapped_and_commands_are_not(width: int) -> None:
    command = "smokegate flip vmaf_tiny_v3 --evidence " + "model/tiny/evidence/" * 8 + "PROMOTE.json"
    message = "the digest in the entry is not the digest of the bytes, and that is so " * 5
    one = report(Verdict.BLOCK, findings=(finding(message=message, fix=command),), notes=(message,))
    lines = text.render([one], width=width).split("\n")
    assert f"      fix: {command}" in lines
    wordy = [line for line in lines if "digest" in line or "bytes" in line]
    assert len(wordy) > 10 * 72 // width
    assert all(len(line) <= width for line in wordy)


def test_names_are_never_broken() -> None:
    path = "model/" + "tiny-" * 40 + "v1.onnx"
    one = report(Verdict.BLOCK, findings=(finding(message=f"there is no {path} at head", path=path),))
    assert text.render([one], width=50).count(path) == 2


def test_the_verdict_comes_first() -> None:
    line = text.render([BLOCKED]).split("\n")[0]
    assert line == "BLOCK  3 blocking, 1 warning, 3 standing  4f2a91c07b3d..b7e0d2c4a6f8  model/tiny/registry.json"
    assert text.render([SELF_ATTESTED]).startswith("PASS (self-attested)  ")
    assert text.render([PASSED, BLOCKED]).startswith("BLOCK  2 registries: 1 BLOCK, 1 PASS\n")
    assert text.render([]) == "PASS  no registry was judged\n"


def test_debt_is_folded_until_asked_for() -> None:
    assert "SG202 digest: 500\n" in text.render([MANY])
    assert "debt_7" not in text.render([MANY])
    full = text.render([MANY], verbose=True)
    assert all(f"debt_{number}\n" in full for number in range(500))


def test_nothing_is_left_out() -> None:
    full = text.render([MANY], verbose=True)
    assert full.count("      fix: smokegate pin") == len(MANY.findings)
    assert all(f" {change.id} " in full for change in MANY.changes)


@pytest.mark.parametrize("name", GOLDEN)
def test_colour_is_only_added(name: str) -> None:
    assert "\x1b" not in text.render(GOLDEN[name])
    assert _SGR.sub("", text.render(GOLDEN[name], colour=True)) == text.render(GOLDEN[name])


def test_a_file_of_nobody_is_called_a_file() -> None:
    edited = Change(id=".smokegate.yml", what=What.CHANGED, fields=("file",))
    added = Change(id="retired.json", what=What.ADDED, fields=("file",))
    shown = text.render([report(changes=(edited, added))])
    assert "- file .smokegate.yml is edited\n" in shown
    assert "- new file retired.json\n" in shown


def test_production_changes_by_its_identity_alone() -> None:
    """A pin that is merely said again touches `external_data`, and nothing that runs."""
    where = "production"
    pinned = Change("alpha_v1", What.CHANGED, ("external_data",), stage_before=where, stage_after=where)
    shown = text.render([report(changes=(pinned,))])
    assert "what it computes in production stays the same" in shown
