"""SG405: new, restored, or carried on."""

from __future__ import annotations

from typing import Any

import pytest

from forge import Forge, codes, only, passes, sha256
from onnx_models import saliency
from smokegate.judge.report import Verdict


def added(forge: Forge, **fields: Any) -> dict[str, Any]:
    return forge.add("saliency_v1", saliency(1), **{"kind": "filter", "smoke": False, **fields})


def lost(forge: Forge, **fields: Any) -> dict[str, Any]:
    """An entry that history knows and base has no more."""
    forge.add("alpha_v1")
    added(forge, **fields)
    forge.commit()
    entry = forge.drop("saliency_v1")
    forge.start("a bad merge")
    forge.registry["models"].append(entry)
    return entry


def test_a_new_production_entry_needs_evidence(forge: Forge) -> None:
    forge.trust()
    forge.start()
    added(forge)
    report = forge.judged()
    only(report, "SG405")
    assert report.verdict is Verdict.NEEDS_EVIDENCE
    forge.evidence("saliency_v1")
    passes(forge.judged())


def test_a_lost_row_comes_back(forge: Forge) -> None:
    lost(forge)
    passes(forge.judged())


def test_a_lost_row_comes_back_with_its_files(forge: Forge) -> None:
    lost(forge)
    files = {name: forge.path(name).read_bytes() for name in ("saliency_v1.onnx", "saliency_v1.json")}
    entry = forge.drop("saliency_v1")
    for name in files:
        forge.delete(name)
    forge.start("and its files too")
    forge.registry["models"].append(entry)
    for name, data in files.items():
        forge.write(name, data)
    passes(forge.judged())


def test_as_it_was_when_it_went_rather_than_when_its_row_was_written(forge: Forge) -> None:
    """Its sidecar changed after the registry last did."""
    added(forge)
    forge.commit()
    old = forge.path("saliency_v1.json").read_bytes()
    forge.write_json("saliency_v1.json", forge.sidecar(saliency(1), scaler=False, feature_std=[2]))
    forge.commit("another normalisation")
    entry = forge.drop("saliency_v1")
    forge.start("a bad merge")
    forge.registry["models"].append(entry)
    passes(forge.judged())

    forge.write("saliency_v1.json", old)
    only(forge.judged(), "SG405")


def test_as_another_model_it_does_not(forge: Forge) -> None:
    entry = lost(forge)
    forge.write("saliency_v1.onnx", saliency(2))
    forge.write_json("saliency_v1.json", forge.sidecar(saliency(2), scaler=False))
    entry["sha256"] = sha256(saliency(2))
    only(forge.judged(), "SG405")


def test_with_another_sidecar_it_does_not(forge: Forge) -> None:
    lost(forge)
    forge.write_json("saliency_v1.json", forge.sidecar(saliency(1), scaler=False, feature_std=[2]))
    only(forge.judged(), "SG405")


def test_from_smoke_it_does_not_come_back_to_production(forge: Forge) -> None:
    entry = lost(forge, smoke=True)
    entry["smoke"] = False
    only(forge.judged(), "SG405")


def test_demoted_before_it_was_lost_it_does_not_come_back_to_production(forge: Forge) -> None:
    added(forge)
    forge.commit()
    forge.entry("saliency_v1")["smoke"] = True
    forge.commit("demoted")
    entry = forge.drop("saliency_v1")
    forge.start("lost")
    forge.registry["models"].append({**entry, "smoke": False})
    only(forge.judged(), "SG405")


@pytest.mark.parametrize("record_kept", [True, False])
def test_once_retired_it_does_not(forge: Forge, record_kept: bool) -> None:
    forge.add("alpha_v1")
    added(forge)
    forge.commit()
    entry = forge.drop("saliency_v1")
    row = {"id": "saliency_v1", "sha256": entry["sha256"], "reason": "drifts"}
    forge.write_json("retired.json", {"schema_version": 1, "retired": [row]})
    forge.commit("retired")
    if not record_kept:
        forge.write_json("retired.json", {"schema_version": 1, "retired": []})
    forge.start()
    forge.registry["models"].append(entry)
    only(forge.judged(), "SG405")


def test_what_only_a_side_branch_knew_is_not_restored(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.git("checkout", "-q", "-b", "side")
    added(forge)
    forge.commit()
    entry = forge.drop("saliency_v1")
    forge.commit("thought better of it")
    forge.git("checkout", "-q", "main")
    forge.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    forge.start()
    forge.registry["models"].append(entry)
    only(forge.judged(), "SG405")


def test_under_another_id_it_is_new(forge: Forge) -> None:
    entry = lost(forge)
    entry["id"] = "saliency_v2"
    only(forge.judged(), "SG405")


def retired_as(forge: Forge, entry: dict[str, Any], **fields: Any) -> None:
    row = {"id": entry["id"], "sha256": entry["sha256"], "reason": "a better name", **fields}
    forge.write_json("retired.json", {"schema_version": 1, "retired": [row]})


def test_a_rename_that_the_record_carries_on_needs_nothing(forge: Forge) -> None:
    entry = added(forge)
    forge.start()
    retired_as(forge, entry, superseded_by="saliency_v2")
    entry["id"] = "saliency_v2"
    passes(forge.judged())


@pytest.mark.parametrize("fields", [{}, {"superseded_by": "alpha_v1"}])
def test_a_record_that_does_not_name_the_new_id_carries_nothing_on(forge: Forge, fields: dict[str, str]) -> None:
    forge.add("alpha_v1")
    entry = added(forge)
    forge.start()
    retired_as(forge, entry, **fields)
    entry["id"] = "saliency_v2"
    finding = only(forge.judged(), "SG405")
    assert "smokegate retire saliency_v1" in finding.fix and "--superseded-by saliency_v2" in finding.fix


@pytest.mark.parametrize(("after", "carried"), [("team_b", True), ("nobodys", True), ("easy_a", False)])
def test_a_rename_is_no_way_to_an_easier_gate(forge: Forge, after: str, carried: bool) -> None:
    gates = {"mine": {"match": ["team_*"], "bounds": {"m": {"min": 0.9}}}, "easy": {"match": ["easy_*"]}}
    forge.trust(gates=gates)
    entry = forge.add("team_a", smoke=False)
    forge.start()
    retired_as(forge, entry, superseded_by=after)
    entry["id"] = after
    report = forge.judged()
    if carried:
        passes(report)
    else:
        assert "the model of `team_a`, which another gate judges" in only(report, "SG405").message


def test_a_rename_does_not_carry_another_model_on(forge: Forge) -> None:
    entry = added(forge)
    forge.start()
    retired_as(forge, entry, superseded_by="saliency_v2")
    entry["id"] = "saliency_v2"
    forge.write_json("saliency_v1.json", forge.sidecar(saliency(1), scaler=False, feature_std=[2]))
    assert "SG405" in codes(forge.judged())


def test_retiring_and_adding_anew_in_one_change_is_a_change_of_identity(forge: Forge) -> None:
    entry = added(forge)
    forge.start()
    retired_as(forge, dict(entry))
    forge.write("saliency_v1.onnx", saliency(2))
    forge.write_json("saliency_v1.json", forge.sidecar(saliency(2), scaler=False))
    entry["sha256"] = sha256(saliency(2))
    only(forge.judged(), "SG404")


def test_the_first_registry_of_all_brings_nothing_into_production_unproved(forge: Forge) -> None:
    forge.write("/README.md", "soon\n")
    forge.git("add", "-A")
    forge.git("commit", "-qm", "begin")
    forge.base = forge.git("rev-parse", "HEAD")
    added(forge)
    only(forge.judged(), "SG405")
