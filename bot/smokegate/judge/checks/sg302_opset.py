"""SG302: the declared `opset` is the graph's, and one that the policy admits."""

from __future__ import annotations

from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.side import Side
from smokegate.registry.entry import Entry
from smokegate.registry.graph import Graph


def entry(side: Side, entry: Entry, law: Law) -> Problems:
    path = side.model_path(entry)
    graph = side.graph(path)
    if not isinstance(graph, Graph):
        return
    declared = entry.raw.get("opset")
    if declared is not None and declared != graph.opset:
        yield _problem(
            side,
            entry,
            f"the registry declares opset {declared}, but `{path}` imports {graph.opset or 'no default opset'}",
            f'set "opset": {graph.opset}' if graph.opset else f"export {path} with a default opset import",
            (path, declared, graph.opset, side.digest(path)),
        )
    bounds = law.policy.opset
    if graph.opset is not None and not bounds.min <= graph.opset <= bounds.max:
        yield _problem(
            side,
            entry,
            f"`{path}` uses opset {graph.opset}; the policy admits {bounds.min} to {bounds.max}",
            f"export it with an opset in that range, or raise opset.max in .smokegate.yml by a pull request of its own",
            (path, graph.opset, side.digest(path)),
        )


def _problem(side: Side, entry: Entry, message: str, fix: str, cause: tuple[object, ...]) -> Problem:
    return Problem(
        subject=entry.key,
        path=side.registry_path,
        pointer=entry.pointer("opset"),
        message=message,
        fix=fix,
        cause=cause,
    )
