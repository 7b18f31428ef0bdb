"""SG407: no field is lost."""

from __future__ import annotations

from collections.abc import Iterator

from smokegate.judge.change import RegistryChange
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.side import Side
from smokegate.judge.supersession import in_sidecar
from smokegate.registry.entry import Entry

_TOLD_ELSEWHERE = frozenset({"smoke"})
"""SG402 and SG403 speak of a `smoke` that goes."""


def change(change: RegistryChange, law: Law) -> Problems:
    del law
    for step in change.steps.values():
        if step.before is None or step.after is None:
            continue
        lost = sorted(_lost(change, step.before, step.after))
        if lost:
            yield Problem(
                subject=step.key,
                path=change.head.registry_path,
                pointer=step.after.pointer(),
                message=f"loses {', '.join(f'`{field}`' for field in lost)}",
                fix=f"put {', '.join(lost)} back into `{step.key}`, unless losing it is meant",
                cause=(),
            )


def _lost(change: RegistryChange, before: Entry, after: Entry) -> Iterator[str]:
    for field, value in before.raw.items():
        emptied = _says_nothing(after.raw.get(field)) and not _says_nothing(value)
        if field not in _TOLD_ELSEWHERE and emptied and not _moved(change, before, after, field):
            yield field


def _says_nothing(value: object) -> bool:
    return value is None or value in ("", [])


def _moved(change: RegistryChange, before: Entry, after: Entry, field: str) -> bool:
    """A schema that admits no further field has pins and supersession stand in the sidecar."""
    if field == "external_data":
        return _pinned(change.base, before) <= _pinned(change.head, after)
    if field in {"supersedes", "superseded_by"}:
        return in_sidecar(change.head, after, field) == before.text(field)
    return False


def _pinned(side: Side, entry: Entry) -> set[str]:
    return {pin.location for pin in side.pins(entry)}
