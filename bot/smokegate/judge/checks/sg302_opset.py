"""SG302: the declared `opset` is the graph's, and one that the policy admits."""

from __future__ import annotations

from smokegate.judge.checks.models import models
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.side import Side
from smokegate.registry.entry import Entry
from smokegate.registry.graph import Graph


def entry(side: Side, entry: Entry, law: Law) -> Problems:
    """The int8 twin may have an opset of its own, but none that the policy does not admit."""
    yield from _declared(side, entry, law)
    bounds = law.policy.opset
    for path, field in models(side, entry):
        graph = side.graph(path)
        if isinstance(graph, Graph) and graph.opset is not None and not bounds.min <= graph.opset <= bounds.max:
            yield Problem(
                subject=entry.key,
                path=side.registry_path,
                pointer=entry.pointer("opset" if field == "onnx" else field),
                message=f"`{path}` uses opset {graph.opset}; the policy admits {bounds.min} to {bounds.max}",
                fix=_into_bounds(law),
                cause=(path, graph.opset, side.digest(path)),
            )


def _declared(side: Side, entry: Entry, law: Law) -> Problems:
    path, declared = side.model_path(entry), entry.raw.get("opset")
    graph, bounds = side.graph(path), law.policy.opset
    if isinstance(graph, Graph) and declared is not None and (declared != graph.opset or isinstance(declared, bool)):
        yield Problem(
            subject=entry.key,
            path=side.registry_path,
            pointer=entry.pointer("opset"),
            message=f"the registry declares opset {declared!r}, but `{path}` imports "
            f"{graph.opset or 'no default operator set'}",
            fix=f'set "opset": {graph.opset}' if graph.opset else f"export {path} with a default operator set",
            cause=(path, declared, graph.opset, side.digest(path)),
        )
    if graph is None and isinstance(declared, int) and not bounds.min <= declared <= bounds.max:
        yield Problem(
            subject=entry.key,
            path=side.registry_path,
            pointer=entry.pointer("opset"),
            message=f"declares opset {declared}; the policy admits {bounds.min} to {bounds.max}",
            fix=_into_bounds(law),
            cause=(declared,),
        )


def _into_bounds(law: Law) -> str:
    where = law.policy_path or ".smokegate.yml"
    return f"export it with an opset in that range, or widen `opset` in {where} by a pull request of its own"
