"""SG404: what changes production, and what only looks like it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from forge import Forge, codes, only, passes, sha256
from onnx_models import mlp, saliency, with_external

Edit = Callable[[Forge], object]
SIDECAR: dict[str, Any] = {"feature_order": ["a", "b"], "feature_mean": [0, 1], "feature_std": [1, 2.5]}


def plain(forge: Forge, **fields: Any) -> None:
    model = mlp(1)
    forge.add("saliency_v1", model, smoke=False, sidecar=forge.sidecar(model, **SIDECAR), **fields)
    forge.start()


def with_data(forge: Forge, *, pinned: bool) -> None:
    model, data = with_external(1)
    forge.write("weights.bin", data)
    pins = [{"path": "weights.bin", "sha256": sha256(data), "size": len(data)}] if pinned else None
    forge.add("saliency_v1", model, smoke=False, external_data=pins)
    forge.start()


def with_twin(forge: Forge) -> None:
    forge.write("saliency_v1.int8.onnx", mlp(2))
    plain(forge, quant_mode="dynamic", int8_sha256=sha256(mlp(2)))


def in_an_ensemble(forge: Forge) -> None:
    for n in range(2):
        forge.add(f"fr_ensemble_v1_seed{n}", smoke=False)
    forge.add("fr_ensemble_v1_seed2", smoke=False)
    forge.write_json("fr.json", forge.manifest("fr_ensemble_v1", "fr_ensemble_v1_seed0", "fr_ensemble_v1_seed1"))
    forge.start()


def sidecar(forge: Forge, **fields: Any) -> None:
    value = {**forge.read_json("saliency_v1.json"), **fields}
    forge.write_json("saliency_v1.json", {key: item for key, item in value.items() if item is not None})


def other_bytes(forge: Forge) -> None:
    forge.write("saliency_v1.onnx", mlp(5))
    forge.entry("saliency_v1")["sha256"] = sha256(mlp(5))
    sidecar(forge, sha256=sha256(mlp(5)))


def other_twin(forge: Forge) -> None:
    forge.write("saliency_v1.int8.onnx", mlp(3))
    forge.entry("saliency_v1")["int8_sha256"] = sha256(mlp(3))


def another_file(forge: Forge) -> None:
    """The same bytes elsewhere, where another sidecar speaks of them."""
    forge.write("other.onnx", mlp(1))
    forge.write_json("other.json", forge.sidecar(mlp(1), feature_std=[9, 9]))
    forge.entry("saliency_v1")["onnx"] = "other.onnx"


@pytest.mark.parametrize(
    ("edit", "part"),
    [
        (other_bytes, "bytes"),
        (lambda forge: sidecar(forge, feature_std=[1, 2.6]), "feature_std"),
        (lambda forge: sidecar(forge, feature_mean=None), "feature_mean"),
        (lambda forge: sidecar(forge, feature_order=["b", "a"]), "feature_order"),
        (lambda forge: sidecar(forge, feature_order=None, features=["b", "a"]), "feature_order"),
        (lambda forge: forge.entry("saliency_v1").update(kind="nr"), "kind"),
        (lambda forge: forge.delete("saliency_v1.json"), "feature_std"),
        (another_file, "feature_std"),
    ],
)
def test_other_meaning_wants_evidence(forge: Forge, edit: Edit, part: str) -> None:
    plain(forge)
    edit(forge)
    report = forge.judged()
    finding = next(f for f in report.blocking if f.code == "SG404")
    assert part in finding.message and finding.subject == "saliency_v1"
    forge.evidence("saliency_v1")
    assert "SG404" not in codes(forge.judged())


def test_data_outside_the_graph_is_part_of_it(forge: Forge) -> None:
    with_data(forge, pinned=False)
    forge.write("weights.bin", with_external(2)[1])
    assert "external_data" in next(f for f in forge.judged().blocking if f.code == "SG404").message


def test_so_is_the_int8_twin(forge: Forge) -> None:
    with_twin(forge)
    other_twin(forge)
    assert "int8" in only(forge.judged(), "SG404").message


def test_so_is_the_twins_own_sidecar(forge: Forge) -> None:
    with_twin(forge)
    forge.write_json("saliency_v1.int8.json", {"onnx_has_scaler": True, "cq_min": 3})
    assert "int8" in only(forge.judged(), "SG404").message


def test_a_sidecar_for_the_twin_that_says_the_same_is_no_change(forge: Forge) -> None:
    with_twin(forge)
    told = {key: value for key, value in forge.read_json("saliency_v1.json").items() if key != "sha256"}
    forge.write_json("saliency_v1.int8.json", told)
    passes(forge.judged())


@pytest.mark.parametrize(
    "edit",
    [
        lambda m: m["members"].pop(),
        lambda m: m.update(confidence={"z": 1.64}),
        lambda m: m["members"][0].update(seed=7),
        lambda m: m["members"].append({**m["members"][0], "id": "fr_ensemble_v1_seed2"}),
    ],
)
def test_so_is_the_place_in_an_ensemble(forge: Forge, edit: Callable[[Any], object]) -> None:
    in_an_ensemble(forge)
    manifest = forge.read_json("fr.json")
    edit(manifest)
    forge.write_json("fr.json", manifest)
    assert "SG404" in codes(forge.judged())


@pytest.mark.parametrize("spelling", [True, 1])
def test_true_is_not_one(forge: Forge, spelling: Any) -> None:
    in_an_ensemble(forge)
    forge.write_json("fr.json", {**forge.read_json("fr.json"), "confidence": {"on": spelling}})
    forge.start()
    forge.write_json("fr.json", {**forge.read_json("fr.json"), "confidence": {"on": 1 if spelling is True else True}})
    assert "SG404" in codes(forge.judged())


def test_a_manifest_that_goes_changes_its_members(forge: Forge) -> None:
    in_an_ensemble(forge)
    forge.delete("fr.json")
    assert sorted({f.subject for f in forge.judged().blocking}) == ["fr_ensemble_v1_seed0", "fr_ensemble_v1_seed1"]


def rewritten(forge: Forge, **layout: Any) -> None:
    forge.write("saliency_v1.json", json.dumps(forge.read_json("saliency_v1.json"), **layout))


@pytest.mark.parametrize(
    "edit",
    [
        lambda forge: forge.entry("saliency_v1").update(notes="trained on four corpora"),
        lambda forge: forge.entry("saliency_v1").update(license="MIT"),
        lambda forge: forge.entry("saliency_v1").update(quant_mode="fp32"),
        lambda forge: sidecar(forge, trained_on="four corpora"),
        lambda forge: sidecar(forge, feature_mean=[0.0, 1.0]),
        lambda forge: sidecar(forge, feature_mean=[-0.0, 1]),
        lambda forge: sidecar(forge, feature_order=None, features=["a", "b"]),
        lambda forge: sidecar(forge, input_std=[1, 2.5], feature_std=None),
        lambda forge: rewritten(forge, indent=8),
        lambda forge: rewritten(forge, sort_keys=True, separators=(",", ":")),
    ],
)
def test_other_words_do_not(forge: Forge, edit: Edit) -> None:
    plain(forge)
    edit(forge)
    passes(forge.judged())


def test_pinning_what_was_there_does_not(forge: Forge) -> None:
    with_data(forge, pinned=False)
    data = with_external(1)[1]
    forge.entry("saliency_v1")["external_data"] = [{"path": "weights.bin", "sha256": sha256(data), "size": len(data)}]
    passes(forge.judged())


def test_moving_the_pins_into_the_sidecar_does_not(forge: Forge) -> None:
    with_data(forge, pinned=True)
    pins = forge.entry("saliency_v1").pop("external_data")
    sidecar(forge, external_data=pins)
    report = forge.judged()
    passes(report)
    assert not report.warnings


def test_mending_a_wrong_digest_does_not(forge: Forge) -> None:
    plain(forge, sha256="0" * 64)
    forge.entry("saliency_v1")["sha256"] = sha256(mlp(1))
    passes(forge.judged())


def test_a_wrong_digest_that_stands_does_not_cover_a_swap(forge: Forge) -> None:
    plain(forge, sha256="0" * 64)
    forge.write("saliency_v1.onnx", mlp(5))
    assert {"SG202", "SG404"} <= set(codes(forge.judged()))


def test_the_same_model_under_another_file_name_does_not(forge: Forge) -> None:
    plain(forge)
    for suffix in ("onnx", "json"):
        forge.path(f"saliency_v1.{suffix}").rename(forge.path(f"renamed.{suffix}"))
    forge.entry("saliency_v1")["onnx"] = "renamed.onnx"
    passes(forge.judged())


def test_a_rollback_rests_on_the_evidence_of_its_day(forge: Forge) -> None:
    forge.add("saliency_v1", saliency(1), kind="filter")
    forge.trust()
    forge.start()
    forge.entry("saliency_v1")["smoke"] = False
    forge.commit()
    forge.evidence("saliency_v1", name="evidence/first.json")
    forge.commit()
    before = forge.git("rev-parse", "HEAD")
    forge.write("saliency_v1.onnx", saliency(2))
    forge.write_json("saliency_v1.json", forge.sidecar(saliency(2), scaler=False))
    forge.entry("saliency_v1")["sha256"] = sha256(saliency(2))
    forge.commit()
    forge.evidence("saliency_v1", name="evidence/second.json")
    forge.start()
    for name in ("registry.json", "saliency_v1.onnx", "saliency_v1.json"):
        forge.git("checkout", before, "--", f"model/tiny/{name}")
    forge.commit(save=False)
    passes(forge.check())
