"""SG305: sidecar and graph agree."""

from __future__ import annotations

from forge import Forge
from onnx_models import mlp


def passing(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", mlp(1), sidecar=forge.sidecar(mlp(1)))
    forge.commit()


def failing(forge: Forge) -> str:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", mlp(1), sidecar=forge.sidecar(mlp(1), output_names=["quality"]))
    forge.commit()
    return "beta_v1"
