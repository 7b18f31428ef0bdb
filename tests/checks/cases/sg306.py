"""SG306: models run, with finite output."""

from __future__ import annotations

from forge import Forge
from onnx_models import not_finite, saliency


def passing(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", saliency(1))
    forge.commit()


def failing(forge: Forge) -> str:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", not_finite())
    forge.commit()
    return "beta_v1"
