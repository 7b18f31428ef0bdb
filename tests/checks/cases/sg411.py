"""SG411: evidence and signature behind a production entry are never edited, moved or deleted."""

from __future__ import annotations

from forge import Forge
from onnx_models import saliency


def passing(forge: Forge) -> None:
    _promoted(forge)
    forge.write_json("evidence/further.json", {"schema_version": 2, "verdict": "PROMOTE", "subjects": []})
    forge.commit()


def failing(forge: Forge) -> str:
    _promoted(forge)
    forge.delete("PROMOTE.json")
    forge.commit()
    return "model/tiny/PROMOTE.json"


def _promoted(forge: Forge) -> None:
    forge.start()
    forge.add("saliency_v1", saliency(1), kind="filter", smoke=False)
    forge.commit()
    forge.evidence("saliency_v1")
    forge.start()
