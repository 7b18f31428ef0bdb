"""Does the graph standardise its own input? Told from the first things that happen to each input."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from smokegate.lab.onnx_lite import pb
from smokegate.lab.survey import domain_of

BAKED, ABSENT, UNKNOWN = "baked", "absent", "unknown"

_WEIGHING = frozenset(
    ("Gemm", "MatMul", "Conv", "ConvTranspose", "MatMulInteger", "ConvInteger", "QLinearMatMul", "QLinearConv")
)
# Where the value may enter such an operator at its first input and still be the value; Concat takes it anywhere.
_NEUTRAL = frozenset((
    "Cast", "CastLike", "Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Slice", "Split", "Gather",
    "Transpose", "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear",
))  # fmt: skip
_ASIDE = frozenset(("Shape", "Size"))
_SCALERS = frozenset((("ai.onnx.ml", "Scaler"), ("ai.onnx.ml", "Normalizer")))

_Place = tuple[str, bool]
"""A value's name, and whether a constant has been taken from it on the way."""


def find_scaler(graph: pb.GraphProto, inputs: list[str]) -> str:
    constants = _constants(graph)
    uses = _uses(graph)
    inner = set(_names_used_inside(graph))
    outcomes = {outcome for name in inputs for outcome in _follow(name, uses, constants, inner)}
    if BAKED in outcomes:
        return BAKED
    return ABSENT if outcomes == {ABSENT} else UNKNOWN


def _follow(
    start: str, uses: dict[str, list[tuple[pb.NodeProto, int]]], constants: set[str], inner: set[str]
) -> Iterator[str]:
    pending: list[_Place] = [(start, False)]
    seen = set(pending)
    while pending:
        name, centred = pending.pop()
        if name in inner:
            yield UNKNOWN
        for node, position in uses[name]:
            outcome, moved = _step(node, position, centred, constants)
            if outcome is not None:
                yield outcome
                continue
            fresh = [(output, moved) for output in node.output if output and (output, moved) not in seen]
            seen.update(fresh)
            pending += fresh


def _step(node: pb.NodeProto, position: int, centred: bool, constants: set[str]) -> tuple[str | None, bool]:
    """What meeting this operator settles, or None and the state in which to go on."""
    domain, op = domain_of(node.domain), node.op_type
    if (domain, op) in _SCALERS:
        return BAKED, centred
    if domain not in {"", "com.microsoft"}:
        return UNKNOWN, centred
    if op in _WEIGHING:
        return UNKNOWN if centred else ABSENT, centred
    if op == "Concat" or (op in _NEUTRAL and position == 0):
        return None, centred
    if op in _ASIDE:
        return None, centred
    others = [name for at, name in enumerate(node.input) if at != position]
    with_constant = len(others) == 1 and others[0] in constants
    if with_constant and not centred and (op == "Add" or (op == "Sub" and position == 0)):
        return None, True
    if with_constant and centred and (op == "Mul" or (op == "Div" and position == 0)):
        return BAKED, centred
    return UNKNOWN, centred


def _constants(graph: pb.GraphProto) -> set[str]:
    """Names whose values no input can change: initializers, Constant nodes, and neutral operators on those."""
    known = {tensor.name for tensor in graph.initializer} | {tensor.values.name for tensor in graph.sparse_initializer}
    for node in graph.node:
        derived = node.op_type in _NEUTRAL and all(name in known for name in node.input if name)
        if domain_of(node.domain) == "" and (node.op_type == "Constant" or derived):
            known.update(node.output)
    return known


def _uses(graph: pb.GraphProto) -> dict[str, list[tuple[pb.NodeProto, int]]]:
    uses: dict[str, list[tuple[pb.NodeProto, int]]] = defaultdict(list)
    for node in graph.node:
        for position, name in enumerate(node.input):
            uses[name].append((node, position))
    return uses


def _names_used_inside(graph: pb.GraphProto) -> Iterator[str]:
    """Names that subgraphs use: a branch may take an outer value without any edge that shows it."""
    pending = [inner for node in graph.node for inner in _subgraphs(node)]
    while pending:
        for node in pending.pop().node:
            yield from node.input
            pending += _subgraphs(node)


def _subgraphs(node: pb.NodeProto) -> list[pb.GraphProto]:
    found: list[pb.GraphProto] = []
    for attribute in node.attribute:
        if attribute.HasField("g"):
            found.append(attribute.g)
        found += attribute.graphs
    return found
