"""Builds the smoke models of `model/tiny` and their sidecars, the same bytes on every run and machine.

python model/build_smoke.py [FOLDER]
"""

from __future__ import annotations

import hashlib
import json
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

OPSET = 17
IR_VERSION = 8
NOTES = "Load-path probe: a 3x3 smoothing Conv and an Identity. Measures nothing; never leaves smoke."
# Binomial smoothing; powers of two are exact in half precision, so both models hold the same weights.
KERNEL = (0.0625, 0.125, 0.0625, 0.125, 0.25, 0.125, 0.0625, 0.125, 0.0625)


@dataclass(frozen=True, slots=True)
class Smoke:
    id: str
    data_type: int
    pack: str


SMOKES = (
    Smoke("smoke_fp16_v0", TensorProto.FLOAT16, "<9e"),
    Smoke("smoke_v0", TensorProto.FLOAT, "<9f"),
)


def model_bytes(smoke: Smoke) -> bytes:
    shape = (1, 1, "height", "width")
    kernel = helper.make_tensor("kernel", smoke.data_type, (1, 1, 3, 3), struct.pack(smoke.pack, *KERNEL), raw=True)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["image", "kernel"], ["smoothed"], name="conv", pads=[1, 1, 1, 1]),
            helper.make_node("Identity", ["smoothed"], ["filtered"], name="identity"),
        ],
        smoke.id,
        [helper.make_tensor_value_info("image", smoke.data_type, shape)],
        [helper.make_tensor_value_info("filtered", smoke.data_type, shape)],
        [kernel],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def sidecar(smoke: Smoke, digest: str) -> dict[str, Any]:
    return {
        "id": smoke.id,
        "input_names": ["image"],
        "kind": "filter",
        "notes": NOTES,
        "onnx": f"{smoke.id}.onnx",
        "onnx_has_scaler": False,
        "opset": OPSET,
        "output_names": ["filtered"],
        "sha256": digest,
    }


def build(folder: Path) -> dict[str, str]:
    """Write every smoke model and its sidecar into `folder`; the models' digests by id."""
    digests = {}
    for smoke in SMOKES:
        model = model_bytes(smoke)
        digests[smoke.id] = hashlib.sha256(model).hexdigest()
        (folder / f"{smoke.id}.onnx").write_bytes(model)
        text = json.dumps(sidecar(smoke, digests[smoke.id]), indent=2, sort_keys=True, allow_nan=False)
        (folder / f"{smoke.id}.json").write_text(text + "\n", encoding="utf-8")
    return digests


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0]) if arguments else Path(__file__).resolve().parent / "tiny"
    for name, digest in build(folder).items():
        print(f"{digest}  {name}.onnx")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
