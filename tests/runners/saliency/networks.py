"""Small saliency models of every contract, built on the spot."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FEED, MASK = "input", "saliency_map"
FREE: tuple[int | str, ...] = (1, 3, "H", "W")


class Graph:
    """Nodes that are chained, with what they hold."""

    def __init__(self, seed: int = 0, feed: str = FEED) -> None:
        self._random = np.random.default_rng(seed)
        self.nodes: list[Any] = []
        self.held: list[Any] = []
        self.last = feed

    def node(self, op: str, *others: str, output: str | None = None, **attributes: Any) -> str:
        name = output or f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, [self.last, *others], [name], **attributes))
        self.last = name
        return name

    def constant(self, values: Any, kind: type = np.float32) -> str:
        name = f"held_{len(self.held)}"
        self.held.append(numpy_helper.from_array(np.asarray(values, dtype=kind), name))
        return name

    def conv(self, before: int, after: int, *, kernel: int = 3) -> str:
        weights = self._random.normal(0, (2 / (before * kernel**2)) ** 0.5, (after, before, kernel, kernel))
        biases = self._random.normal(0, 0.1, after)
        parts = (self.constant(weights), self.constant(biases))
        return self.node("Conv", *parts, kernel_shape=[kernel] * 2, pads=[kernel // 2] * 4)

    def bytes(
        self,
        *,
        feed: str = FEED,
        shape: tuple[Any, ...] = FREE,
        kind: int = TensorProto.FLOAT,
        given: tuple[Any, ...] | None = None,
    ) -> bytes:
        inputs = [helper.make_tensor_value_info(feed, kind, shape)]
        outputs = [helper.make_tensor_value_info(self.last, kind, given)]
        made = helper.make_graph(self.nodes, "g", inputs, outputs, self.held)
        model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        data: bytes = model.SerializeToString(deterministic=True)
        return data


@cache
def unet(poolings: int = 3, *, seed: int = 0, width: int = 4) -> bytes:
    """Refuses sides that 2 to the power of `poolings` does not divide."""
    graph = Graph(seed)
    kept, before = [], 3
    for _ in range(poolings):
        graph.conv(before, width)
        kept.append(graph.node("Relu"))
        graph.node("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
        before = width
    graph.conv(before, width)
    graph.node("Relu")
    for skip in reversed(kept):
        graph.node("Resize", "", graph.constant([1, 1, 2, 2]), mode="nearest")
        graph.node("Concat", skip, axis=1)
        graph.conv(2 * width, width)
        graph.node("Relu")
    graph.conv(width if poolings else 4, 1, kernel=1)
    graph.node("Sigmoid", output=MASK)
    return graph.bytes(given=(1, 1, "H", "W"))


@cache
def brightness(gain: float = 0.1, offset: float = 0.5, *, shape: tuple[Any, ...] = FREE, flat: bool = False) -> bytes:
    """gain * (the mean of the three normalised channels) + offset: knows no 0..1."""
    graph = Graph()
    graph.node("ReduceMean", axes=[1], keepdims=0 if flat else 1)
    graph.node("Mul", graph.constant(gain))
    graph.node("Add", graph.constant(offset), output=MASK)
    return graph.bytes(shape=shape)


@cache
def named(feed: str, mask: str) -> bytes:
    graph = Graph(feed=feed)
    graph.node("ReduceMean", axes=[1])
    graph.node("Sigmoid", output=mask)
    return graph.bytes(feed=feed, shape=("N", 3, "h", "w"), given=("N", 1, "h", "w"))


@cache
def half() -> bytes:
    graph = Graph()
    graph.node("ReduceMean", axes=[1])
    graph.node("Sigmoid", output=MASK)
    return graph.bytes(kind=TensorProto.FLOAT16)


@cache
def smaller_masks() -> bytes:
    graph = Graph()
    graph.node("ReduceMean", axes=[1])
    graph.node("AveragePool", kernel_shape=[2, 2], strides=[2, 2], output=MASK)
    return graph.bytes()


@cache
def root() -> bytes:
    """No number for what is darker than the mean of ImageNet; the trial is of normal noise, and is not looked into."""
    graph = Graph()
    graph.node("ReduceMean", axes=[1])
    graph.node("Sqrt", output=MASK)
    return graph.bytes()


@cache
def many_channels() -> bytes:
    graph = Graph()
    graph.node("Sigmoid", output=MASK)
    return graph.bytes()


@cache
def one_height(rows: int = 65) -> bytes:
    """Runs where the frame has as many rows as are written into the graph."""
    graph = Graph()
    graph.node("ReduceMean", axes=[1])
    graph.node("Add", graph.constant(np.zeros((1, 1, rows, 1))), output=MASK)
    return graph.bytes()


def external(folder: Path, location: str = "weights.bin", stem: str = "outside") -> Path:
    """A U-Net whose first weights lie in a file beside it."""
    model = onnx.load_model_from_string(unet())
    moved = model.graph.initializer[0]
    data = numpy_helper.to_array(moved).tobytes()
    moved.ClearField("raw_data")
    moved.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", str(len(data)))):
        moved.external_data.add(key=key, value=value)
    place = folder / f"{stem}.onnx"
    place.write_bytes(model.SerializeToString(deterministic=True))
    if not Path(location).is_absolute() and ".." not in location:
        (folder / location).parent.mkdir(parents=True, exist_ok=True)
        (folder / location).write_bytes(data)
    return place


def written(folder: Path, data: bytes, name: str = "student.onnx") -> Path:
    place = folder / name
    place.write_bytes(data)
    return place
