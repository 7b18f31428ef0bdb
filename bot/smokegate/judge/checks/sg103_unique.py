"""SG103: ids are unique, and two entries may not share an `onnx` path."""

from __future__ import annotations

from collections import defaultdict

from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.side import Side
from smokegate.registry.entry import Entry


def side(side: Side, law: Law) -> Problems:
    del law
    by_id: dict[str, list[Entry]] = defaultdict(list)
    by_path: dict[str, list[Entry]] = defaultdict(list)
    for entry in side.entries.values():
        if entry.id:
            by_id[entry.id].append(entry)
        path = side.model_path(entry)
        if path:
            by_path[path].append(entry)
    for entry_id, bearers in by_id.items():
        if len(bearers) > 1:
            yield _problem(side, bearers, "id", f"{len(bearers)} entries have the id `{entry_id}`", entry_id)
    for path, users in by_path.items():
        if len(users) > 1:
            names = ", ".join(f"`{e.key}`" for e in users)
            yield _problem(side, users, "onnx", f"{names} share the file `{path}`", path)


def _problem(side: Side, entries: list[Entry], field: str, message: str, shared: str) -> Problem:
    last = entries[-1]
    return Problem(
        subject=last.key,
        path=side.registry_path,
        pointer=last.pointer(field),
        message=message,
        fix=f"give `{last.key}` {'an id' if field == 'id' else 'a file'} of its own, or remove the copy",
        cause=(field, shared, *(e.key for e in entries)),
        concerns=tuple(e.key for e in entries),
    )
