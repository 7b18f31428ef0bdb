"""The metrics shape: named numbers of each entry, and of the incumbent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from smokegate.evidence.bounds import Numbers
from smokegate.evidence.documents import Subject
from smokegate.evidence.numbers import finite


def numbers(measurements: Mapping[str, Any], subjects: Sequence[Subject]) -> Numbers:
    entries = {name: _numbers(row) for name, row in _object(measurements.get("entries")).items()}
    faults = [] if entries else ["there are no numbers of any entry"]
    named = list(dict.fromkeys(one.id for one in subjects if one.id is not None))
    faults += [f"there are no numbers of {name}" for name in named if name not in entries]
    strangers = [name for name in entries if named and name not in named]
    faults += [f"there are numbers of {name}, which is none of the subjects" for name in strangers]
    members = {name: entries.get(name, {}) for name in (*named, *strangers)} if named else entries
    metrics = sorted({metric for row in members.values() for metric in row})
    return Numbers(
        members={metric: {name: row.get(metric) for name, row in members.items()} for metric in metrics},
        incumbent=_numbers(measurements.get("incumbent")),
        faults=tuple(faults),
    )


def _numbers(row: object) -> dict[str, float | None]:
    return {name: finite(value) for name, value in _object(row).items()}


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
