"""What lies beside an exported student: its sidecar, with the record of its training, and its row for the registry."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from smokegate_runners.ensemble.export import MOST_APART, OPSET
from smokegate_runners.saliency.students import network
from smokegate_runners.saliency.students.export import INPUT, OUTPUT
from smokegate_runners.saliency.students.recipe import Decoder, Recipe, Student
from smokegate_runners.saliency.students.training import Lessons

KIND = "filter"
MULTIPLE = 8
PACKAGES = ("jax", "jaxlib", "numpy", "onnx", "onnxruntime", "optax")

_DECODERS = {
    Decoder.TRANSPOSED: "ConvTranspose 2x2, stride 2",
    Decoder.RESIZED: "bilinear Resize (half pixel), then Conv 3x3",
}


@dataclass(frozen=True, slots=True)
class Score:
    """What a seed came to on the held-out fold, in block IoU."""

    seed: int
    loss: float
    macro: float
    micro: float


def digest(model: bytes) -> str:
    return hashlib.sha256(model).hexdigest()


def sidecar(student: Student, model: bytes, training: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": student.id,
        "kind": KIND,
        "onnx": f"{student.id}.onnx",
        "sha256": digest(model),
        "opset": OPSET,
        "input_names": [INPUT],
        "output_names": [OUTPUT],
        "input_mean": list(network.MEAN),
        "input_std": list(network.DEVIATION),
        "onnx_has_scaler": False,
        "size_multiple": MULTIPLE,
        "notes": _notes(student),
        "training": dict(training),
    }


def registry_row(student: Student, model: bytes, license_: str | None = None) -> dict[str, Any]:
    """To be added to `models` of a registry: it begins as smoke."""
    row = {
        "id": student.id,
        "kind": KIND,
        "onnx": f"{student.id}.onnx",
        "sha256": digest(model),
        "opset": OPSET,
        "smoke": True,
        "description": f"Saliency of a picture: tiny U-Net, {_DECODERS[student.decoder]}.",
        "notes": _notes(student),
    }
    return row if license_ is None else {**row, "license": license_}


def _notes(student: Student) -> str:
    return (
        f"Saliency student: a U-Net with three poolings, decoder {_DECODERS[student.decoder]}. "
        "Input RGB, ImageNet-normalised, height and width multiples of 8. Trained on procedural scenes alone."
    )


def record(student: Student, recipe: Recipe, taught: Lessons, held_out: Lessons) -> dict[str, Any]:
    """What it was trained on, and how. No times: the same run gives the same sidecar."""
    return {
        **recipe.value,
        "optimizer": "adam, cosine decay to 0",
        "loss": "binary cross-entropy + (1 - soft IoU)",
        "normalisation": "batch, folded into weights and biases at export",
        "augmentation": "mirrored across and down, by halves",
        "decoder": _DECODERS[student.decoder],
        "scenes_sha256": taught.digest,
        "scenes": taught.count,
        "held_out_sha256": held_out.digest,
        "held_out_scenes": held_out.count,
        "packages": {package: importlib.metadata.version(package) for package in PACKAGES},
    }


def schooling(scores: Sequence[Score], best: Score, parameters: int, apart: float) -> dict[str, Any]:
    return {
        "seeds": [score.seed for score in scores],
        "seed": best.seed,
        "chosen_by": "macro block IoU (16x16, 0.5) of the held-out fold",
        "held_out_block_iou": [asdict(score) for score in scores],
        "parameters": parameters,
        "export": {"max_abs_diff": apart, "bound": MOST_APART},
    }
