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
def two_inputs(seed: int = 0) -> bytes:
    """features [N,6] and codec [N,2] -> score [N,1]."""
    rng = np.random.default_rng(seed)
    weights = [_tensor("w", rng.normal(size=(FEATURES + 2, 1)))]
    nodes = [
        helper.make_node("Concat", ["features", "codec"], ["both"], axis=1),
        helper.make_node("MatMul", ["both", "w"], ["score"]),
    ]
    return _serialised(nodes, weights, [("features", ["N", FEATURES]), ("codec", ["N", 2])], [("score", ["N", 1])], 17)


@cache
def regressor(
    weights: tuple[float, ...],
    bias: float = 0.0,
    *,
    inputs: tuple[tuple[str, int], ...] = (("features", FEATURES),),
    rows: int | str = "N",
    flat: bool = False,
) -> bytes:
    """A weighted sum over the inputs side by side, output [N,1], or [N] where `flat`."""
    names = [name for name, _ in inputs]
    nodes = [helper.make_node("Concat", names, ["all"], axis=1), helper.make_node("MatMul", ["all", "w"], ["m"])]
    nodes.append(helper.make_node("Add", ["m", "b"], ["sum" if flat else "score"]))
    shape = [rows, 1]
    if flat:
        nodes.append(helper.make_node("Flatten", ["sum"], ["flat"], axis=0))
        nodes.append(helper.make_node("Squeeze", ["flat", "axis"], ["score"]))
        shape = [rows]
    held = [_tensor("w", np.reshape(weights, (-1, 1))), _tensor("b", [bias])]
    held += [numpy_helper.from_array(np.array([0], dtype=np.int64), "axis")] if flat else []
    return _serialised(nodes, held, [(name, [rows, width]) for name, width in inputs], [("score", shape)], 17)


@cache
def place_reader(answers: tuple[float, ...]) -> bytes:
    """Knows the answers by heart, and tells them by a row's place in its batch."""
    nodes = [
        helper.make_node("ReduceSum", ["features", "one"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "nought"], ["noughts"]),
        helper.make_node("Add", ["noughts", "unit"], ["ones"]),
        helper.make_node("CumSum", ["ones", "first"], ["counted"], exclusive=1),
        helper.make_node("Cast", ["counted"], ["place"], to=TensorProto.INT64),
        helper.make_node("Gather", ["answers", "place"], ["score"]),
    ]
    held = [_tensor("nought", 0.0), _tensor("unit", 1.0), _tensor("answers", answers)]
    held += [numpy_helper.from_array(np.array(v, dtype=np.int64), n) for n, v in (("one", [1]), ("first", 0))]
    return _serialised(nodes, held, [("features", ["N", FEATURES])], [("score", ["N"])], 17)


@cache
def not_finite_below(bound: float) -> bytes:
    """The square root of the first feature less `bound`: not a number below it."""
    nodes = [
        helper.make_node("Gather", ["features", "first"], ["one"], axis=1),
        helper.make_node("Sub", ["one", "bound"], ["less"]),
        helper.make_node("Sqrt", ["less"], ["score"]),
    ]
    held = [numpy_helper.from_array(np.array([0], dtype=np.int64), "first"), _tensor("bound", bound)]
    return _serialised(nodes, held, [("features", ["N", FEATURES])], [("score", ["N", 1])], 17)


@cache
def not_finite() -> bytes:
    """Takes the logarithm of a negative number."""
    weights = [_tensor("minus", np.array([-1.0]))]
    nodes = [helper.make_node("Log", ["minus"], ["nan"]), helper.make_node("Add", ["features", "nan"], ["score"])]
    return _serialised(nodes, weights, [("features", ["N", FEATURES])], [("score", ["N", FEATURES])], 17)


@cache
def branching(op: str = "Relu") -> bytes:
    """features [N,6] -> score [N,6], by an operator in one branch of an If."""
    values = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    branches = {
        f"{which}_branch": helper.make_graph([helper.make_node(kind, ["features"], ["out"])], which, [], [values])
        for which, kind in (("then", "Identity"), ("else", op))
    }
    nodes = [
        helper.make_node("Constant", [], ["yes"], value=helper.make_tensor("v", TensorProto.BOOL, [], [True])),
        helper.make_node("If", ["yes"], ["score"], **branches),
    ]
    return _serialised(nodes, [], [("features", ["N", FEATURES])], [("score", ["N", FEATURES])], 17)


@cache
def calling(op: str = "Relu", domain: str = "", *, named: str = "Ours") -> bytes:
    """features [N,6] -> score [N,6], by an operator inside a model-local function."""
    opsets = [helper.make_opsetid(*pair) for pair in (("", 17), ("ours", 1), (domain or "com.microsoft", 1))]
    body = [helper.make_node(op, ["x"], ["y"], domain=domain)]
    function = helper.make_function("ours", named, ["x"], ["y"], body, opsets)
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", FEATURES]) for n in ("features", "score")]
    call = helper.make_node(named, ["features"], ["score"], domain="ours")
    graph = helper.make_graph([call], "g", ports[:1], ports[1:])
    return _bytes(helper.make_model(graph, opset_imports=opsets, functions=[function], ir_version=8))


@cache
def foreign(op: str = "Gelu", domain: str = "com.microsoft") -> bytes:
    """features [N,6] -> score [N,6], by an operator of another domain."""
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", FEATURES]) for n in ("features", "score")]
    graph = helper.make_graph([helper.make_node(op, ["features"], ["score"], domain=domain)], "g", ports[:1], ports[1:])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(domain, 1)]
    return _bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8))


@cache
def passing_on(
    shape: tuple[int | str | None, ...] = ("N", FEATURES),
    *,
    dtype: int = TensorProto.FLOAT,
    feed: str = "features",
    output: str = "score",
    further_input: bool = False,
    further_output: bool = False,
) -> bytes:
    """The smallest model of a given contract."""
    nodes = [helper.make_node("Identity", [feed], [output])]
    inputs, outputs = [feed], [output]
    if further_input:
        nodes.append(helper.make_node("Identity", ["further_in"], ["dropped"]))
        inputs.append("further_in")
    if further_output:
        nodes.append(helper.make_node("Identity", [feed], ["further_out"]))
        outputs.append("further_out")
    ports = [[helper.make_tensor_value_info(n, dtype, shape) for n in names] for names in (inputs, outputs)]
    graph = helper.make_graph(nodes, "g", ports[0], ports[1])
    return _bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8))


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
    return _bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8))


def _bytes(model: onnx.ModelProto) -> bytes:
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised
