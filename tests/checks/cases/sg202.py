"""SG202: `sha256` is that of the bytes."""

from __future__ import annotations

from forge import Forge, sha256
from onnx_models import mlp


def passing(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.write("alpha_v1.onnx", mlp(7))
    forge.entry("alpha_v1")["sha256"] = sha256(mlp(7))
    forge.write_json("alpha_v1.json", forge.sidecar(mlp(7)))
    forge.commit()


def failing(forge: Forge) -> str:
    """Returns the subject that the finding must name."""
    forge.add("alpha_v1", sidecar=None)
    forge.start()
    forge.write("alpha_v1.onnx", mlp(7))
    forge.commit()
    return "alpha_v1"
