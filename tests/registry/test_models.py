"""A document's JSON Schema and its pydantic model give one verdict on one input."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from pydantic import BaseModel, ValidationError

from smokegate.registry import schemas
from smokegate.registry.models import EnsembleManifest, RegistryDocument, RetiredDocument, SidecarDocument

DIGEST = "0" * 64
PIN = {"path": "a.onnx.data", "sha256": DIGEST, "size": 3}
ENTRY = {
    "id": "a",
    "kind": "fr",
    "onnx": "a.onnx",
    "sha256": DIGEST,
    "opset": 17,
    "notes": "n",
    "description": "d",
    "smoke": True,
    "quant_mode": "dynamic",
    "int8_sha256": DIGEST,
    "quant_calibration_set": "c",
    "quant_accuracy_budget_plcc": 0.5,
    "license": "MIT",
    "license_url": "https://example.org/x",
    "sigstore_bundle": "a.onnx.sigstore.json",
    "external_data": [PIN],
    "supersedes": "b",
    "superseded_by": "c",
    "evidence": "PROMOTE.json",
    "release_url": "https://example.org/a",
}
SIDECAR = {
    "$schema": "x",
    "id": "a",
    "name": "a",
    "kind": "fr",
    "onnx": "a.onnx",
    "sha256": DIGEST,
    "int8_sha256": DIGEST,
    "quant_mode": "fp32",
    "opset": 17,
    "onnx_opset": 17,
    "input_names": ["x", "y"],
    "output_names": ["z"],
    "input_name": "x",
    "output_name": "z",
    "feature_order": ["f", "g"],
    "feature_mean": [0.5, 1],
    "feature_std": [0.5, 1],
    "features": ["f"],
    "input_mean": [1],
    "input_std": [1],
    "onnx_has_scaler": True,
    "external_data": [PIN],
    "supersedes": "b",
    "superseded_by": "c",
    "training": {"epochs": 3},
    "notes": "n",
}
MEMBER = {"id": "e_seed0", "onnx": "e_seed0.onnx", "seed": 0, "sha256": DIGEST}
DOCUMENTS: dict[str, tuple[type[BaseModel], dict[str, Any]]] = {
    "registry": (RegistryDocument, {"$schema": "./x", "schema_version": 1, "models": [ENTRY]}),
    "sidecar": (SidecarDocument, SIDECAR),
    "ensemble-manifest": (
        EnsembleManifest,
        {"id": "e", "kind": "fr_ensemble", "ensemble_size": 1, "members": [MEMBER], "confidence": {}, "smoke": True},
    ),
    "retired": (
        RetiredDocument,
        {"schema_version": 1, "retired": [{"id": "a", "sha256": DIGEST, "reason": "r", "superseded_by": "b"}]},
    ),
}
STRANGE: list[Any] = [
    None, True, False, 0, 1, 2, 7, 6, -1, 1.0, 7.0, 17.5, 0.3, 1.5, 1e300, 10**30, "", " ", "a", "A", "a b", "a\n", "é",
    "a" * 64, "a" * 65, "a" * 128, "a" * 129, "n" * 256, "n" * 257, "n" * 512, "n" * 513, "f" * 64, "F" * 64,
    DIGEST + "0", "fr", "nr", "filter", "static", "fr_ensemble", "a.onnx", "../a.onnx", "/a.onnx", "a.onnx\n",
    "a/b.onnx", "http://x", "https://", "https://a b", "ftp://x", "x.sigstore.json", "x.json", [], [1], ["a"],
    ["a", "a"], [1, 1.0], [0.5, 1], [True], [None], [""], {}, {"a": 1}, [{}], [PIN], [PIN, PIN],
]  # fmt: skip


def mutated(value: Any) -> Iterator[Any]:
    """Every member, at any depth, taken away or made strange; and a member too many on every object."""
    if isinstance(value, dict):
        yield {**value, "surplus": 1}
        for key, inner in value.items():
            rest = {k: v for k, v in value.items() if k != key}
            yield rest
            yield from ({**value, key: strange} for strange in STRANGE)
            yield from ({**value, key: deeper} for deeper in mutated(inner))
    elif isinstance(value, list):
        yield []
        yield from ([*value, strange] for strange in STRANGE)
        for index, inner in enumerate(value):
            yield from ([*value[:index], deeper, *value[index + 1 :]] for deeper in mutated(inner))


def admits(model: type[BaseModel], value: Any) -> bool:
    try:
        model.model_validate(copy.deepcopy(value))
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("name", DOCUMENTS)
def test_schema_and_model_are_of_one_mind(name: str) -> None:
    model, sound = DOCUMENTS[name]
    validator = jsonschema_rs.validator_for(json.loads(schemas.load(name)), offline=True)
    assert validator.is_valid(sound)
    assert admits(model, sound)
    verdicts = [(value, validator.is_valid(value), admits(model, value)) for value in [*mutated(sound), *STRANGE]]
    assert {verdict for _, verdict, _ in verdicts} == {True, False}
    assert not [value for value, by_schema, by_model in verdicts if by_schema != by_model]
