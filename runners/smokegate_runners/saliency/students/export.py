"""A trained student as an ONNX graph: opset 17, sizes free, no weights outside, the same bytes every time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from smokegate.errors import SmokegateError
from smokegate_runners.ensemble.export import IR_VERSION, MOST_APART, OPSET, session
from smokegate_runners.saliency.students.network import COLOURS, HEAD, Params
from smokegate_runners.saliency.students.recipe import Decoder, Recipe

INPUT, OUTPUT = "input", "saliency_map"


def graph(params: Params, recipe: Recipe, decoder: Decoder, name: str) -> bytes:
    """input [1,3,H,W], normalised as ImageNet's, H and W multiples of 8 -> saliency_map [1,1,H,W] in 0..1."""
    ports = [_port(INPUT, COLOURS)], [_port(OUTPUT, 1)]
    tensors = list(_tensors(params, recipe, decoder))
    made = helper.make_graph(list(_nodes(params, recipe, decoder)), name, *ports, tensors)
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(made, opset_imports=opsets, ir_version=IR_VERSION, producer_name="smokegate")
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _nodes(params: Params, recipe: Recipe, decoder: Decoder) -> Iterator[Any]:
    levels = len(recipe.widths) - 1
    feed = INPUT
    for level in range(levels + 1):
        if level:
            yield helper.make_node("MaxPool", [feed], [f"pooled{level}"], kernel_shape=[2, 2], strides=[2, 2])
            feed = f"pooled{level}"
        for part in ("first", "second"):
            yield from _conv(f"down{level}_{part}", feed)
            feed = f"down{level}_{part}"
    for level in reversed(range(levels)):
        yield from _rise(f"up{level}", feed, decoder)
        yield helper.make_node("Concat", [f"up{level}", f"down{level}_second"], [f"joined{level}"], axis=1)
        feed = f"joined{level}"
        for part in ("first", "second"):
            if f"up{level}_{part}" in params:
                yield from _conv(f"up{level}_{part}", feed)
                feed = f"up{level}_{part}"
    yield helper.make_node("Conv", [feed, *_named(HEAD)], ["logits"], kernel_shape=[1, 1])
    yield helper.make_node("Sigmoid", ["logits"], [OUTPUT])


def _conv(name: str, feed: str) -> Iterator[Any]:
    yield helper.make_node("Conv", [feed, *_named(name)], [f"{name}_sum"], kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    yield helper.make_node("Relu", [f"{name}_sum"], [name])


def _rise(name: str, feed: str, decoder: Decoder) -> Iterator[Any]:
    if decoder is Decoder.TRANSPOSED:
        feeds = [feed, *_named(name)]
        yield helper.make_node("ConvTranspose", feeds, [f"{name}_sum"], kernel_shape=[2, 2], strides=[2, 2])
        yield helper.make_node("Relu", [f"{name}_sum"], [name])
        return
    feeds, how = [feed, "", "twice"], "half_pixel"
    yield helper.make_node("Resize", feeds, [f"{name}_resized"], mode="linear", coordinate_transformation_mode=how)
    yield from _conv(name, f"{name}_resized")


def _tensors(params: Params, recipe: Recipe, decoder: Decoder) -> Iterator[Any]:
    risers = {f"up{level}" for level in range(len(recipe.widths) - 1)}
    for name, layer in params.items():
        weights, biases = (np.asarray(part, dtype=np.float32) for part in layer)
        # ONNX has [out, in, high, wide], and [in, out, high, wide] for what is transposed.
        turned = decoder is Decoder.TRANSPOSED and name in risers
        ordered = weights.transpose((2, 3, 0, 1) if turned else (3, 2, 0, 1))
        for tensor, value in zip(_named(name), (ordered, biases), strict=True):
            yield numpy_helper.from_array(np.ascontiguousarray(value), tensor)
    if decoder is Decoder.RESIZED:
        yield numpy_helper.from_array(np.asarray([1, 1, 2, 2], dtype=np.float32), "twice")


def _named(layer: str) -> tuple[str, str]:
    return f"{layer}_weights", f"{layer}_biases"


def _port(name: str, channels: int) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, "height", "width"])


def masks(model: bytes, normalised: NDArray[np.float32]) -> NDArray[np.float32]:
    """[N,H,W,3] -> [N,H,W], by ONNX Runtime."""
    live = session(model)
    fed = np.ascontiguousarray(normalised.transpose(0, 3, 1, 2))
    return np.stack([live.run([OUTPUT], {INPUT: one[None]})[0][0, 0] for one in fed])


def apart(model: bytes, normalised: NDArray[np.float32], trained: NDArray[np.float32], name: str) -> float:
    """The largest difference of what was trained and what ONNX Runtime gives for the bytes."""
    found = float(np.max(np.abs(masks(model, normalised) - trained)))
    if not found <= MOST_APART:
        raise SmokegateError(
            f"{name}: ONNX Runtime gives masks up to {found:g} away from the trained weights, and at most "
            f"{MOST_APART:g} are due: nothing was exported",
            fix="python -m pip install --upgrade onnx onnxruntime",
        )
    return found
