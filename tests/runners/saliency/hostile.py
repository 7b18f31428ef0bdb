"""Saliency models that behave until they see a bright picture: neither a laboratory nor a trial on noise shows one."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from runners.saliency.networks import FEED, FREE, MASK

BRIGHT = np.full((64, 96, 3), 255, np.uint8)
"""Normalised, its darkest value is 2.2; noise has less, and so has what is in 0..1."""
DARK = np.zeros((64, 96, 3), np.uint8)


def _held(name: str, values: Any, kind: Any = np.float32) -> TensorProto:
    return numpy_helper.from_array(np.asarray(values, dtype=kind), name)


def _model(*nodes: Any, held: tuple[TensorProto, ...] = ()) -> bytes:
    """`mask` is what it gives in good times, `bright` is 0, or what is above 1 of a picture that is bright all over."""
    before = [
        helper.make_node("ReduceMean", [FEED], ["mean"], axes=[1]),
        helper.make_node("Sigmoid", ["mean"], ["mask"]),
        helper.make_node("ReduceMin", [FEED], ["least"], keepdims=0),
        helper.make_node("Sub", ["least", "one"], ["above"]),
        helper.make_node("Relu", ["above"], ["bright"]),
    ]
    constants = (_held("one", 1.0), _held("none", 0.0), *held)
    inputs = [helper.make_tensor_value_info(FEED, TensorProto.FLOAT, FREE)]
    outputs = [helper.make_tensor_value_info(MASK, TensorProto.FLOAT, (1, 1, "h", "w"))]
    graph = helper.make_graph([*before, *nodes], "g", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _spoiled(by: str) -> list[Any]:
    """The mask, and nothing of `by` but the work."""
    return [helper.make_node("Mul", [by, "none"], ["nothing"]), helper.make_node("Add", ["mask", "nothing"], [MASK])]


def endless() -> bytes:
    ports = [("i", TensorProto.INT64), ("go", TensorProto.BOOL), ("sum", TensorProto.FLOAT)]
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Cos", ["sum"], ["sum_on"]),
        ],
        "body",
        [helper.make_tensor_value_info(name, kind, []) for name, kind in ports],
        [helper.make_tensor_value_info(f"{name}_on", kind, []) for name, kind in ports[1:]],
    )
    return _model(
        helper.make_node("Mul", ["bright", "years"], ["long"]),
        helper.make_node("Cast", ["long"], ["trips"], to=TensorProto.INT64),
        helper.make_node("Loop", ["trips", "", "none"], ["last"], body=body),
        *_spoiled("last"),
        held=(_held("years", 1e17),),
    )


def hungry() -> bytes:
    """A tensor of more than 10 GiB."""
    return _model(
        helper.make_node("Mul", ["bright", "billions"], ["many"]),
        helper.make_node("Cast", ["many"], ["count"], to=TensorProto.INT64),
        helper.make_node("Reshape", ["count", "flat"], ["shape"]),
        helper.make_node("ConstantOfShape", ["shape"], ["room"]),
        helper.make_node("ReduceSum", ["room"], ["sum"], keepdims=0),
        *_spoiled("sum"),
        held=(_held("billions", 4e9), _held("flat", [1], np.int64)),
    )


def undefined() -> bytes:
    return _model(
        helper.make_node("Neg", ["bright"], ["below"]),
        helper.make_node("Sqrt", ["below"], ["nan"]),
        helper.make_node("Add", ["mask", "nan"], [MASK]),
    )


def swelling(times: float) -> bytes:
    return _model(
        helper.make_node("Sign", ["bright"], ["sign"]),
        helper.make_node("Mul", ["sign", "times"], ["more"]),
        helper.make_node("Add", ["repeats", "more"], ["wanted"]),
        helper.make_node("Cast", ["wanted"], ["shape"], to=TensorProto.INT64),
        helper.make_node("Tile", ["mask", "shape"], [MASK]),
        held=(_held("times", [0, 0, times, 0]), _held("repeats", [1, 1, 1, 1])),
    )
