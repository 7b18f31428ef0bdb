"""SG305: sidecar and graph agree: names, opset, digest, scaler baked in or not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.side import Side
from smokegate.registry.document import JsonDocument
from smokegate.registry.entry import Entry
from smokegate.registry.graph import Graph, Port, Scaler

_OPSETS = ("opset", "onnx_opset")
_STANDARDISING = (("feature_mean", "input_mean"), ("feature_std", "input_std"))


@dataclass(frozen=True, slots=True)
class _Told:
    """A sidecar that a runtime reads for a model, and whether it describes that model or the one it was made from."""

    model: str
    path: str
    own: bool


@dataclass(frozen=True, slots=True)
class _Disagreement:
    field: str
    message: str
    right: str


def entry(side: Side, entry: Entry, law: Law) -> Problems:
    del law
    for told in _sidecars(side, entry):
        document = side.document(told.path)
        if not isinstance(document, JsonDocument):
            continue  # SG102 says so
        digest = side.digest(told.model)
        for found in _disagreements(side, told, document.value, digest):
            yield Problem(
                subject=entry.key,
                path=told.path,
                pointer=(found.field,) if found.field else (),
                message=f"sidecar `{told.path}` {found.message}",
                fix=f"{found.right} in {told.path}",
                restores=told.path,
                cause=(told, found.field, found.message, _raw(document.value, found.field), digest),
            )


def _sidecars(side: Side, entry: Entry) -> Iterator[_Told]:
    """A twin without a sidecar of its own is fed by its parent's."""
    model, sidecar = side.model_path(entry), side.sidecar_path(entry)
    if model and sidecar and side.is_file(model):
        yield _Told(model, sidecar, own=True)
    twin, twin_sidecar = side.twin_path(entry), side.twin_sidecar_path(entry)
    if twin and twin_sidecar and side.is_file(twin):
        yield _Told(twin, twin_sidecar, own=twin_sidecar != sidecar)


def _disagreements(side: Side, told: _Told, value: object, digest: str | None) -> Iterator[_Disagreement]:
    if not isinstance(value, dict):
        yield _Disagreement("", "is no JSON object, so it says nothing of the model", "write an object")
        return
    said = {field: what for field, what in value.items() if what is not None}
    yield from _digest(said, told, digest)
    graph = side.graph(told.model)
    if isinstance(graph, Graph):
        yield from _names(said, "input", graph.inputs)
        yield from _names(said, "output", graph.outputs)
        yield from _opset(said, graph) if told.own else ()
        yield from _scaler(said, graph)


def _digest(said: dict[str, object], told: _Told, digest: str | None) -> Iterator[_Disagreement]:
    field = "sha256" if told.own else "int8_sha256"
    if digest is not None and field in said and said[field] != digest:
        message = f"says {field} {_shown(said[field])}, but `{told.model}` has {digest}"
        yield _Disagreement(field, message, f'set "{field}": "{digest}"')


def _names(said: dict[str, object], what: str, ports: tuple[Port, ...]) -> Iterator[_Disagreement]:
    """`input_names` must name them all, `input_name` one of them."""
    names = [port.name for port in ports]
    field = f"{what}_names"
    claimed = said.get(field)
    strings = [n for n in claimed if isinstance(n, str)] if isinstance(claimed, list) else []
    if field in said and (strings != claimed or sorted(strings) != sorted(names)):
        message = f"names the {what}s {_shown(claimed)}, but the graph has {_shown(names)}"
        yield _Disagreement(field, message, f'set "{field}": {json.dumps(names)}')
    field = f"{what}_name"
    if field in said and said[field] not in names:
        message = f"names the {what} {_shown(said[field])}, but the graph has {_shown(names)}"
        yield _Disagreement(field, message, f'set "{field}": {json.dumps(names[0] if names else None)}')


def _opset(said: dict[str, object], graph: Graph) -> Iterator[_Disagreement]:
    for field in _OPSETS:
        if field in said and (said[field] != graph.opset or isinstance(said[field], bool)):
            message = f"says {field} {_shown(said[field])}, but the graph imports {graph.opset}"
            yield _Disagreement(field, message, f'set "{field}": {json.dumps(graph.opset)}')


def _scaler(said: dict[str, object], graph: Graph) -> Iterator[_Disagreement]:
    field = "onnx_has_scaler"
    claimed = said.get(field)
    if field in said and not isinstance(claimed, bool):
        yield _Disagreement(field, f"says {field} {_shown(claimed)}, which is neither true nor false", f"mend {field}")
    elif claimed is True and graph.scaler is Scaler.ABSENT:
        message = "says that the scaler is baked in, but the graph feeds its inputs straight on"
        yield _Disagreement(field, message, f'set "{field}": false')
    elif graph.scaler is Scaler.BAKED and claimed is False:
        message = "says that no scaler is baked in, but the graph standardises its inputs"
        yield _Disagreement(field, message, f'set "{field}": true')
    elif graph.scaler is Scaler.BAKED and field not in said and _standardises(said):
        message = f"has a mean and deviation to apply and no `{field}`, but the graph standardises its inputs itself"
        yield _Disagreement(field, message, f'add "{field}": true')


def _standardises(said: dict[str, object]) -> bool:
    return all(any(spelling in said for spelling in spellings) for spellings in _STANDARDISING)


def _raw(value: object, field: str) -> str:
    return repr(value.get(field) if isinstance(value, dict) else value)


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}…"
