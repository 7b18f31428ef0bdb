"""What a model says about itself, as plain JSON values. Runs in a worker's child, never in the judge's process."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from smokegate.apart.jail import Buffer
from smokegate.lab import external
from smokegate.lab.onnx_lite import ValidationError, check_model, pb
from smokegate.lab.parse import UnreadableError, parse
from smokegate.lab.scaler import find_scaler
from smokegate.lab.survey import Survey, domain_of, spelled, survey

_PLAIN_NAMES = {"FLOAT": "float32", "DOUBLE": "float64"}


def warm_up() -> None:
    """Fill the tables that parser and checker build when first used, so that no child has to."""
    graph = pb.GraphProto(name="g", node=[pb.NodeProto(op_type="Constant", output=["y"])])
    model = pb.ModelProto(ir_version=8, opset_import=[pb.OperatorSetIdProto(version=17)], graph=graph)
    with contextlib.suppress(ValidationError):
        check_model(model.SerializeToString(), False, False, False)


def perform(request: dict[str, Any], contents: Sequence[Buffer]) -> dict[str, Any]:
    try:
        return {"graph": describe(bytes(contents[0]), request["node_limit"])}
    except UnreadableError as why:
        return {"fault": str(why)}


def describe(data: bytes, node_limit: int) -> dict[str, Any]:
    model = parse(data)
    opsets = _opsets(model)
    found = survey(model, node_limit)
    graph = model.graph
    covered = {tensor.name for tensor in graph.initializer} | {t.values.name for t in graph.sparse_initializer}
    inputs = [_port(port) for port in graph.input if port.name not in covered]
    description = {
        "ir_version": model.ir_version,
        "opsets": sorted(opsets.items()),
        "inputs": inputs,
        "outputs": [_port(port) for port in graph.output],
        "ops": sorted(found.ops),
        "node_count": found.node_count,
        "external": [(r.tensor, r.location, r.offset, r.length) for r in external.ranges(found.external)],
        "scaler": find_scaler(graph, [port[0] for port in inputs]),
    }
    _check(model, data, found)
    return description


def _opsets(model: pb.ModelProto) -> dict[str, int]:
    if not model.opset_import:
        raise UnreadableError("it names no operator set (opset_import is empty)")
    versions: dict[str, int] = {}
    for opset in model.opset_import:
        domain = domain_of(opset.domain)
        if versions.setdefault(domain, opset.version) != opset.version:
            raise UnreadableError(
                f"it imports two versions of operator set '{domain or 'ai.onnx'}': "
                f"{versions[domain]} and {opset.version}"
            )
    return versions


def _check(model: pb.ModelProto, data: bytes, found: Survey) -> None:
    """The reference checker's opinion, less what it is needlessly strict about; and it must look for no file."""
    nameless = not model.graph.name
    respelled = found.respelled or any(opset.domain == "ai.onnx" for opset in model.opset_import)
    if found.external or respelled or nameless:
        external.blank(found)
        _respell(model)
        model.graph.name = model.graph.name or "graph"
        data = model.SerializeToString()
    try:
        check_model(data, False, False, False)
    except ValidationError as error:
        raise UnreadableError(f"the ONNX checker refuses it: {error}") from None


def _respell(model: pb.ModelProto) -> None:
    for holder in (model, *model.functions):
        for opset in holder.opset_import:
            opset.domain = domain_of(opset.domain)


def _port(port: pb.ValueInfoProto) -> tuple[str, str, list[int | str | None] | None]:
    kind, shape = _type(port.type)
    return spelled(port.name), kind, shape


def _type(declared: pb.TypeProto) -> tuple[str, list[int | str | None] | None]:
    which = declared.WhichOneof("value")
    if which in {"tensor_type", "sparse_tensor_type"}:
        tensor: pb.TypeProto.Tensor | pb.TypeProto.SparseTensor = getattr(declared, which)
        kind = _element(tensor.elem_type)
        shape = [_dimension(dim) for dim in tensor.shape.dim] if tensor.HasField("shape") else None
        return (kind if which == "tensor_type" else f"sparse({kind})"), shape
    if which == "sequence_type":
        return f"sequence({_type(declared.sequence_type.elem_type)[0]})", None
    if which == "optional_type":
        return f"optional({_type(declared.optional_type.elem_type)[0]})", None
    if which == "map_type":
        value = _type(declared.map_type.value_type)[0]
        return f"map({_element(declared.map_type.key_type)},{value})", None
    return "undefined", None


def _element(number: int) -> str:
    kinds = pb.TensorProto.DataType
    name = kinds.Name(number) if number in kinds.values() else f"type{number}"
    return _PLAIN_NAMES.get(name, name.lower())


def _dimension(dim: pb.TensorShapeProto.Dimension) -> int | str | None:
    which = dim.WhichOneof("value")
    if which == "dim_value":
        return dim.dim_value if dim.dim_value >= 0 else None
    return (spelled(dim.dim_param) or None) if which == "dim_param" else None
