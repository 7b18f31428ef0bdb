"""SG208: every `.onnx` in the folder is named."""

from __future__ import annotations

from forge import Forge
from onnx_models import mlp


def passing(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1")
    forge.commit()


def failing(forge: Forge) -> str:
    forge.add("alpha_v1")
    forge.start()
    forge.write("stray.onnx", mlp(3))
    forge.commit()
    return f"{forge.folder}/stray.onnx"
