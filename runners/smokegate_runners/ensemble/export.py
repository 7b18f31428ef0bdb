"""A trained model as an ONNX graph: the scaler baked in, no weights outside, the same bytes every time."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from smokegate.errors import SmokegateError
from smokegate_runners.ensemble.network import Layer, Params
from smokegate_runners.ensemble.rows import CODEC_INPUT, FEATURES_INPUT

OPSET = 17
OUTPUT = "score"
IR_VERSION = 8
SPAN = 100.0
"""VMAF runs from 0 to 100: differences count in parts of that."""
MOST_APART = 1e-5


def graph(params: Params, scaler: Layer, name: str) -> bytes:
    """features [N,6], codec_onehot [N,14] -> score [N,1]."""
    mean, deviation = (np.asarray(part, dtype=np.float32) for part in scaler)
    constants: list[tuple[str, Any]] = [("feature_mean", mean), ("feature_std", deviation)]
    constants += [
        (f"gelu_{word}", np.float32(value)) for word, value in (("root", math.sqrt(2)), ("one", 1), ("half", 0.5))
    ]
    nodes = [
        helper.make_node("Sub", [FEATURES_INPUT, "feature_mean"], ["centred"]),
        helper.make_node("Div", ["centred", "feature_std"], ["standardised"]),
        helper.make_node("Concat", ["standardised", CODEC_INPUT], ["input"], axis=1),
    ]
    feed = "input"
    for at, (weights, biases) in enumerate(params):
        constants += [(f"weights_{at}", np.asarray(weights)), (f"biases_{at}", np.asarray(biases))]
        last = at == len(params) - 1
        made = OUTPUT if last else f"linear_{at}"
        nodes.append(helper.make_node("Gemm", [feed, f"weights_{at}", f"biases_{at}"], [made]))
        if not last:
            nodes += _gelu(made, at)
            feed = f"gelu_{at}"
    ports = [_port(FEATURES_INPUT, len(mean)), _port(CODEC_INPUT, params[0][0].shape[0] - len(mean))]
    tensors = [numpy_helper.from_array(np.asarray(value, dtype=np.float32), key) for key, value in constants]
    made_graph = helper.make_graph(nodes, name, ports, [_port(OUTPUT, 1)], tensors)
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(made_graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="smokegate")
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _gelu(value: str, at: int) -> list[Any]:
    """x * (1 + erf(x / sqrt 2)) / 2: the operator of its own came only with opset 20."""
    return [
        helper.make_node("Div", [value, "gelu_root"], [f"scaled_{at}"]),
        helper.make_node("Erf", [f"scaled_{at}"], [f"erf_{at}"]),
        helper.make_node("Add", [f"erf_{at}", "gelu_one"], [f"above_{at}"]),
        helper.make_node("Mul", [value, f"above_{at}"], [f"twice_{at}"]),
        helper.make_node("Mul", [f"twice_{at}", "gelu_half"], [f"gelu_{at}"]),
    ]


def _port(name: str, width: int) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", width])


def session(model: bytes, threads: int = 0) -> Any:
    """ONNX Runtime on the CPU; for models of our own, or whose digest was checked."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime  # noqa: PLC0415 - heavy, and it reads its settings when it is loaded

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run(live: Any, features: NDArray[np.float32], codec: NDArray[np.float32]) -> NDArray[np.float32]:
    (scores,) = live.run([OUTPUT], {FEATURES_INPUT: features, CODEC_INPUT: codec})
    flat: NDArray[np.float32] = scores[:, 0]
    return flat


def apart(
    model: bytes, features: NDArray[np.float32], codec: NDArray[np.float32], trained: NDArray[np.float32], name: str
) -> float | None:
    """The largest difference, in points, of what was trained and what ONNX Runtime gives for the bytes.

    None for a model that went astray in training: its scores are not finite, here or there.
    """
    if not np.isfinite(trained).all():
        return None
    found = float(np.max(np.abs(run(session(model), features, codec) - trained)))
    if not found <= MOST_APART * SPAN:
        raise SmokegateError(
            f"{name}: ONNX Runtime gives scores up to {found:g} away from the trained weights, and at most "
            f"{MOST_APART * SPAN:g} are due: nothing was exported",
            fix="python -m pip install --upgrade onnx onnxruntime",
        )
    return found
