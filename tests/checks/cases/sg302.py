"""SG302: the declared opset is the graph's."""

from __future__ import annotations

from forge import Forge
from onnx_models import mlp


def passing(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", mlp(1, opset=13), opset=13, sidecar=None)
    forge.commit()


def failing(forge: Forge) -> str:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", mlp(1, opset=13), opset=17, sidecar=None)
    forge.commit()
    return "beta_v1"
