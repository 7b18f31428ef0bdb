"""SG101: the registry fits the schema that stands on base."""

from __future__ import annotations

from typing import Any

from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.side import Side
from smokegate.registry.document import JsonDocument
from smokegate.registry.json_schema import SchemaFault


def side(side: Side, law: Law) -> Problems:
    document = side.registry
    if not isinstance(document, JsonDocument):
        return
    keys = {entry.index: entry.key for entry in side.entries.values()}
    for fault in law.schema.faults(document.value):
        subject = _subject(fault, keys, side.registry_path)
        yield Problem(
            subject=subject,
            path=side.registry_path,
            pointer=fault.pointer,
            message=f"does not fit {law.schema.name}: {fault.message}",
            fix=f"mend {_spelled(fault)} in {side.registry_path}",
            cause=(_within_entry(fault), fault.message, repr(_value_at(document.value, fault))),
        )


def _subject(fault: SchemaFault, keys: dict[int, str], registry_path: str) -> str:
    pointer = fault.pointer
    if len(pointer) >= 2 and pointer[0] == "models" and isinstance(pointer[1], int):
        return keys.get(pointer[1], f"models[{pointer[1]}]")
    return registry_path


def _within_entry(fault: SchemaFault) -> tuple[str | int, ...]:
    """The pointer without the row number, which moves when rows come and go."""
    return fault.pointer[2:] if fault.pointer[:1] == ("models",) else fault.pointer


def _value_at(value: Any, fault: SchemaFault) -> Any:
    for part in fault.pointer:
        value = value[part]  # an entry of the document that the fault was found in
    return value if not isinstance(value, dict) else sorted(value)


def _spelled(fault: SchemaFault) -> str:
    spelled = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in fault.pointer)
    return spelled.lstrip(".") or "the top level"
