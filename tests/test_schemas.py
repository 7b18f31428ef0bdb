"""The schemas that we ship: what they admit, what they refuse, and two validators of one mind about it."""

from __future__ import annotations

import json
import re

import jsonschema_rs
import pytest
from jsonschema import Draft202012Validator

from smokegate.errors import UsageError
from smokegate.registry import schemas


def fits(name: str, value: object) -> bool:
    """The compiled validator's verdict, which python-jsonschema must share."""
    verdict: bool = jsonschema_rs.Draft202012Validator(json.loads(schemas.load(name))).is_valid(value)
    oracle: bool = Draft202012Validator(json.loads(schemas.load(name))).is_valid(value)
    assert oracle is verdict
    return verdict


def test_schemas_are_schemas() -> None:
    assert {"ensemble-manifest", "registry", "retired", "sidecar"} <= set(schemas.names())
    for name in schemas.names():
        schema = json.loads(schemas.load(name))
        Draft202012Validator.check_schema(schema)
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert not [ref for ref in re.findall(r'"\$ref": "([^"]+)"', json.dumps(schema)) if not ref.startswith("#")]


@pytest.mark.parametrize("name", ["nothing", "../schemas/registry", "", "registry.schema", "Registry"])
def test_a_schema_that_is_not_there_is_said(name: str) -> None:
    with pytest.raises(UsageError, match="there is no schema called"):
        schemas.load(name)


ENTRY = {"id": "a", "kind": "fr", "onnx": "a.onnx", "sha256": "0" * 64}
ADDITIONS = {
    "external_data": [{"path": "a.onnx.data", "sha256": "1" * 64, "size": 3}],
    "supersedes": "b",
    "superseded_by": "c",
    "evidence": "PROMOTE.json",
    "release_url": "https://example.org/a",
    "int8_sha256": "2" * 64,
    "quant_mode": "dynamic",
    "quant_calibration_set": "konvid",
    "quant_accuracy_budget_plcc": 0.02,
    "sigstore_bundle": "a.onnx.sigstore.json",
    "license": "BSD-3-Clause-Plus-Patent",
    "license_url": "https://example.org/licence",
    "opset": 22,
    "smoke": True,
    "notes": "n" * 512,
    "description": "d" * 256,
}


def registry(**fields: object) -> dict[str, object]:
    return {"schema_version": 1, "models": [{**ENTRY, **fields}]}


def test_the_registry_schema_admits_what_is_in_the_wild_and_our_additions() -> None:
    assert fits("registry", {"schema_version": 0, "models": []})
    assert fits("registry", {"$schema": "./registry.schema.json", **registry()})
    assert fits("registry", registry(**ADDITIONS))


@pytest.mark.parametrize(
    "fields",
    [
        {"smkoe": True},
        {"smoke": "true"},
        {"id": "A"},
        {"id": "a" * 65},
        {"kind": "quality"},
        {"onnx": "/a.onnx"},
        {"onnx": "../a.onnx"},
        {"onnx": "a.pt"},
        {"sha256": "A" * 64},
        {"sha256": "0" * 63},
        {"opset": 6},
        {"opset": 17.5},
        {"notes": "n" * 513},
        {"description": "d" * 257},
        {"quant_mode": "int4"},
        {"quant_accuracy_budget_plcc": 1.5},
        {"license_url": "javascript:alert(1)"},
        {"sigstore_bundle": "a.json"},
        {"external_data": [{"path": "x", "sha256": "1" * 64}]},
        {"external_data": {"path": "x", "sha256": "1" * 64, "size": 1}},
    ],
    ids=str,
)
def test_the_registry_schema_refuses(fields: dict[str, object]) -> None:
    assert not fits("registry", registry(**fields))


def test_the_registry_schema_refuses_other_top_levels() -> None:
    assert not fits("registry", {**registry(), "comment": "x"})
    assert not fits("registry", {**registry(), "schema_version": 2})
    assert not fits("registry", {"schema_version": True, "models": []})
    assert not fits("registry", {"models": []})
    for field in ENTRY:
        assert not fits("registry", {"schema_version": 1, "models": [{k: v for k, v in ENTRY.items() if k != field}]})


def test_sidecars_in_both_spellings_fit() -> None:
    assert fits(
        "sidecar", {"input_name": "features", "output_name": "score", "onnx_opset": 17, "training": {"lr": 1e-3}}
    )
    assert fits("sidecar", {"input_names": ["features", "codec"], "output_names": ["score"], "opset": 17})
    assert not fits("sidecar", {"input_names": "features"})
    assert not fits("sidecar", {"onnx_has_scaler": "yes"})
    assert not fits("sidecar", ["features"])


def test_ensemble_manifests_fit() -> None:
    member = {"id": "m_seed0", "onnx": "m_seed0.onnx", "seed": 0, "sha256": "3" * 64}
    manifest = {"id": "m", "kind": "fr_ensemble", "ensemble_size": 1, "members": [member], "smoke": True}
    assert fits("ensemble-manifest", {**manifest, "confidence": {"method": "ensemble"}, "codec_vocab": ["x264"]})
    assert not fits("ensemble-manifest", {**manifest, "kind": "fr"})
    assert not fits("ensemble-manifest", {**manifest, "members": []})
    assert not fits("ensemble-manifest", {**manifest, "members": [{**member, "sha256": ""}]})


def test_retirements_need_a_reason() -> None:
    record = {"id": "a", "sha256": "0" * 64, "reason": "replaced", "superseded_by": "b"}
    assert fits("retired", {"schema_version": 1, "retired": [record]})
    assert not fits("retired", {"schema_version": 1, "retired": [{**record, "reason": "  "}]})
    assert not fits("retired", {"schema_version": 1, "retired": [{"id": "a", "sha256": "0" * 64}]})
