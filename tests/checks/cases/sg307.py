"""SG307: a successor keeps its contract."""

from __future__ import annotations

from forge import Forge
from onnx_models import mlp


def passing(forge: Forge) -> None:
    forge.add("alpha_v1", mlp(1))
    forge.start()
    forge.add("alpha_v2", mlp(2), supersedes="alpha_v1")
    forge.entry("alpha_v1")["superseded_by"] = "alpha_v2"
    forge.commit()


def failing(forge: Forge) -> str:
    forge.add("alpha_v1", mlp(1))
    forge.start()
    forge.add("alpha_v2", mlp(2, output="quality"), supersedes="alpha_v1", sidecar=None)
    forge.entry("alpha_v1")["superseded_by"] = "alpha_v2"
    forge.commit()
    return "alpha_v2"
