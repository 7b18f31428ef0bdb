"""SG304: a production entry has its sidecar."""

from __future__ import annotations

from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.shell import pathspec, word
from smokegate.judge.side import Side
from smokegate.registry.entry import Entry


def entry(side: Side, entry: Entry, law: Law) -> Problems:
    del law
    path = side.sidecar_path(entry)
    if not entry.production or path is None or side.is_file(path):
        return
    yield Problem(
        subject=entry.key,
        path=side.registry_path,
        pointer=entry.pointer("onnx"),
        message=f"is in production without its sidecar `{path}`, so nobody knows how to feed it",
        fix=f"write {word(path)} with input_names, output_names, opset and the feature scaling, then: "
        f"git add -- {pathspec(path)}",
        restores=path,
        cause=(path,),
    )
