"""SG206: no path leaves the folder or goes through a link, and no two names are one."""

from __future__ import annotations

from forge import Forge


def passing(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", onnx="betas/beta_v1.onnx")
    forge.commit()


def failing(forge: Forge) -> str:
    forge.add("alpha_v1")
    forge.start()
    forge.path("beta_v1.onnx").symlink_to("alpha_v1.onnx")
    forge.add("beta_v1", forge.path("alpha_v1.onnx").read_bytes())
    forge.commit()
    return "beta_v1"
