from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from render.attacks import hostile_text
from smokegate.github.chart import MOST_BARS, Bars, draw

# The part of mermaid's grammar for these charts that is ours: texts in quotes, plain decimals, three kinds of line.
_NUMBER = r"-?\d+\.\d+"
_TEXT = r'"[A-Za-z0-9 _.,:/+()?-]+"'
GRAMMAR = re.compile(
    rf"""```mermaid
xychart-beta
    title {_TEXT}
    x-axis \[(?P<labels>{_TEXT}(?:, {_TEXT})*)\]
    y-axis (?P<low>{_NUMBER}) --> (?P<high>{_NUMBER})
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
    chart = Bars("seed_plcc, and its threshold", [("0", 0.9968), ("1", 0.9978), ("2", 0.94)], 0.95)
    assert draw(chart) == (
        "```mermaid\n"
        "xychart-beta\n"
        '    title "seed_plcc, and its threshold"\n'
        '    x-axis ["0", "1", "2"]\n'
        "    y-axis 0.925550 --> 1.012250\n"
        "    bar [0.996800, 0.997800, 0.940000]\n"
        "    line [0.950000, 0.950000, 0.950000]\n"
        "```"
    )


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


def test_what_all_labels_begin_with_is_said_once() -> None:
    text = draw(Bars("plcc", [(f"fr_v1_ensemble_v2_seed{n}", 1.0 + n) for n in range(3)]))
    assert text is not None
    assert 'title "plcc (fr_v1_ensemble_v2_...)"' in text
    assert 'x-axis ["seed0", "seed1", "seed2"]' in text
    assert 'x-axis ["a_0", "a_1"]' in str(draw(Bars("x", [("a_0", 1.0), ("a_1", 2.0)])))


@pytest.mark.parametrize(
    "values", [(0.0, 1e-10), (1.0, 1.0), (0.0, 0.0), (-1e11, -1e11 + 1e-3), (5e-324, 0.0), (-2.0, 3.0)]
)
def test_values_that_lie_close_still_have_a_scale(values: tuple[float, float]) -> None:
    found = drawn(Bars("x", list(zip("ab", values, strict=True))))
    assert float(found["low"][0]) < min(values) <= max(values) < float(found["high"][0])


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
