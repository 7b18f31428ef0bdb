"""SG404: a production entry's identity changes only with fresh evidence."""

from __future__ import annotations

from forge import Forge, sha256
from onnx_models import saliency


def passing(forge: Forge) -> None:
    failing(forge)
    forge.evidence("saliency_v1")
    forge.commit()


def failing(forge: Forge) -> str:
    forge.add("saliency_v1", saliency(1), kind="filter", smoke=False)
    forge.trust()
    forge.start()
    forge.write("saliency_v1.onnx", saliency(2))
    forge.write_json("saliency_v1.json", forge.sidecar(saliency(2), scaler=False))
    forge.entry("saliency_v1")["sha256"] = sha256(saliency(2))
    forge.commit()
    return "saliency_v1"
