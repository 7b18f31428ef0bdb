"""SG210: bytes that go to production were really seen."""

from __future__ import annotations

from forge import Forge
from onnx_models import mlp
from sources.scratch_git import pointer_to


def passing(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.entry("alpha_v1")["smoke"] = False
    forge.commit()


def failing(forge: Forge) -> str:
    forge.add("alpha_v1")
    forge.write("alpha_v1.onnx", pointer_to(mlp(0)))
    forge.start()
    forge.entry("alpha_v1")["smoke"] = False
    forge.commit()
    return "alpha_v1"
