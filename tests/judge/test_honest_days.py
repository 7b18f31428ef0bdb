"""What maintainers do on honest days passes, however imperfect the registry is that they do it to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import onnx_models
from forge import REGISTRY, Forge, codes, passes, quiet, sha256
from smokegate import cli
from smokegate.judge.report import What
from smokegate.review.check import Workbench

WORKFLOW = "on: pull_request\njobs:\n  check:\n    runs-on: ubuntu-latest\n    steps:\n      - run: smokegate check\n"


def a_registry_with_old_faults(forge: Forge) -> None:
    """Nothing here would be let in today."""
    forge.add("no_licence_v1", smoke=False, license=None)
    forge.add("omits_smoke_v1", smoke=None)
    forge.add("wrong_digest_v1", smoke=False, sha256="0" * 64, sidecar=None)
    forge.add("wrong_opset_v1", smoke=False, opset=13)
    forge.add("no_sidecar_v1", smoke=False, sidecar=None)
    forge.add("foreign_op_v1", onnx_models.mlp(4, op="Sinh"), smoke=False)
    forge.add("says_nan_v1", onnx_models.not_finite(), smoke=False, sidecar=None)
    forge.add("stale_sidecar_v1", smoke=False, sidecar={"input_names": ["x"], "opset": 11, "sha256": "1" * 64})
    graph, weights = onnx_models.with_external(8, "loose.bin")
    forge.add("unpinned_v1", graph, smoke=False)
    forge.write("loose.bin", weights)
    forge.add("missing_v1", smoke=False)
    forge.delete("missing_v1.onnx")
    forge.write("nobodys.onnx", onnx_models.mlp(20))


@pytest.fixture
def old_faults(forge: Forge) -> Forge:
    a_registry_with_old_faults(forge)
    forge.start()
    return forge


# -- adoption ----------------------------------------------------------------------------------------------------------


def test_first_adoption_of_a_registry_with_old_faults(old_faults: Forge) -> None:
    assert cli.run(["policy", "init", "--repo", str(old_faults.root)]) == 0
    old_faults.write("/.github/workflows/registry.yml", WORKFLOW)
    report = old_faults.judged()
    quiet(report)
    assert {f.code for f in report.debt} >= {"SG201", "SG208", "SG304", "SG402", "SG601"}


def test_debt_is_all_told_when_asked_for(old_faults: Forge) -> None:
    report = old_faults.judged(deep=True)
    quiet(report)
    assert {f.code for f in report.debt} >= {"SG202", "SG204", "SG302", "SG303", "SG305", "SG306"}


def test_first_adoption_together_with_a_new_registry_of_smoke_entries(forge: Forge) -> None:
    forge.write("/README.md", "soon\n")
    forge.git("add", "-A")
    forge.git("commit", "-qm", "begin")
    forge.base = forge.git("rev-parse", "HEAD")
    forge.add("alpha_v1")
    forge.add("beta_v1")
    forge.save()
    assert cli.run(["policy", "init", "--repo", str(forge.root)]) == 0
    forge.write("/.github/workflows/registry.yml", WORKFLOW)
    report = forge.judged()
    quiet(report)
    assert [c.what for c in report.changes if c.id.endswith("_v1")] == [What.ADDED] * 2


def test_adoption_of_a_registry_that_only_its_policy_knows_by_name(tmp_path: Path, forge: Forge) -> None:
    forge.add("alpha_v1", smoke=False)
    forge.commit()
    forge.git("mv", REGISTRY, "model/tiny/zoo.json")
    forge.git("commit", "-qm", "zoo")
    forge.base = forge.git("rev-parse", "HEAD")
    forge.write("/.smokegate.yml", "registries: [model/tiny/zoo.json]\n")
    forge.commit(save=False)
    report = forge.check()
    assert report.registry == "model/tiny/zoo.json"
    assert (report.entries_before, report.entries_after) == (1, 1)


# -- everyday work on a registry with old faults -----------------------------------------------------------------------


def note(forge: Forge) -> None:
    for entry in forge.registry["models"]:
        entry["notes"] = "read again in spring"


def reorder(forge: Forge) -> None:
    forge.registry["models"].reverse()


def add_a_smoke_entry(forge: Forge) -> None:
    forge.add("fresh_v1", onnx_models.mlp(30))


def add_a_card(forge: Forge) -> None:
    forge.write("omits_smoke_v1_card.md", "# omits_smoke_v1\n\nWhat it does.\n")


def add_a_hold(forge: Forge) -> None:
    forge.write_json("HOLD.json", {"schema_version": 1, "verdict": "HOLD", "recommendation": "train longer"})


def backfill_licences(forge: Forge) -> None:
    for entry in forge.registry["models"]:
        entry.setdefault("license", "BSD-3-Clause-Plus-Patent")
        entry["license_url"] = "https://example.invalid/LICENSE"


def touch_elsewhere(forge: Forge) -> None:
    forge.write("/src/main.c", "int main(void) { return 0; }\n")
    forge.write("/docs/picture.png", b"\x89PNG")


@pytest.mark.parametrize(
    "work", [note, reorder, add_a_smoke_entry, add_a_card, add_a_hold, backfill_licences, touch_elsewhere]
)
def test_everyday_work(old_faults: Forge, work: Callable[[Forge], None]) -> None:
    work(old_faults)
    report = old_faults.judged()
    quiet(report)
    assert report.debt


def test_work_on_a_repo_whose_registry_lies_at_its_root(tmp_path: Path, bench: Workbench) -> None:
    forge = Forge(tmp_path / "repo", bench, folder=".")
    graph, weights = onnx_models.with_external(3, "w.bin")
    forge.add("heavy_v1", graph, smoke=False)
    forge.write("w.bin", weights)
    forge.write("src/main.py", "print()\n")
    forge.start()
    forge.write("src/main.py", "print(1)\n")
    forge.write("README.md", "# all there is\n")
    report = forge.judged()
    quiet(report)
    assert report.changes == ()
    forge.write("w.bin", bytes(len(weights)))
    report = forge.judged()
    assert "SG404" in codes(report)
    assert [c.id for c in report.changes] == ["heavy_v1"]


def test_everyday_work_is_quiet_when_everything_is_looked_at(old_faults: Forge) -> None:
    note(old_faults)
    reorder(old_faults)
    quiet(old_faults.judged(deep=True))


@pytest.mark.parametrize(
    "written",
    [
        lambda value: json.dumps(value, indent=4) + "\n",
        lambda value: json.dumps(value, separators=(",", ":")),
        lambda value: json.dumps(value, indent=2, sort_keys=True).replace("\n", "\r\n"),
        lambda value: json.dumps(value, indent="\t").replace("alpha", "\\u0061lpha"),
    ],
)
def test_reformatting_changes_nothing(forge: Forge, written: Callable[[Any], str]) -> None:
    forge.add("alpha_v1", smoke=False, notes="a dash \u2014 and more", quant_accuracy_budget_plcc=0.01)
    forge.start()
    forge.write("registry.json", written(forge.registry).replace("0.01", "1e-2"))
    forge.commit(save=False)
    report = forge.check()
    quiet(report)
    assert report.changes == ()


def test_fifteen_licences_at_once(forge: Forge) -> None:
    for number in range(15):
        forge.add(f"model_{number:02}", smoke=number % 2 == 0, license=None, sha256="0" * 64 if number == 3 else None)
    forge.start()
    for entry in forge.registry["models"]:
        entry["license"] = "Apache-2.0"
    report = forge.judged()
    quiet(report)
    assert len(report.changes) == 15
    assert all(c.fields == ("license",) for c in report.changes)


# -- rows that come and go ---------------------------------------------------------------------------------------------


def test_restoring_a_lost_row(old_faults: Forge) -> None:
    ids = ("wrong_digest_v1", "omits_smoke_v1", "stale_sidecar_v1", "says_nan_v1")
    gone = [old_faults.drop(entry_id) for entry_id in ids]
    old_faults.start("lose four rows")
    old_faults.registry["models"] += gone
    report = old_faults.judged()
    passes(report)
    assert {c.id: c.what for c in report.changes} == dict.fromkeys(ids, What.ADDED)
    assert {f.code for f in report.debt if f.subject in ids} >= {"SG202", "SG305", "SG306", "SG402"}


def test_restoring_a_row_that_its_schema_never_liked(forge: Forge) -> None:
    forge.add("alpha_v1", smoke=False, quant_mode="int4")
    forge.start()
    row = forge.drop("alpha_v1")
    forge.start("lose it")
    forge.registry["models"].append(row)
    passes(forge.judged())


def test_renaming_with_retire(forge: Forge) -> None:
    forge.add("alpha_v1", smoke=False)
    forge.add("beta_v1")
    forge.start()
    for old, new in (("alpha_v1", "alpha_stable_v1"), ("beta_v1", "beta_trial_v1")):
        forge.registry["models"].append({**forge.entry(old), "id": new})
        forge.save()
        arguments = ["retire", old, "--reason", "a better name", "--superseded-by", new, "--repo", str(forge.root)]
        assert cli.run(arguments) == 0
        forge.registry = forge.read_json("registry.json")
    forge.commit()
    report = forge.check()
    quiet(report)
    assert {(c.was, c.id, c.what) for c in report.changes if c.was} == {
        ("alpha_v1", "alpha_stable_v1", What.RENAMED),
        ("beta_v1", "beta_trial_v1", What.RENAMED),
    }


def test_renaming_an_entry_with_old_faults(old_faults: Forge) -> None:
    old = old_faults.entry("wrong_digest_v1")
    record = {"id": old["id"], "sha256": old["sha256"], "reason": "a better name", "superseded_by": "digest_v1"}
    old["id"] = "digest_v1"
    old_faults.write_json("retired.json", {"schema_version": 1, "retired": [record]})
    passes(old_faults.judged())


# -- bytes that move ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at_hand", [True, False])
def test_migrating_models_to_lfs(old_faults: Forge, at_hand: bool) -> None:
    for entry in old_faults.registry["models"]:
        if entry["id"] != "missing_v1":
            old_faults.to_lfs(entry["onnx"], at_hand=at_hand)
    old_faults.to_lfs("loose.bin", at_hand=at_hand)
    old_faults.write("/.gitattributes", "*.onnx filter=lfs\n*.bin filter=lfs\n")
    report = old_faults.judged()
    passes(report)
    assert not any(c.identity_changed for c in report.changes)


def test_bytes_come_back_from_lfs(forge: Forge) -> None:
    """What only head has at hand tells of base too: it is one model, and its old fault an old one."""
    model = onnx_models.mlp(90)
    forge.add("alpha_v1", model, smoke=False, sidecar={"input_names": ["x"]})
    forge.to_lfs("alpha_v1.onnx", at_hand=False)
    forge.start()
    forge.write("alpha_v1.onnx", model)
    report = forge.judged()
    passes(report)
    assert not any(c.identity_changed for c in report.changes)
    assert "SG305" in {f.code for f in report.debt}


def test_moving_a_blob_to_a_release(forge: Forge) -> None:
    forge.add("alpha_v1", smoke=False)
    model = onnx_models.mlp(9)
    forge.add("named_wrongly_v1", model, smoke=False, sidecar={"input_names": ["x"], "sha256": sha256(model)})
    graph, weights = onnx_models.with_external(3, "big.bin")
    pin = {"path": "big.bin", "sha256": sha256(weights), "size": len(weights)}
    forge.add("heavy_v1", graph, smoke=False, external_data=[pin])
    forge.write("big.bin", weights)
    forge.start()
    for name in ("alpha_v1", "named_wrongly_v1", "heavy_v1"):
        forge.delete(f"{name}.onnx")
        forge.entry(name)["release_url"] = f"https://example.invalid/releases/{name}.onnx"
    forge.delete("big.bin")
    report = forge.judged()
    passes(report)
    assert not any(c.identity_changed for c in report.changes)
    assert {f.code for f in report.warnings} <= {"SG201", "SG205"}


@pytest.mark.parametrize("where", ["entry", "sidecar"])
def test_pinning_external_data(forge: Forge, where: str) -> None:
    graph, weights = onnx_models.with_external(3, "heavy_v1.onnx.data")
    forge.add("heavy_v1", graph, smoke=False)
    forge.write("heavy_v1.onnx.data", weights)
    forge.start()
    pins = [{"path": "heavy_v1.onnx.data", "sha256": sha256(weights), "size": len(weights)}]
    if where == "entry":
        forge.entry("heavy_v1")["external_data"] = pins
    else:
        forge.write_json("heavy_v1.json", {**forge.read_json("heavy_v1.json"), "external_data": pins})
    quiet(forge.judged())


def test_mending_a_digest_over_unchanged_bytes(old_faults: Forge) -> None:
    entry = old_faults.entry("wrong_digest_v1")
    entry["sha256"] = sha256(old_faults.path(entry["onnx"]).read_bytes())
    report = old_faults.judged()
    quiet(report)
    assert [(c.id, c.fields, c.identity_changed) for c in report.changes] == [("wrong_digest_v1", ("sha256",), False)]


def test_mending_a_digest_of_a_twin(forge: Forge) -> None:
    forge.add("alpha_v1", smoke=False, quant_mode="dynamic", int8_sha256="0" * 64)
    forge.write("alpha_v1.int8.onnx", onnx_models.mlp(40))
    forge.start()
    forge.entry("alpha_v1")["int8_sha256"] = sha256(onnx_models.mlp(40))
    quiet(forge.judged())


# -- registries as they are in the wild --------------------------------------------------------------------------------

CLOSED_SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["schema_version", "models"],
    "properties": {
        "$schema": {"type": "string"},
        "schema_version": {"const": 0},
        "models": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["id", "kind", "onnx", "sha256"],
                "properties": {
                    "id": {"type": "string"},
                    "kind": {"enum": ["fr", "nr", "filter"]},
                    "onnx": {"type": "string"},
                    "sha256": {"type": "string"},
                    "opset": {"type": "integer"},
                    "notes": {"type": "string"},
                    "description": {"type": "string"},
                    "smoke": {"type": "boolean"},
                    "quant_mode": {"enum": ["fp32", "dynamic", "static", "qat"]},
                    "int8_sha256": {"type": "string"},
                    "license": {"type": "string"},
                },
            },
        },
    },
}


class Wild:
    """A registry that never heard of smokegate: sorted fields, escapes, no licences, rows without `smoke`."""

    def __init__(self, forge: Forge) -> None:
        self.forge = forge
        forge.write_json("registry.schema.json", CLOSED_SCHEMA)
        forge.registry = {"$schema": "./registry.schema.json", "models": [], "schema_version": 0}
        self._plain()
        self._two_inputs()
        self._quantised()
        self._external()
        self.save()
        forge.git("add", "-A")
        forge.git("commit", "-qm", "as found")
        forge.base = forge.git("rev-parse", "HEAD")

    def save(self) -> None:
        for entry in self.forge.registry["models"]:
            entry.pop("license", None)
        self.forge.write("registry.json", json.dumps(self.forge.registry, indent=2, sort_keys=True) + "\n")

    def judged(self, **question: Any) -> Any:
        self.save()
        self.forge.commit(save=False)
        return self.forge.check(**question)

    def _plain(self) -> None:
        sidecar = {
            "input_name": "features",
            "output_name": "score",
            "onnx_opset": 17,
            "features": ["adm2", "motion2", "vif_scale0", "vif_scale1", "vif_scale2", "vif_scale3"],
            "input_mean": [0.1] * 6,
            "input_std": [1.0] * 6,
        }
        model = onnx_models.mlp(50, scaler=False)
        self.forge.add("fr_regressor_v1", model, smoke=None, sidecar=sidecar, notes="first one \u2014 kept")

    def _two_inputs(self) -> None:
        self.forge.add("fr_pair_v1", onnx_models.two_inputs(51), sidecar={"input_name": "features", "opset": 17})

    def _quantised(self) -> None:
        twin = onnx_models.mlp(53)
        fields = {"quant_mode": "dynamic", "int8_sha256": sha256(twin)}
        self.forge.add("nr_small_v1", onnx_models.mlp(52), smoke=None, kind="nr", **fields)
        self.forge.write("nr_small_v1.int8.onnx", twin)

    def _external(self) -> None:
        graph, weights = onnx_models.with_external(54, "fr_large_v1.onnx.data")
        self.forge.add("fr_large_v1", graph, smoke=None)
        self.forge.write("fr_large_v1.onnx.data", weights)


@pytest.fixture
def wild(forge: Forge) -> Wild:
    return Wild(forge)


def test_the_wild_registry_as_it_is_found(wild: Wild) -> None:
    report = wild.judged(deep=True)
    quiet(report)
    assert report.changes == ()
    assert not any(f.code in {"SG101", "SG205", "SG301", "SG303", "SG305", "SG306"} for f in report.debt), report.debt


def test_a_note_and_a_smoke_entry_in_the_wild(wild: Wild) -> None:
    wild.forge.entry("fr_regressor_v1")["notes"] += " \u2014 still in use"
    wild.forge.add("fr_next_v1", onnx_models.mlp(55))
    report = wild.judged()
    passes(report)
    assert {f.code for f in report.warnings} <= {"SG601"}


def test_pins_go_into_the_sidecar_where_the_schema_is_closed(wild: Wild) -> None:
    name = "fr_large_v1.onnx.data"
    data = wild.forge.path(name).read_bytes()
    pins = [{"path": name, "sha256": sha256(data), "size": len(data)}]
    wild.forge.write_json("fr_large_v1.json", {**wild.forge.read_json("fr_large_v1.json"), "external_data": pins})
    quiet(wild.judged())


def test_another_spelling_of_the_same_sidecar(wild: Wild) -> None:
    sidecar = wild.forge.read_json("fr_regressor_v1.json")
    sidecar["feature_order"] = sidecar.pop("features")
    sidecar["feature_mean"] = sidecar.pop("input_mean")
    sidecar["feature_std"] = [1] * len(sidecar.pop("input_std"))
    wild.forge.write_json("fr_regressor_v1.json", sidecar)
    quiet(wild.judged())
