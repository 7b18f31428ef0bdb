from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from render.attacks import hostile_text
from smokegate.github.flips.chart import MOST_BARS, Bars, draw

# The part of mermaid's grammar for these charts that is ours: texts in quotes, plain decimals, three kinds of line.
_NUMBER = r"-?\d+\.\d+"
_TEXT = r'"[A-Za-z0-9 _.,:/+()?-]+"'
GRAMMAR = re.compile(
    rf"""```mermaid
---
config:
    xyChart:
        width: 800
        height: \d+
        yAxis:
            labelFontSize: 11
    themeVariables:
        xyChart:
            plotColorPalette: "steelblue, crimson"
---
xychart-beta horizontal
    title {_TEXT}
    x-axis \[(?P<labels>{_TEXT}(?:, {_TEXT})*)\]
    y-axis (?P<cut>"the axis does not start at 0" )?(?P<low>{_NUMBER}) --> (?P<high>{_NUMBER})
    bar \[(?P<bars>{_NUMBER}(?:, {_NUMBER})*)\]
(?:    line \[(?P<line>{_NUMBER}(?:, {_NUMBER})*)\]
)?```"""
)


def drawn(chart: Bars) -> dict[str, list[str]]:
    text = draw(chart)
    assert text is not None
    found = GRAMMAR.fullmatch(text)
    assert found, text
    lists = {name: (value or "").split(", ") for name, value in found.groupdict().items()}
    return {**lists, "labels": re.findall(_TEXT, found["labels"])}


def test_a_chart_in_full() -> None:
    chart = Bars("seed_plcc", [("0", 0.9968), ("1", 0.9978), ("2", 0.94)], 0.95)
    assert draw(chart) == (
        "```mermaid\n"
        "---\n"
        "config:\n"
        "    xyChart:\n"
        "        width: 800\n"
        "        height: 222\n"
        "        yAxis:\n"
        "            labelFontSize: 11\n"
        "    themeVariables:\n"
        "        xyChart:\n"
        '            plotColorPalette: "steelblue, crimson"\n'
        "---\n"
        "xychart-beta horizontal\n"
        '    title "seed_plcc, against the threshold 0.95"\n'
        '    x-axis ["0", "1", "2"]\n'
        '    y-axis "the axis does not start at 0" 0.9255500 --> 1.0122500\n'
        "    bar [0.9968000, 0.9978000, 0.9400000]\n"
        "    line [0.9500000, 0.9500000, 0.9500000]\n"
        "```"
    )


@pytest.mark.parametrize(
    ("values", "bound", "whole"),
    [
        ((0.6558, 0.7105), None, True),
        ((3.0, 9.0), 10.0, True),
        ((0.0, 0.0), 0.0, True),
        ((0.9968, 0.9978), 0.95, False),
        ((-0.1, 0.3), None, False),
    ],
)
def test_a_bar_begins_at_0_unless_it_is_said(values: tuple[float, float], bound: float | None, whole: bool) -> None:
    """A part of an axis makes much of a small difference."""
    found = drawn(Bars("x", list(zip("ab", values, strict=True)), bound))
    assert (float(found["low"][0]) == 0) is whole
    assert (found["cut"] == [""]) is whole


def test_an_undefined_number_has_no_bar_and_is_said() -> None:
    text = draw(Bars("x", [("a", 1.0), ("b", None), ("c", 2.0)]))
    assert text is not None
    assert 'title "x - 1 undefined"' in text
    assert 'x-axis ["a", "c"]' in text


@pytest.mark.parametrize(
    "bars",
    [[], [("a", 1.0)], [("a", 1.0), ("b", None)], [(str(n), 1.0) for n in range(MOST_BARS + 1)], [("a", 1e300)] * 3],
)
def test_what_cannot_be_compared_is_not_drawn(bars: list[tuple[str, float | None]]) -> None:
    assert draw(Bars("x", bars)) is None


@pytest.mark.parametrize(
    "values", [(0.0, 1e-10), (1.0, 1.0), (0.0, 0.0), (-9e8, -9e8 + 1e-3), (5e-324, 0.0), (-2.0, 3.0), (1e-7, 2e-7)]
)
def test_values_that_lie_close_still_have_a_scale(values: tuple[float, float]) -> None:
    found = drawn(Bars("x", list(zip("ab", values, strict=True))))
    assert float(found["low"][0]) <= min(values) <= max(values) < float(found["high"][0])


def test_small_numbers_are_not_drawn_as_one() -> None:
    assert len(set(drawn(Bars("x", [("a", 1e-7), ("b", 2e-7)]))["bars"])) == 2


def test_labels_that_were_cut_can_be_told_apart() -> None:
    long = ["m" * 60 + "_seed0", "m" * 60 + "_seed1", "\u0430", "\u0431"]
    labels = drawn(Bars("x", [(one, 1.0) for one in ("a", *long)]))["labels"][1:]
    assert len(set(labels)) == 4
    assert labels[0].endswith('_seed0"')


_values = st.none() | st.floats(allow_nan=False, allow_infinity=False)


@given(hostile_text, st.lists(st.tuples(hostile_text, _values), max_size=MOST_BARS), st.none() | st.floats(-1e9, 1e9))
def test_whatever_is_drawn_is_a_chart(title: str, bars: list[tuple[str, float | None]], bound: float | None) -> None:
    if draw(Bars(title, bars, bound)) is None:
        return
    found = drawn(Bars(title, bars, bound))
    low, high = float(found["low"][0]), float(found["high"][0])
    assert low < high
    assert len(found["labels"]) == len(found["bars"])
    assert all(low <= float(bar) <= high for bar in found["bars"])
    assert found["line"] == [""] or len(found["line"]) == len(found["bars"])
    assert all(math.isfinite(float(bar)) for bar in found["bars"])
