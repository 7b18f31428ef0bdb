"""SG205: weights kept outside the `.onnx` lie in the folder and are long enough."""

from __future__ import annotations

from forge import Forge
from onnx_models import with_external


def passing(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    model, data = with_external(1, "beta_v1.bin", offset=64)
    forge.write("beta_v1.bin", data)
    forge.add("beta_v1", model)
    forge.commit()


def failing(forge: Forge) -> str:
    forge.add("alpha_v1")
    forge.start()
    model, data = with_external(1, "beta_v1.bin")
    forge.write("beta_v1.bin", data[:-1])
    forge.add("beta_v1", model)
    forge.commit()
    return "beta_v1"
