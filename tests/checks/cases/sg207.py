"""SG207: LFS pointers are well-formed."""

from __future__ import annotations

from forge import Forge
from onnx_models import mlp
from sources.scratch_git import pointer_to


def passing(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.write("alpha_v1.onnx", pointer_to(mlp(0)))
    forge.commit()


def failing(forge: Forge) -> str:
    forge.add("alpha_v1")
    forge.start()
    forge.write("alpha_v1.onnx", pointer_to(mlp(0)).replace(b"size", b"ext-0-foo sha256:0\nsize"))
    forge.commit()
    return "alpha_v1"
