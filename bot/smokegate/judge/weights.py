"""The weights that lie outside a graph."""

from __future__ import annotations

from smokegate.judge.ports import Bytes
from smokegate.judge.side import Side, bytes_at
from smokegate.registry.graph import Graph
from smokegate.registry.paths import parent, resolve


def weights(side: Side, model: str, graph: Graph) -> dict[str, Bytes] | None:
    """The weights outside a graph by location, or None where one is not to be had: SG205 and SG210 say so."""
    found = {}
    for location in dict.fromkeys(tensor.location for tensor in graph.external):
        path = resolve(side.folder, location, start=parent(model)).path
        content = side.content(path)
        if path is None or content is None or not content.seen:
            return None
        found[location] = bytes_at(side.tree, side.real(path), content)
    return found
