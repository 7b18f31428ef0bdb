"""SG203: `int8_sha256` is there where it is asked for, and right."""

from __future__ import annotations

from forge import Forge, sha256
from onnx_models import mlp


def passing(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.write("alpha_v1.int8.onnx", mlp(5))
    forge.entry("alpha_v1").update(quant_mode="dynamic", int8_sha256=sha256(mlp(5)))
    forge.commit()


def failing(forge: Forge) -> str:
    forge.add("alpha_v1")
    forge.start()
    forge.write("alpha_v1.int8.onnx", mlp(5))
    forge.entry("alpha_v1")["quant_mode"] = "dynamic"
    forge.commit()
    return "alpha_v1"
