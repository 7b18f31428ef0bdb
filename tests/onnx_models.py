"""Small real models, built on the spot."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FEATURES = 6


@cache
def mlp(seed: int = 0, *, opset: int = 17, scaler: bool = True, output: str = "score", op: str = "Relu") -> bytes:
    """features [N,6] -> output [N,1]; with `scaler` the graph standardises its input first."""
    rng = np.random.default_rng(seed)
    nodes, weights, feed = [], [], "features"
    if scaler:
        weights += [_tensor("mean", rng.normal(size=FEATURES)), _tensor("std", rng.uniform(0.5, 2, size=FEATURES))]
        nodes += [helper.make_node("Sub", ["features", "mean"], ["c"]), helper.make_node("Div", ["c", "std"], ["z"])]
        feed = "z"
    weights += [_tensor("w1", rng.normal(size=(FEATURES, 4))), _tensor("w2", rng.normal(size=(4, 1)))]
    nodes += [
        helper.make_node("MatMul", [feed, "w1"], ["h"]),
        helper.make_node(op, ["h"], ["a"]),
        helper.make_node("MatMul", ["a", "w2"], [output]),
    ]
    return _serialised(nodes, weights, [("features", ["N", FEATURES])], [(output, ["N", 1])], opset)


@cache
def saliency(seed: int = 0, *, output: str = "saliency_map") -> bytes:
    """input [1,3,H,W] -> saliency map [1,1,H,W]."""
    rng = np.random.default_rng(seed)
    weights = [_tensor("w", rng.normal(size=(1, 3, 3, 3)) * 0.1)]
    nodes = [
        helper.make_node("Conv", ["input", "w"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Sigmoid", ["c"], [output]),
    ]
    return _serialised(nodes, weights, [("input", [1, 3, "H", "W"])], [(output, [1, 1, "H", "W"])], 17)


@cache
def with_external(seed: int = 0, location: str = "weights.bin", *, offset: int = 0) -> tuple[bytes, bytes]:
    """An mlp whose first matrix lies in another file: (graph, that file's bytes)."""
    model = onnx.load_model_from_string(mlp(seed))
    moved = next(t for t in model.graph.initializer if t.name == "w1")
    data = numpy_helper.to_array(moved).tobytes()
    moved.ClearField("raw_data")
    moved.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", str(offset)), ("length", str(len(data)))):
        moved.external_data.add(key=key, value=value)
    return model.SerializeToString(deterministic=True), bytes(offset) + data


@cache
def not_finite() -> bytes:
    """Takes the logarithm of a negative number."""
    weights = [_tensor("minus", np.array([-1.0]))]
    nodes = [helper.make_node("Log", ["minus"], ["nan"]), helper.make_node("Add", ["features", "nan"], ["score"])]
    return _serialised(nodes, weights, [("features", ["N", FEATURES])], [("score", ["N", FEATURES])], 17)


def _tensor(name: str, values: Any) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(values, dtype=np.float32), name)


def _serialised(
    nodes: list[onnx.NodeProto],
    weights: list[onnx.TensorProto],
    inputs: list[tuple[str, list[Any]]],
    outputs: list[tuple[str, list[Any]]],
    opset: int,
) -> bytes:
    ports = [[helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in side] for side in (inputs, outputs)]
    graph = helper.make_graph(nodes, "g", ports[0], ports[1], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return model.SerializeToString(deterministic=True)
