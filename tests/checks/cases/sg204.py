"""SG204: weights kept outside the `.onnx` are pinned by digest."""

from __future__ import annotations

from forge import Forge, sha256
from onnx_models import with_external


def passing(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    model, data = with_external(1, "beta_v1.bin")
    forge.write("beta_v1.bin", data)
    pin = {"path": "beta_v1.bin", "sha256": sha256(data), "size": len(data)}
    forge.add("beta_v1", model, external_data=[pin])
    forge.commit()


def failing(forge: Forge) -> str:
    forge.add("alpha_v1")
    forge.start()
    model, data = with_external(1, "beta_v1.bin")
    forge.write("beta_v1.bin", data)
    forge.add("beta_v1", model)
    forge.commit()
    return "beta_v1"
