"""SG101: the registry fits the schema that stands on base."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.side import Side
from smokegate.registry.document import JsonDocument, Pointer
from smokegate.registry.json_schema import SchemaFault


def side(side: Side, law: Law) -> Problems:
    document = side.registry
    if not isinstance(document, JsonDocument):
        return
    keys = {entry.index: entry.key for entry in side.entries.values()}
    alike: Counter[tuple[object, ...]] = Counter()
    for fault in law.schema.faults(document.value):
        subject = _subject(fault.pointer, keys, side.registry_path)
        cause = (_within_row(fault.pointer), fault.message, _drawn_from(document.value, fault))
        alike[subject, cause] += 1
        yield Problem(
            subject=subject,
            path=side.registry_path,
            pointer=fault.pointer,
            message=f"does not fit {law.schema.name}: {fault.message}",
            fix=_fix(fault, side.registry_path),
            cause=(*cause, alike[subject, cause]),
        )


def _subject(pointer: Pointer, keys: Mapping[int, str], registry_path: str) -> str:
    """The entry; for a row that is none, the registry, since its number moves when rows come and go."""
    row = pointer[1] if len(pointer) > 1 and pointer[0] == "models" else None
    return keys.get(row, registry_path) if isinstance(row, int) else registry_path


def _within_row(pointer: Pointer) -> Pointer:
    return pointer[2:] if pointer[:1] == ("models",) and len(pointer) > 1 else pointer


def _drawn_from(value: Any, fault: SchemaFault) -> str:
    """That a member is missing says nothing of its neighbours; all else is drawn from the value at fault."""
    if fault.missing is not None:
        return ""
    for part in fault.pointer:
        value = value[part]
    return repr(value)


def _fix(fault: SchemaFault, registry_path: str) -> str:
    place = _spelled(fault.pointer)
    if fault.missing is not None:
        return f'add "{fault.missing}" to {place} in {registry_path}'
    if fault.unexpected:
        return f"take {place} out of {registry_path}, or spell it as the schema does"
    return f"mend {place} in {registry_path}"


def _spelled(pointer: Pointer) -> str:
    spelled = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in pointer)
    return spelled.lstrip(".") or "the top level"
