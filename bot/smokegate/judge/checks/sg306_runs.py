"""SG306: the model loads and runs in ONNX Runtime, with finite output."""

from __future__ import annotations

from smokegate.judge.checks.models import models
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.side import Side, bytes_at
from smokegate.judge.weights import weights
from smokegate.registry.entry import Entry
from smokegate.registry.graph import Graph


def entry(side: Side, entry: Entry, law: Law) -> Problems:
    del law
    for path, field in models(side, entry):
        graph = side.graph(path)
        content = side.content(path)
        if not isinstance(graph, Graph) or content is None or not content.seen:
            continue
        external = weights(side, path, graph)
        if external is None:
            continue
        result = side.graphs.lab.run(bytes_at(side.tree, side.real(path), content), external)
        if not result.ok:
            yield Problem(
                subject=entry.key,
                path=side.registry_path,
                pointer=entry.pointer(field),
                message=f"`{path}` does not run in ONNX Runtime: {result.reason}",
                fix=f"mend the export of {path} until onnxruntime.InferenceSession loads and runs it",
                restores=path,
                cause=(path, content.digest, tuple(sorted(b.digest for b in external.values())), result.reason),
            )
