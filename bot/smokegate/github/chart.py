"""Numbers as a chart that GitHub draws: a mermaid `xychart-beta` of bars, and a line where the bound lies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

MOST_BARS = 24
"""More cannot be told apart in the width of a comment."""
_LABEL = 40
_LARGEST = 1e12
"""The grammar of these charts has no exponents, and a bar of more digits shows nothing."""
# Nothing in these labels ends a text, starts a comment or a directive, or is an entity to mermaid.
_ODD = re.compile(r"[^A-Za-z0-9 _.,:/+()-]")
_PARTED = re.compile(r".*[_./-]", re.DOTALL)
_SHARED = 6
"""Characters: a beginning that all labels share goes into the title, so that they do not run into each other."""


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
    labels = [label for label, _ in known]
    title, shared = chart.title, _shared(labels)
    if shared:
        title += f" ({_label(shared)}...)"
    if missing := len(chart.bars) - len(known):
        title += f" - {missing} undefined"
    edges = [value for _, value in known]
    if chart.bound is not None and abs(chart.bound) < _LARGEST:
        edges.append(chart.bound)
    low, high = _scale(edges)
    digits = 6 if high - low < 100 else 2
    lines = [
        "```mermaid",
        "xychart-beta",
        f'    title "{_label(title, 100)}"',
        f"    x-axis [{', '.join(_quoted(label) for label in _distinct([label[len(shared) :] for label in labels]))}]",
        f"    y-axis {_number(low, digits)} --> {_number(high, digits)}",
        f"    bar [{', '.join(_number(value, digits) for _, value in known)}]",
    ]
    if chart.bound is not None and abs(chart.bound) < _LARGEST:
        lines.append(f"    line [{', '.join([_number(chart.bound, digits)] * len(known))}]")
    return "\n".join((*lines, "```"))


def _shared(labels: Sequence[str]) -> str:
    """What all labels begin with, up to where a word ends."""
    first, last = min(labels), max(labels)
    alike = next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    whole = _PARTED.match(first[:alike])
    return whole[0] if whole and len(whole[0]) >= _SHARED else ""


def _scale(edges: Sequence[float]) -> tuple[float, float]:
    """From a little below to a little above what there is, so that values that lie close can be told apart."""
    low, high = min(edges), max(edges)
    room = max((high - low) * 0.25, max(abs(low), abs(high), 1.0) * 1e-4)
    return low - room, high + room


def _number(value: float, digits: int) -> str:
    return f"{value + 0.0:.{digits}f}"


def _label(text: str, most: int = _LABEL) -> str:
    return _ODD.sub("?", text)[:most].strip() or "?"


def _quoted(text: str) -> str:
    return f'"{text}"'


def _distinct(labels: Sequence[str]) -> list[str]:
    """Ends tell apart what was cut to one text; a number does where even those are equal."""
    shown = [_label(label if len(label) <= _LABEL else f"...{label[3 - _LABEL :]}") for label in labels]
    return [label if shown.count(label) == 1 else f"{at} {label}" for at, label in enumerate(shown, 1)]
