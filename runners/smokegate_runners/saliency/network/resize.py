"""Pictures and masks brought to another size by ONNX Runtime: bilinear, averaged over what falls on one pixel."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from smokegate_runners.saliency.network import runtime
from smokegate_runners.saliency.settings import Size

_OPSET, _IR_VERSION = 18, 8


def resized(planes: NDArray[np.float32], size: Size) -> NDArray[np.float32]:
    """[1,C,H,W] to [1,C,size]."""
    shape = np.array([*planes.shape[:2], size.height, size.width], dtype=np.int64)
    found: NDArray[np.float32] = _session().run(None, {"from": np.ascontiguousarray(planes), "shape": shape})[0]
    return found


@lru_cache(maxsize=1)
def _session() -> Any:
    node = helper.make_node(
        "Resize",
        ["from", "", "", "shape"],
        ["to"],
        mode="linear",
        antialias=1,
        coordinate_transformation_mode="half_pixel",
    )
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, None, None, None]) for name in ("from", "to")]
    shape = helper.make_tensor_value_info("shape", TensorProto.INT64, [4])
    graph = helper.make_graph([node], "resize", [ports[0], shape], [ports[1]])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    return runtime.session(model.SerializeToString(), threads=1)
