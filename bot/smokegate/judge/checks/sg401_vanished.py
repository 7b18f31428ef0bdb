"""SG401: no entry vanishes without a retirement record, and no record is taken back."""

from __future__ import annotations

from smokegate.judge.change import RegistryChange, Step
from smokegate.judge.dossier import records_of
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.retiring import command, gets_its_name
from smokegate.judge.shell import pathspec
from smokegate.registry.document import DocumentFault, Pointer
from smokegate.registry.entry import Entry


def change(change: RegistryChange, law: Law) -> Problems:
    for step in change.steps.values():
        gone = step.before
        if gone is None or not (step.removed or step.renamed) or gets_its_name(step) or _is_copy(change, gone):
            continue
        fault = _record_fault(change, gone)
        if fault is None:
            continue
        moved = f" (the same bytes now stand under `{step.key}`)" if step.renamed else ""
        yield Problem(
            subject=gone.key,
            path=change.head.registry_path,
            pointer=_where_it_stood(change, gone),
            message=f"the {gone.stage} entry `{gone.key}` vanishes{moved}: {fault}",
            fix=_fix(change, step, gone, law),
            cause=(),
        )
    yield from _records_taken_back(change)


def _is_copy(change: RegistryChange, gone: Entry) -> bool:
    """A row that stood twice stands once: SG103 asks for it, and nothing is lost."""
    if gone.id is None or gone.named or gone.id not in change.head.entries:
        return False
    first = change.base.entries[gone.id]
    return first.stage == gone.stage and change.base.identity(first).digest == change.base.identity(gone).digest


def _record_fault(change: RegistryChange, gone: Entry) -> str | None:
    place = change.head.retired_path
    document = change.head.document(place)
    if isinstance(document, DocumentFault):
        return f"{place}, which would say why, cannot be read: {document.message}"
    if gone.id is None or all(r.id != gone.id for r in change.head.retirements):
        return f"there is no record of it in {place}"
    matching = records_of(change, gone)
    if not matching:
        return f"its record in {place} names other bytes"
    if not any(r.reason for r in matching):
        return f"its record in {place} gives no reason"
    missing = sorted({r.superseded_by for r in matching if r.superseded_by} - change.head.entries.keys())
    return f"its successor `{missing[0]}` is not in the registry" if missing else None


def _fix(change: RegistryChange, step: Step, gone: Entry, law: Law) -> str:
    if change.head.registry is None:
        return f"git checkout {{base}} -- {pathspec(change.head.registry_path)}; then retire what is meant to go"
    if gone.id is None or not gone.named:
        return "put the entry back and give it an id of its own; then it can be retired"
    successor = step.key if step.renamed else None
    return f"{command(change, law, gone.id, successor)}, or put the entry back"


def _where_it_stood(change: RegistryChange, gone: Entry) -> Pointer:
    """The surviving row that came just before it, else the list."""
    rows = sorted(change.base.entries.values(), key=lambda e: e.index)
    for row in reversed([r for r in rows if r.index < gone.index]):
        survivor = change.head.entries.get(row.key)
        if survivor is not None:
            return survivor.pointer()
    return ("models",)


def _records_taken_back(change: RegistryChange) -> Problems:
    """An entry whose record goes has vanished without one after all, and could pass for merely lost."""
    kept = {(r.id, r.sha256) for r in change.head.retirements}
    there = {e.id for e in change.head.entries.values()}
    place = change.head.retired_path
    for record in change.base.retirements:
        if record.id and record.id not in there and (record.id, record.sha256) not in kept:
            yield Problem(
                subject=record.id,
                path=place,
                line=None if change.head.document(place) is None else 1,
                message=f"the record that `{record.id}` was retired vanishes from {place}",
                fix=f"git checkout {{base}} -- {pathspec(place)}, and add to it what is new",
                cause=(),
            )
