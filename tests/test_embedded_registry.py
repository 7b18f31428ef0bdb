"""The registry that comes with the project: its documents fit, its digests hold, its smoke models run and rebuild."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from smokegate.policy import Policy
from smokegate.registry import schemas

ROOT = Path(__file__).resolve().parents[1]
TINY = ROOT / "model" / "tiny"
SMOKES = ("smoke_fp16_v0", "smoke_v0")


def fits(name: str, value: object) -> bool:
    verdict: bool = jsonschema_rs.Draft202012Validator(json.loads(schemas.load(name))).is_valid(value)
    return verdict


def embedded() -> dict[str, dict[str, Any]]:
    return {entry["id"]: entry for entry in json.loads((TINY / "registry.json").read_text("utf-8"))["models"]}


def test_the_embedded_registry_fits_its_schema() -> None:
    assert (TINY / "registry.schema.json").read_bytes() == schemas.load("registry")
    assert fits("registry", json.loads((TINY / "registry.json").read_text("utf-8")))
    for entry in embedded().values():
        assert fits("sidecar", json.loads((TINY / entry["onnx"]).with_suffix(".json").read_text("utf-8")))


def test_the_embedded_digests_are_those_of_the_bytes() -> None:
    assert set(SMOKES) <= set(embedded())
    for name, entry in embedded().items():
        digest = hashlib.sha256((TINY / entry["onnx"]).read_bytes()).hexdigest()
        assert entry["sha256"] == digest, name
        assert json.loads((TINY / entry["onnx"]).with_suffix(".json").read_text("utf-8"))["sha256"] == digest, name
        card = f"{name.rpartition('_seed')[0] or name}_card.md"
        assert (TINY / card).read_text("utf-8").startswith(f"# {card.removesuffix('_card.md')}\n"), name


def test_what_is_in_production_is_named_by_evidence_that_meets_its_gate() -> None:
    production = {name: entry for name, entry in embedded().items() if not entry["smoke"]}
    assert {f"fr_regressor_v2_ensemble_v1_seed{seed}" for seed in range(5)} <= set(production)
    for name, entry in production.items():
        evidence = json.loads((TINY / entry["evidence"]).read_text("utf-8"))
        assert evidence["verdict"] == "PROMOTE", name
        assert fits("promote-v2", evidence), name
        assert entry["sha256"] in {one["sha256"] for one in evidence["subjects"] if one["id"] == name}


def test_building_the_smoke_models_again_gives_the_same_bytes(tmp_path: Path) -> None:
    script = ROOT / "model" / "build_smoke.py"
    env = {**os.environ, "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, str(script), str(tmp_path)], env=env, check=True, capture_output=True, timeout=60)
    built = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert sorted(built) == sorted(f"{name}.{suffix}" for name in SMOKES for suffix in ("json", "onnx"))
    assert built == {name: (TINY / name).read_bytes() for name in built}


@pytest.mark.parametrize(("name", "dtype"), [("smoke_v0", "float32"), ("smoke_fp16_v0", "float16")])
def test_the_smoke_models_run(name: str, dtype: str) -> None:
    import numpy as np
    import onnx
    import onnxruntime

    session = onnxruntime.InferenceSession(str(TINY / f"{name}.onnx"), providers=["CPUExecutionProvider"])
    sidecar = json.loads((TINY / f"{name}.json").read_text("utf-8"))
    image = np.random.default_rng(0).random((1, 1, 17, 23)).astype(dtype)
    (filtered,) = session.run(sidecar["output_names"], {sidecar["input_names"][0]: image})
    assert filtered.dtype == dtype
    assert filtered.shape == image.shape
    assert np.isfinite(filtered).all()
    inner = sum(
        weight * image[0, 0, row : row + 15, column : column + 21].astype("float64")
        for (row, column), weight in np.ndenumerate(np.outer([0.25, 0.5, 0.25], [0.25, 0.5, 0.25]))
    )
    assert np.abs(filtered[0, 0, 1:-1, 1:-1] - inner).max() < 2e-3
    model = onnx.load(TINY / f"{name}.onnx")
    assert [(o.domain, o.version) for o in model.opset_import] == [("", sidecar["opset"])]
    assert (model.producer_name, model.producer_version, model.doc_string) == ("", "", "")


def test_the_repository_has_one_policy_and_it_means_something() -> None:
    from ruamel.yaml import YAML

    policy = Policy.model_validate(YAML(typ="safe").load(ROOT / ".smokegate.yml"))
    assert policy.registries == ("model/tiny/registry.json",)
    assert not (TINY / ".smokegate.yml").exists()
