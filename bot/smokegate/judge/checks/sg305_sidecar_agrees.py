"""SG305: sidecar and graph agree: names, opset, digest, scaler baked in or not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.side import Side, names_agree
from smokegate.registry.entry import Entry
from smokegate.registry.graph import Graph, Scaler
from smokegate.registry.sidecar import Sidecar

Disagreement = tuple[str, str, Any]
"""Sidecar field, what is wrong with it, what it should be."""


def entry(side: Side, entry: Entry, law: Law) -> Problems:
    del law
    for model, path in _pairs(side, entry):
        sidecar = Sidecar(side.value(path))
        digest = side.digest(model)
        for field, message, right in _disagreements(side, model, sidecar, digest):
            yield Problem(
                subject=entry.key,
                path=path,
                pointer=(field,),
                message=f"sidecar `{path}` {message}",
                fix=f"set `{field}` to {right} in {path}",
                cause=(path, field, repr(sidecar.value.get(field)), digest, str(right)),
            )


def _pairs(side: Side, entry: Entry) -> Iterator[tuple[str, str]]:
    """Each model with a sidecar of its own. A twin that leans on its parent's is not what that one describes."""
    model, sidecar = side.model_path(entry), side.sidecar_path(entry)
    if model and sidecar and side.is_file(model) and side.is_file(sidecar):
        yield model, sidecar
    twin, twin_sidecar = side.twin_path(entry), side.twin_sidecar_path(entry)
    if twin and twin_sidecar and twin_sidecar != sidecar and side.is_file(twin):
        yield twin, twin_sidecar


def _disagreements(side: Side, model: str, sidecar: Sidecar, digest: str | None) -> Iterator[Disagreement]:
    if sidecar.sha256 is not None and digest is not None and sidecar.sha256 != digest:
        yield "sha256", f"says sha256 {sidecar.sha256[:12]}…, but `{model}` has {digest[:12]}…", f'"{digest}"'
    graph = side.graph(model)
    if not isinstance(graph, Graph):
        return
    for direction, ports in (("inputs", graph.inputs), ("outputs", graph.outputs)):
        claimed = sidecar.names(direction)
        if claimed is not None and not names_agree(claimed, graph, direction):
            names = [port.name for port in ports]
            field = sidecar.names_field(direction)
            yield field, f"names the {direction} {claimed[0]}, but the graph has {names}", names
    if sidecar.opset is not None and sidecar.opset != graph.opset:
        yield sidecar.opset_field, f"says opset {sidecar.opset}, but the graph imports {graph.opset}", graph.opset
    yield from _scaler_disagreement(sidecar, graph)


def _scaler_disagreement(sidecar: Sidecar, graph: Graph) -> Iterator[Disagreement]:
    if sidecar.has_scaler is True and graph.scaler is Scaler.ABSENT:
        yield "onnx_has_scaler", "says that the scaler is baked in, but the graph feeds its inputs straight on", "false"
    if sidecar.has_scaler is False and graph.scaler is Scaler.BAKED:
        yield "onnx_has_scaler", "says that no scaler is baked in, but the graph standardises its inputs", "true"
