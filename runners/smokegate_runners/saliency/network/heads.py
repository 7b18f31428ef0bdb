"""A 1x1 Conv to one channel, the last step of most saliency networks, kept out of a layout for many channels.

On CPUs, ONNX Runtime works at 8 or 16 channels at a time, makes up those that are missing, and takes the sigmoid of
them too: the head of a small U-Net costs a twelfth of the whole. It does so where it knows the weights. Fed as an
input they give the same mask, to the last bits, by a plain matrix product.
"""

from __future__ import annotations

from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper


def fed(graph: bytes) -> tuple[bytes, dict[str, NDArray[Any]]]:
    """The graph, and the weights that it wants as inputs now."""
    model = onnx.load_model_from_string(graph)
    held = {tensor.name: tensor for tensor in model.graph.initializer}
    inputs = {port.name for port in model.graph.input}
    weights = {}
    for node in model.graph.node:
        tensor = held.get(node.input[1]) if node.op_type == "Conv" and node.domain in {"", "ai.onnx"} else None
        if tensor is None or tensor.name in weights or not _is_head(tensor):
            continue
        weights[tensor.name] = numpy_helper.to_array(tensor)
        if tensor.name not in inputs:
            model.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
        model.graph.initializer.remove(tensor)
    return (model.SerializeToString(), weights) if weights else (graph, {})


def _is_head(weights: TensorProto) -> bool:
    return (
        len(weights.dims) == 4
        and weights.dims[0] == weights.dims[2] == weights.dims[3] == 1
        and weights.data_location != TensorProto.EXTERNAL
    )
