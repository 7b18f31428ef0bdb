"""SG208: no `.onnx` in the folder that no entry names."""

from __future__ import annotations

from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.shell import pathspec
from smokegate.judge.side import Side
from smokegate.registry.document import JsonDocument
from smokegate.registry.paths import parent, stem


def side(side: Side, law: Law) -> Problems:
    if not isinstance(side.registry, JsonDocument):
        return  # SG102 and SG401 say so: of what nobody can read, nobody can tell what it names
    named: set[str] = set()
    for entry in side.entries.values():
        path = side.model_path(entry)
        if path:
            named |= {path, f"{stem(path)}.int8.onnx"}
    models = {p for p in side.files if p.lower().endswith(".onnx")}
    inner = tuple(f"{parent(r)}/" for r in law.registries if parent(r) != side.folder and side.holds(r))
    for path in sorted(p for p in models - named if not p.startswith(inner)):
        yield Problem(
            subject=path,
            path=path,
            message=f"`{path}` lies in the registry's folder, and no entry names it",
            fix=f'add an entry with "smoke": true for it, or: git rm -- {pathspec(path)}',
            cause=(path,),
        )
