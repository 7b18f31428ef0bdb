"""SG208: no `.onnx` in the folder that no entry names."""

from __future__ import annotations

from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.shell import pathspec
from smokegate.judge.side import Side
from smokegate.registry.paths import stem


def side(side: Side, law: Law) -> Problems:
    del law
    named: set[str] = set()
    for entry in side.entries.values():
        path = side.model_path(entry)
        if path:
            named |= {path, f"{stem(path)}.int8.onnx"}
    models = {p for p in side.files if p.lower().endswith(".onnx")}
    for path in sorted(models - named):
        yield Problem(
            subject=path,
            path=path,
            message=f"`{path}` lies in the registry's folder, and no entry names it",
            fix=f'add an entry with "smoke": true for it, or: git rm -- {pathspec(path)}',
            cause=(path,),
        )
