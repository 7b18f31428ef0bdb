"""A gate's metric as a row of a table: value, threshold, margin."""

from __future__ import annotations

from smokegate.evidence.gates import MetricResult
from smokegate.render.escape import cell_code, clip

HEAD = "| metric | of | value | threshold | margin |"
RULE = "| --- | --- | ---: | --- | ---: |"


def cells(one: MetricResult) -> str:
    of = cell_code(clip(subject(one), 80)) if one.subject is not None else "all"
    margin = number(one.margin)
    margin = margin if one.margin is None or one.margin < 0 else f"+{margin}"
    return f"| {cell_code(clip(one.name, 80))} | {of} | {number(one.value)} | {_bound(one)} | {margin} |"


def subject(one: MetricResult) -> str:
    return f"seed {one.subject}" if one.name == "seed_plcc" else str(one.subject)


def number(value: float | None) -> str:
    if value is None:
        return "undefined"
    return f"{value:.6f}" if value == 0 or 1e-4 <= abs(value) < 1e9 else f"{value:.6g}"


def _bound(one: MetricResult) -> str:
    # The interval of a difference has to exclude zero; every other limit may be met exactly.
    least = ">" if one.name == "difference_low" else "≥"
    limits = ((least, one.min), ("≤", one.max), ("drop ≤", one.max_drop))
    return ", ".join(f"{sign} {limit:g}" for sign, limit in limits if limit is not None)
