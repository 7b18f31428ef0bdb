"""SG301: valid ONNX, within parse bounds."""

from __future__ import annotations

from smokegate.judge.checks.models import models
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.side import Side
from smokegate.registry.entry import Entry
from smokegate.registry.graph import GraphFault


def entry(side: Side, entry: Entry, law: Law) -> Problems:
    del law
    for path, field in models(side, entry):
        graph = side.graph(path)
        if isinstance(graph, GraphFault):
            yield Problem(
                subject=entry.key,
                path=side.registry_path,
                pointer=entry.pointer(field),
                message=f"`{path}` is not a usable model: {graph.reason}",
                fix=f"export {path} again",
                restores=path,
                cause=(path, side.digest(path), graph.reason),
            )
