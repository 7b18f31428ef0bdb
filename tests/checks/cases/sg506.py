"""SG506: it names what goes to production, and measured those very bytes."""

from __future__ import annotations

import flips
from forge import Forge


def passing(forge: Forge) -> None:
    flips.saliency(forge)
    forge.evidence("saliency_v1")
    forge.commit()


def failing(forge: Forge) -> str:
    passing(forge)
    flips.rewrite(forge, lambda value: value["subjects"][0].update(onnx="other.onnx"))
    forge.commit()
    return "saliency_v1"
