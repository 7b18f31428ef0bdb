"""SG405: a new production entry carries evidence, unless it is restored or carried on under a new id."""

from __future__ import annotations

from forge import Forge
from onnx_models import saliency


def passing(forge: Forge) -> None:
    failing(forge)
    forge.evidence("saliency_v1")
    forge.commit()


def failing(forge: Forge) -> str:
    forge.add("alpha_v1")
    forge.trust()
    forge.start()
    forge.add("saliency_v1", saliency(1), kind="filter", smoke=False)
    forge.commit()
    return "saliency_v1"
