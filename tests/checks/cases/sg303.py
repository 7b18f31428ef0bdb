"""SG303: every operator is on the allowlist."""

from __future__ import annotations

from forge import Forge
from onnx_models import mlp


def passing(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", mlp(1, op="Tanh"))
    forge.commit()


def failing(forge: Forge) -> str:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", mlp(1, op="Asinh"))
    forge.commit()
    return "beta_v1"
