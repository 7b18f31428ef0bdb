"""SG403: a flip carries passing evidence, and so does an entry that becomes the one in use."""

from __future__ import annotations

from forge import Forge
from onnx_models import saliency


def passing(forge: Forge) -> None:
    failing(forge)
    forge.evidence("saliency_v1")
    forge.commit()


def failing(forge: Forge) -> str:
    forge.add("saliency_v1", saliency(1), kind="filter")
    forge.trust()
    forge.start()
    forge.entry("saliency_v1")["smoke"] = False
    forge.commit()
    return "saliency_v1"
