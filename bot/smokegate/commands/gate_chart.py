"""A gate's verdict on the terminal: metrics with their margins, and the seeds as bars against the threshold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from smokegate.evidence.bounds import GateResult, MetricResult
from smokegate.evidence.fault import Fault
from smokegate.policy import Gate
from smokegate.render.escape import visible

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_GREEN, _RED, _PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[0m"


def render(
    document: Mapping[str, Any],
    gate: Gate,
    result: GateResult,
    faults: Sequence[Fault],
    *,
    width: int,
    colour: bool,
) -> str:
    lines = [_painted(f"{document['verdict']}  {document['gate']['name']}", result.passed, colour), ""]
    lines += _table(result.metrics, colour)
    threshold = gate.bounds["seed_plcc"].min if "seed_plcc" in gate.bounds else None
    chart = list(bars(document["gate"]["per_seed_plccs"], threshold, width, colour=colour))
    lines += ["", *chart] if chart else []
    lines += ["", *(f"- {visible(reason)}" for reason in result.reasons)] if result.reasons else []
    if faults:
        lines += ["", "No entry can flip on this document yet:"]
        lines += [f"- {one.code}: {visible(one.message)}" for one in faults]
    return "\n".join([*lines, "", visible(str(document["recommendation"])), ""])


def _table(metrics: Sequence[MetricResult], colour: bool) -> Iterator[str]:
    rows = [("metric", "of", "value", "bound", "margin", "")]
    rows += [
        (
            one.name,
            visible(one.subject or ""),
            _number(one.value),
            _bound(one),
            _number(one.margin, "+"),
            _mark(one.passed),
        )
        for one in metrics
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    passed = [None, *(one.passed for one in metrics)]
    for row, ok in zip(rows, passed, strict=True):
        line = "  ".join(cell.ljust(size) for cell, size in zip(row, widths, strict=True)).rstrip()
        yield line if ok is None else _painted(line, ok, colour and not ok)


def _bound(one: MetricResult) -> str:
    limits = ((">=", one.min), ("<=", one.max), ("drop <=", one.max_drop))
    return ", ".join(f"{sign} {limit:g}" for sign, limit in limits if limit is not None)


def _mark(passed: bool) -> str:
    return "met" if passed else "MISSED"


def _number(value: float | None, sign: str = "") -> str:
    return "undefined" if value is None else f"{value:{sign}.6f}"


def bars(values: Mapping[str, float | None], threshold: float | None, width: int, *, colour: bool) -> Iterator[str]:
    """The scale runs from a little below what there is to 1, so that seeds that lie close can be told apart."""
    if not values:
        return
    known = [value for value in values.values() if value is not None]
    edges = [*known, *([threshold] if threshold is not None else [])]
    low = min([*edges, 0.99])
    low -= (1 - low) * 0.25
    room = max(10, width - 26)
    mark = None if threshold is None else round((threshold - low) / (1 - low) * room)
    for seed, value in values.items():
        fine = value is not None and (threshold is None or value >= threshold)
        bar = list(_bar(value, low, room))
        if mark is not None and mark < room:
            bar[mark] = "┃" if bar[mark] != " " else "│"
        yield _painted(f"seed {seed:>4}  {''.join(bar)}  {_number(value)}", fine, colour)
    if mark is not None:
        yield f"{'':11}{' ' * mark}^ {threshold:g}"


def _bar(value: float | None, low: float, room: int) -> str:
    """Full blocks and one eighth of a block; nothing for a number that is undefined."""
    share = 0.0 if value is None else max(0.0, min(1.0, (value - low) / (1 - low)))
    whole, rest = divmod(int(share * room * 8), 8)
    return (_EIGHTHS[8] * whole + (_EIGHTHS[rest] if whole < room else "")).ljust(room)[:room]


def _painted(text: str, good: bool, colour: bool) -> str:
    return f"{_GREEN if good else _RED}{text}{_PLAIN}" if colour else text
