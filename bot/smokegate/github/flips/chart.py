"""Numbers as a chart that GitHub draws: a mermaid `xychart-beta` of bars, and a line where the bound lies."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

MOST_BARS = 50
"""More is no picture any more."""
_LABEL = 40
_LARGEST, _SMALLEST = 1e9, 1e-12
"""The grammar of these charts has no exponents, and a bar of more digits shows nothing."""
_WIDTH, _AROUND, _ROW = 800, 150, 24
"""Pixels: bars lie, so that their names have room beside them, however many there are."""
_TICKS = 11
"""Pixels: numbers of many digits stand side by side."""
_COLOURS = "steelblue, crimson"
"""Of bars and line; they stand out on white and on black."""
_CUT = '"the axis does not start at 0" '
# Nothing in these labels ends a text, starts a comment or a directive, or is an entity to mermaid.
_ODD = re.compile(r"[^A-Za-z0-9 _.,:/+()-]")


@dataclass(frozen=True, slots=True)
class Bars:
    title: str
    bars: Sequence[tuple[str, float | None]]
    """Labels and values; an undefined one has no bar, and the title says so."""
    bound: float | None = None


def draw(chart: Bars) -> str | None:
    """A fenced block; None where there are too few bars to compare, or too many to draw."""
    known = [(label, value) for label, value in chart.bars if value is not None and abs(value) < _LARGEST]
    if not 2 <= len(known) <= MOST_BARS:
        return None
    bound = chart.bound if chart.bound is not None and abs(chart.bound) < _LARGEST else None
    low, high = _scale([value for _, value in known], bound)
    digits = 5 - math.floor(math.log10(high - low))
    lines = [
        "```mermaid",
        *_frame(len(known)),
        "xychart-beta horizontal",
        f"    title {_quoted(_title(chart, bound, len(chart.bars) - len(known)))}",
        f"    x-axis [{', '.join(_quoted(label) for label in _distinct([label for label, _ in known]))}]",
        f"    y-axis {'' if low == 0 else _CUT}{_number(low, digits)} --> {_number(high, digits)}",
        f"    bar [{', '.join(_number(value, digits) for _, value in known)}]",
    ]
    if bound is not None:
        lines.append(f"    line [{', '.join([_number(bound, digits)] * len(known))}]")
    return "\n".join((*lines, "```"))


def _frame(bars: int) -> tuple[str, ...]:
    return (
        "---",
        "config:",
        "    xyChart:",
        f"        width: {_WIDTH}",
        f"        height: {_AROUND + _ROW * bars}",
        "        yAxis:",
        f"            labelFontSize: {_TICKS}",
        "    themeVariables:",
        "        xyChart:",
        f"            plotColorPalette: {_quoted(_COLOURS)}",
        "---",
    )


def _title(chart: Bars, bound: float | None, missing: int) -> str:
    title = _label(chart.title, 100)
    if bound is not None:
        title += f", against the threshold {bound:g}"
    return f"{title} - {missing} undefined" if missing else title


def _scale(values: Sequence[float], bound: float | None) -> tuple[float, float]:
    """From 0 where that can be: a bar is believed by its length. What lies close around a bound is told apart only
    by a part of the axis."""
    edges = [*values, *([] if bound is None else [bound])]
    low, high = min(edges), max(edges)
    if low >= 0 and (bound is None or low <= high / 2):
        return 0.0, max(high * 1.05, _SMALLEST)
    room = max((high - low) * 0.25, max(abs(low), abs(high)) * 1e-4, _SMALLEST)
    return low - room, high + room


def _number(value: float, digits: int) -> str:
    return f"{value + 0.0:.{max(digits, 2)}f}"


def _label(text: str, most: int = _LABEL) -> str:
    return _ODD.sub("?", text)[:most].strip() or "?"


def _quoted(text: str) -> str:
    return f'"{text}"'


def _distinct(labels: Sequence[str]) -> list[str]:
    """Ends tell apart what was cut to one text; a number does where even those are equal."""
    shown = [_label(label if len(label) <= _LABEL else f"...{label[3 - _LABEL :]}") for label in labels]
    return [label if shown.count(label) == 1 else f"{at} {label}" for at, label in enumerate(shown, 1)]
