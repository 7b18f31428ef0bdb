"""What lies beside exported models: sidecars, the ensemble manifest, rows for the registry; and identities by them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from smokegate.registry.document import JsonDocument, read_json
from smokegate.registry.identity import Identity
from smokegate.registry.manifest import Manifest
from smokegate.registry.sidecar import Sidecar
from smokegate_runners.ensemble.export import OPSET, OUTPUT
from smokegate_runners.ensemble.recipe import VOCABULARY_VERSION
from smokegate_runners.ensemble.rows import CODEC_INPUT, FEATURES_INPUT
from smokegate_runners.store import json_bytes

KIND = "fr"


@dataclass(frozen=True, slots=True)
class Member:
    """One exported model and what is said of it."""

    id: str
    seed: int
    model: bytes
    sidecar: Mapping[str, Any]

    @property
    def onnx(self) -> str:
        return f"{self.id}.onnx"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.model).hexdigest()


def sidecar(
    member_id: str, model: bytes, scaler: tuple[Any, Any], feeding: Mapping[str, Any], training: Mapping[str, Any]
) -> dict[str, Any]:
    mean, deviation = scaler
    return {
        "id": member_id,
        "kind": KIND,
        "onnx": f"{member_id}.onnx",
        "sha256": hashlib.sha256(model).hexdigest(),
        "opset": OPSET,
        "input_names": [FEATURES_INPUT, CODEC_INPUT],
        "output_names": [OUTPUT],
        **feeding,
        "feature_mean": [float(value) for value in mean],
        "feature_std": [float(value) for value in deviation],
        "encoder_vocab_version": VOCABULARY_VERSION,
        "training": dict(training),
    }


def manifest(name: str, members: Sequence[Member], confidence: Mapping[str, Any]) -> dict[str, Any]:
    rows = [{"id": one.id, "onnx": one.onnx, "seed": one.seed, "sha256": one.sha256} for one in members]
    return {
        "id": name,
        "kind": "fr_ensemble",
        "ensemble_size": len(members),
        "members": rows,
        "confidence": dict(confidence),
        "smoke": True,
    }


def registry_rows(members: Sequence[Member], license_: str | None = None) -> list[dict[str, Any]]:
    """To be added to `models` of a registry: they begin as smoke."""
    said = {"license": license_} if license_ else {}
    return [
        {"id": one.id, "kind": KIND, "onnx": one.onnx, "sha256": one.sha256, "opset": OPSET, "smoke": True, **said}
        for one in members
    ]


def identities(members: Sequence[Member], ensemble: Mapping[str, Any]) -> dict[str, str]:
    """Each member's, as the judge will find it where these files lie side by side in a registry's folder."""
    document = read_json(json_bytes(ensemble), "manifest.json", max_bytes=1 << 24, max_depth=32)
    if not isinstance(document, JsonDocument):
        raise TypeError(document.message)
    whole = Manifest(document)
    shared = {"id": whole.id, "members": sorted(whole.member_ids()), "runtime": whole.runtime()}
    return {one.id: _identity(one, {**shared, "seed": one.seed}).digest for one in members}


def _identity(member: Member, place: Mapping[str, Any]) -> Identity:
    runtime = {**Sidecar(dict(member.sidecar)).runtime(), "kind": KIND, "quant_mode": "fp32"}
    return Identity(graph=member.sha256, runtime=runtime, membership=(place,))
