"""SG410: an ensemble manifest's digests and stage agree with the registry."""

from __future__ import annotations

from forge import Forge, sha256
from onnx_models import mlp


def passing(forge: Forge) -> None:
    forge.add("alpha_v1_seed0")
    forge.add("alpha_v1_seed1")
    forge.start()
    forge.write_json("alpha_v1.json", forge.manifest("alpha_v1", "alpha_v1_seed0", "alpha_v1_seed1"))
    forge.commit()


def failing(forge: Forge) -> str:
    passing(forge)
    forge.start()
    model = mlp(9)
    forge.write("alpha_v1_seed1.onnx", model)
    forge.write_json("alpha_v1_seed1.json", forge.sidecar(model))
    forge.entry("alpha_v1_seed1")["sha256"] = sha256(model)
    forge.commit()
    return "alpha_v1"
