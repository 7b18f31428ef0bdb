"""SG102: documents are strict JSON of bounded size and depth."""

from __future__ import annotations

from forge import Forge
from onnx_models import mlp


def passing(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.write_json("alpha_v1.json", forge.sidecar(mlp(0), notes="readable"))
    forge.commit()


def failing(forge: Forge) -> str:
    forge.add("alpha_v1")
    forge.start()
    forge.write("alpha_v1.json", '{"input_names": ["features"], "feature_std": NaN}\n')
    forge.commit()
    return f"{forge.folder}/alpha_v1.json"
