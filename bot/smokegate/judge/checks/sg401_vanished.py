"""SG401: no entry vanishes without a retirement record."""

from __future__ import annotations

from smokegate.judge.change import RegistryChange
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.registry.document import Pointer
from smokegate.registry.entry import Entry


def change(change: RegistryChange, law: Law) -> Problems:
    del law
    for step in change.steps.values():
        gone = step.before
        if gone is None or not (step.removed or step.renamed):
            continue
        fault = _record_fault(change, gone)
        if fault is None:
            continue
        moved = f" (the same bytes now stand under `{step.key}`)" if step.renamed else ""
        successor = f" --superseded-by {step.key}" if step.renamed else ""
        yield Problem(
            subject=gone.key,
            path=change.head.registry_path,
            pointer=_where_it_stood(change, gone),
            message=f"the {gone.stage} entry `{gone.key}` vanishes{moved}: {fault}",
            fix=f'smokegate retire {gone.key} --reason "..."{successor}, or put the entry back',
            cause=(),
        )


def _record_fault(change: RegistryChange, gone: Entry) -> str | None:
    records = [r for r in change.head.retirements if r.id == gone.id]
    if not records:
        return f"there is no record of it in {change.head.retired_path}"
    known = {gone.sha256, change.base.digest(change.base.model_path(gone))}
    matching = [r for r in records if r.sha256 in known]
    if not matching:
        return f"its record in {change.head.retired_path} names other bytes"
    if not any(r.reason for r in matching):
        return f"its record in {change.head.retired_path} gives no reason"
    successors = {r.superseded_by for r in matching if r.superseded_by}
    missing = sorted(s for s in successors if s not in change.head.entries)
    return f"its successor `{missing[0]}` is not in the registry" if missing else None


def _where_it_stood(change: RegistryChange, gone: Entry) -> Pointer:
    """The surviving row that came just before it, else the list."""
    rows = sorted(change.base.entries.values(), key=lambda e: e.index)
    for row in reversed([r for r in rows if r.index < gone.index]):
        survivor = change.head.entries.get(row.key)
        if survivor is not None:
            return survivor.pointer()
    return ("models",)
