"""Models made on the spot, good and bad, and the content that hands them over."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from smokegate.judge.ports import Bytes

FLOAT = TensorProto.FLOAT
Shape = Sequence[int | str | None]
Entry = str | int | None
"""A value of `external_data`; None leaves the key out."""


def content(data: bytes) -> Bytes:
    return Bytes(hashlib.sha256(data).hexdigest(), len(data), lambda: io.BytesIO(data))


def port(name: str, shape: Shape | None = ("N", 4), kind: int = FLOAT) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def constant(name: str, values: Any, kind: Any = np.float32) -> TensorProto:
    return numpy_helper.from_array(np.asarray(values, dtype=kind), name)


def kept_outside(
    name: str,
    dims: Sequence[int] = (4, 4),
    *,
    kind: int = FLOAT,
    location: Entry = None,
    offset: Entry = None,
    length: Entry = None,
) -> TensorProto:
    tensor = TensorProto(name=name, data_type=kind, dims=dims, data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        if value is not None:
            tensor.external_data.add(key=key, value=str(value))
    return tensor


def graph(
    nodes: Sequence[NodeProto],
    *,
    inputs: Sequence[ValueInfoProto] | None = None,
    outputs: Sequence[ValueInfoProto] | None = None,
    weights: Sequence[TensorProto] = (),
) -> GraphProto:
    given = [port("x")] if inputs is None else list(inputs)
    wanted = [port("y", ["a", "b"])] if outputs is None else list(outputs)
    return helper.make_graph(list(nodes), "g", given, wanted, list(weights))


def model_of(body: GraphProto, *, opset: int = 17, **extra: Any) -> ModelProto:
    opsets = [helper.make_opsetid("", opset), *extra.pop("opsets", ())]
    return helper.make_model(body, opset_imports=opsets, ir_version=8, **extra)


def model(nodes: Sequence[NodeProto], **parts: Any) -> bytes:
    return bytes(model_of(graph(nodes, **parts)).SerializeToString())


def node(op: str, inputs: Sequence[str] = ("x",), outputs: Sequence[str] = ("y",), **attributes: Any) -> NodeProto:
    return helper.make_node(op, list(inputs), list(outputs), **attributes)


def dense() -> bytes:
    """x[N, 4] times a matrix."""
    return model([node("MatMul", ["x", "w"])], weights=[constant("w", np.eye(4))])


def outside(location: Entry = None, offset: Entry = None, length: Entry = None) -> bytes:
    weights = kept_outside("w", location=location, offset=offset, length=length)
    return model([node("MatMul", ["x", "w"])], weights=[weights])


def image(name: str, kind: int = FLOAT, channels: int = 3) -> ValueInfoProto:
    return port(name, ["batch", channels, "height", "width"], kind)


def convolution(kind: Any = np.float32) -> bytes:
    code = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    weights = constant("w", np.full((1, 3, 3, 3), 0.05), kind)
    nodes = [node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]), node("Identity", ["c"])]
    return model(nodes, inputs=[image("x", code)], outputs=[image("y", code, 1)], weights=[weights])


def u_net() -> bytes:
    """Three poolings, three enlargements, and a skip: sizes that 8 does not divide do not fit together."""
    nodes = [node("MaxPool", ["x"], ["p0"], kernel_shape=[2, 2], strides=[2, 2])]
    nodes += [node("MaxPool", [f"p{i}"], [f"p{i + 1}"], kernel_shape=[2, 2], strides=[2, 2]) for i in (0, 1)]
    nodes.append(node("Resize", ["p2", "", "scales"], ["up"], mode="nearest"))
    nodes.append(node("Concat", ["x", "up"], ["both"], axis=1))
    nodes.append(node("Conv", ["both", "w"], ["y"], pads=[1, 1, 1, 1]))
    weights = [constant("scales", [1, 1, 8, 8]), constant("w", np.full((1, 6, 3, 3), 0.1))]
    return model(nodes, inputs=[image("x")], outputs=[image("y", channels=1)], weights=weights)


def branching() -> bytes:
    """An If whose branches use operators found nowhere else."""
    then = helper.make_graph([node("Relu", ["x"], ["t"])], "then", [], [port("t", None)])
    other = helper.make_graph([node("Sigmoid", ["x"], ["e"])], "else", [], [port("e", None)])
    nodes = [
        node("ReduceSum", ["x"], ["s"], keepdims=0),
        node("Greater", ["s", "zero"], ["c"]),
        node("If", ["c"], ["y"], then_branch=then, else_branch=other),
    ]
    return model(nodes, weights=[constant("zero", 0)])


def endless() -> bytes:
    """A Loop of 2**62 turns."""
    body = helper.make_graph(
        [node("Identity", ["go"], ["on"]), node("Add", ["v", "v"], ["w"]), node("Sub", ["w", "v"], ["next"])],
        "body",
        [port("i", [], TensorProto.INT64), port("go", [], TensorProto.BOOL), port("v", None)],
        [port("on", [], TensorProto.BOOL), port("next", None)],
    )
    weights = [constant("turns", 1 << 62, np.int64), constant("yes", True, np.bool_)]
    return model([node("Loop", ["turns", "yes", "x"], ["y"], body=body)], weights=weights)


def field(number: int, payload: bytes) -> bytes:
    """One length-delimited protobuf field, for messages that no library agrees to write."""
    length = len(payload)
    coded = bytearray([number << 3 | 2])
    while length > 0x7F:
        coded.append(length & 0x7F | 0x80)
        length >>= 7
    coded.append(length)
    return bytes(coded) + payload


OPSET_17 = field(8, b"\x10\x11")
"""`opset_import` of a ModelProto."""


def nested(depth: int) -> bytes:
    """An If in an If in an If, `depth` graphs in all."""
    body = field(1, field(4, b"Relu"))
    for _ in range(depth - 1):
        attribute = field(1, b"then_branch") + field(6, body) + b"\xa0\x01\x05"
        body = field(1, field(4, b"If") + field(5, attribute))
    return b"\x08\x08" + field(7, body) + OPSET_17
