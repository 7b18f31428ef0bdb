"""Ways to get something past the judge in two steps, or under another name. Each is blocked, with the right code."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

import onnx_models
from forge import FOLDER, REGISTRY, Forge, codes, passes, sha256
from smokegate.errors import PolicyError
from smokegate.judge.report import Report


def blocks(report: Report, *wanted: str) -> None:
    """Every wanted code blocks; others may too."""
    assert set(codes(report)) >= set(wanted), [(f.code, f.subject, f.message) for f in report.findings]


def heavy(forge: Forge, entry_id: str, location: str, **fields: Any) -> bytes:
    """An entry whose weights lie in another file, which nothing pins."""
    graph, weights = onnx_models.with_external(60, location)
    forge.add(entry_id, graph, **fields)
    forge.write(location, weights)
    return weights


def flip(forge: Forge, *ids: str) -> Report:
    """With evidence for all that is asked of it, so that what blocks is something else."""
    for entry_id in ids:
        forge.entry(entry_id)["smoke"] = False
    forge.commit("flip")
    forge.evidence(*ids)
    return forge.judged("flip with evidence")


# -- in as smoke, and then up ------------------------------------------------------------------------------------------


def test_the_flip_that_all_the_others_here_differ_from(forge: Forge) -> None:
    forge.add("a_saliency_v1", onnx_models.saliency())
    forge.trust()
    forge.start()
    passes(flip(forge, "a_saliency_v1"))


def unpinned(forge: Forge) -> str:
    heavy(forge, "a_saliency_v1", "w.bin")
    return "SG204"


def contradicting_sidecar(forge: Forge) -> str:
    sidecar = forge.sidecar(onnx_models.saliency(), input_names=["x"])
    forge.add("a_saliency_v1", onnx_models.saliency(), sidecar=sidecar)
    return "SG305"


def foreign_operator(forge: Forge) -> str:
    forge.add("a_saliency_v1", onnx_models.mlp(61, op="Sinh"))
    return "SG303"


def not_finite(forge: Forge) -> str:
    model = onnx_models.not_finite()
    forge.add("a_saliency_v1", model, sidecar=forge.sidecar(model, scaler=False))
    return "SG306"


def wrong_digest(forge: Forge) -> str:
    forge.add("a_saliency_v1", onnx_models.saliency(), sha256="0" * 64)
    return "SG202"


def weights_outside_the_folder(forge: Forge) -> str:
    heavy(forge, "a_saliency_v1", "../w.bin")
    return "SG205"


def a_link(forge: Forge) -> str:
    forge.add("a_saliency_v1", onnx_models.saliency())
    forge.write("elsewhere.onnx", onnx_models.saliency())
    forge.link("a_saliency_v1.onnx", "elsewhere.onnx")
    return "SG206"


@pytest.mark.parametrize(
    "fault",
    [unpinned, contradicting_sidecar, foreign_operator, not_finite, wrong_digest, weights_outside_the_folder, a_link],
)
def test_a_fault_that_stands_in_smoke_does_not_go_up(forge: Forge, fault: Callable[[Forge], str]) -> None:
    code = fault(forge)
    forge.start()
    for entry in forge.registry["models"]:
        entry["notes"] = "nothing to see"
    passes(forge.judged())
    forge.start()
    blocks(flip(forge, "a_saliency_v1"), code)


@pytest.mark.parametrize("value", [1, "true", None, 0, []])
def test_a_flip_by_something_that_only_looks_like_true(forge: Forge, value: Any) -> None:
    """`1 == True` in Python, and to a schema of the repo's own anything may be well."""
    forge.write_json("registry.schema.json", {"type": "object"})
    forge.add("alpha_v1")
    forge.start()
    forge.entry("alpha_v1")["smoke"] = value
    blocks(forge.judged(), "SG403")


def test_flipping_in_the_change_that_lowers_the_policy(forge: Forge) -> None:
    forge.write("/.smokegate.yml", "owners: [ana]\n")
    forge.add("alpha_v1")
    forge.start()
    forge.write("/.smokegate.yml", "owners: [ana]\nchecks: {SG403: off, SG701: off}\n")
    forge.entry("alpha_v1")["smoke"] = False
    blocks(forge.judged(), "SG403", "SG701")


# -- other bytes under old faults --------------------------------------------------------------------------------------


def test_a_standing_digest_mismatch_is_no_cover_for_other_bytes(forge: Forge) -> None:
    forge.add("alpha_v1", smoke=False, sha256=sha256(onnx_models.mlp(71)), sidecar=None)
    forge.start()
    forge.write("alpha_v1.onnx", onnx_models.mlp(70))
    blocks(forge.judged(), "SG202", "SG404")
    forge.write("alpha_v1.onnx", onnx_models.mlp(71))  # now the digest is right, and the bytes are not the old ones
    blocks(forge.judged(), "SG404")


@pytest.mark.parametrize("location", ["w.bin", "alpha_v1.onnx.data", "w.txt", "w.json", "w.onnx", "sub/w.md"])
def test_swapping_external_weights_without_touching_the_registry(forge: Forge, location: str) -> None:
    weights = heavy(forge, "alpha_v1", location, smoke=False)
    forge.start()
    forge.write(location, bytes(len(weights)))
    report = forge.judged()
    blocks(report, "SG404")
    assert [c.fields for c in report.changes if c.id == "alpha_v1"] == [("external_data",)]


@pytest.mark.parametrize("location", ["../w.bin", "../../shared/w", "sub/../w.bin", "./w.bin"])
def test_swapping_external_weights_that_lie_in_the_wrong_place(forge: Forge, location: str) -> None:
    (forge.root / FOLDER / "sub").mkdir(parents=True)
    weights = heavy(forge, "alpha_v1", location, smoke=False)
    forge.start()
    forge.write(location, bytes(len(weights)))
    blocks(forge.judged(), "SG404")


@pytest.mark.parametrize("where", ["entry", "sidecar"])
def test_swapping_pinned_weights_together_with_their_pin(forge: Forge, where: str) -> None:
    weights = heavy(forge, "alpha_v1", "w.bin", smoke=False)

    def pin(data: bytes) -> None:
        pins = [{"path": "w.bin", "sha256": sha256(data), "size": len(data)}]
        if where == "entry":
            forge.entry("alpha_v1")["external_data"] = pins
        else:
            forge.write_json("alpha_v1.json", {**forge.read_json("alpha_v1.json"), "external_data": pins})

    pin(weights)
    forge.start()
    forge.write("w.bin", bytes(len(weights)))
    pin(bytes(len(weights)))
    blocks(forge.judged(), "SG404")


def test_dangling_weights_that_arrive_later(forge: Forge) -> None:
    weights = heavy(forge, "alpha_v1", "w.bin", smoke=False)
    forge.delete("w.bin")
    forge.start()
    forge.write("w.bin", weights)
    blocks(forge.judged(), "SG404")


def test_bytes_behind_a_link_that_stands_on_base(forge: Forge) -> None:
    forge.add("alpha_v1", onnx_models.mlp(70), smoke=False)
    forge.write("/store/a.onnx", onnx_models.mlp(70))
    forge.link("alpha_v1.onnx", "../../store/a.onnx")
    forge.start()
    forge.write("/store/a.onnx", onnx_models.mlp(71))
    blocks(forge.judged(), "SG404")


def test_a_link_behind_a_link_that_stands_on_base(forge: Forge) -> None:
    forge.add("alpha_v1", onnx_models.mlp(70), smoke=False)
    forge.write("/store/a.onnx", onnx_models.mlp(70))
    forge.write("/store/b.onnx", onnx_models.mlp(71))
    forge.link("/store/current.onnx", "a.onnx")
    forge.link("alpha_v1.onnx", "../../store/current.onnx")
    forge.start()
    forge.link("/store/current.onnx", "b.onnx")
    blocks(forge.judged(), "SG404")


def test_a_folder_that_is_a_link_and_turns_elsewhere(forge: Forge) -> None:
    forge.add("alpha_v1", onnx_models.mlp(70), smoke=False, onnx="models/alpha_v1.onnx")
    sidecar = forge.path("models/alpha_v1.json").read_bytes()
    for seed, folder in ((70, "/v1"), (71, "/v2")):
        forge.write(f"{folder}/alpha_v1.onnx", onnx_models.mlp(seed))
        forge.write(f"{folder}/alpha_v1.json", sidecar)
    for name in ("onnx", "json"):
        forge.delete(f"models/alpha_v1.{name}")
    forge.path("models").rmdir()
    forge.link("models", "../../v1")
    forge.start()
    forge.link("models", "../../v2")
    blocks(forge.judged(), "SG404")


def test_external_weights_through_a_link(forge: Forge) -> None:
    weights = heavy(forge, "alpha_v1", "w.bin", smoke=False)
    forge.write("/store/w.one", weights)
    forge.link("w.bin", "../../store/w.one")
    forge.start()
    forge.write("/store/w.one", bytes(len(weights)))
    blocks(forge.judged(), "SG404")


def test_a_sidecar_behind_a_link(forge: Forge) -> None:
    sidecar = forge.sidecar(onnx_models.mlp(70), feature_std=[1.0] * 6)
    forge.add("alpha_v1", onnx_models.mlp(70), smoke=False, sidecar=sidecar)
    forge.write_json("/store/a.json", sidecar)
    forge.link("alpha_v1.json", "../../store/a.json")
    forge.start()
    forge.write_json("/store/a.json", {**sidecar, "feature_std": [2.0] * 6})
    blocks(forge.judged(), "SG404")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"feature_std": [1.0]}, {"feature_std": [2.0]}),
        ({"input_std": [1.0]}, {"feature_std": [1.0], "input_std": [2.0]}),
        ({"feature_std": [1.0], "input_std": [1.0]}, {"feature_std": [1.0], "input_std": [2.0]}),
        ({"features": ["a", "b"]}, {"features": ["b", "a"]}),
        ({}, {"onnx_has_scaler": 1}),
        ({"cq_min": 0}, {"corpus": {"cq_min": 1}}),
    ],
)
def test_what_feeds_a_production_model_is_production(
    forge: Forge, before: dict[str, Any], after: dict[str, Any]
) -> None:
    forge.add("alpha_v1", smoke=False, sidecar={"opset": 17, **before})
    forge.start()
    forge.write_json("alpha_v1.json", {"opset": 17, **after})
    blocks(forge.judged(), "SG404")


def test_a_twin_gets_a_sidecar_of_its_own(forge: Forge) -> None:
    sidecar = forge.sidecar(onnx_models.mlp(70), feature_std=[1.0] * 6)
    twin = onnx_models.mlp(72)
    fields = {"quant_mode": "dynamic", "int8_sha256": sha256(twin)}
    forge.add("alpha_v1", onnx_models.mlp(70), smoke=False, sidecar=sidecar, **fields)
    forge.write("alpha_v1.int8.onnx", twin)
    forge.start()
    forge.write_json("alpha_v1.int8.json", {"feature_std": [2.0] * 6})
    blocks(forge.judged(), "SG404")


# -- other spellings of a path -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spelling", ["./beta_v1.onnx", "sub//beta_v1.onnx", "../tiny/beta_v1.onnx", "sub/../beta_v1.onnx", "beta_v1.onnx/."]
)
def test_another_spelling_of_a_governed_path(forge: Forge, spelling: str) -> None:
    forge.add("alpha_v1", onnx_models.mlp(70), smoke=False)
    forge.add("beta_v1", onnx_models.mlp(71))
    forge.write("sub/beta_v1.onnx", onnx_models.mlp(71))
    forge.start()
    forge.entry("alpha_v1").update(onnx=spelling, sha256=sha256(onnx_models.mlp(71)))
    blocks(forge.judged(), "SG206", "SG404")


@pytest.mark.parametrize("spelling", ["./alpha_v1.onnx", "sub//alpha_v1.onnx", "../tiny/alpha_v1.onnx"])
def test_a_path_that_is_spelled_oddly_on_base_already(forge: Forge, spelling: str) -> None:
    forge.add("alpha_v1", onnx_models.mlp(70), smoke=False)
    forge.write("sub/alpha_v1.onnx", onnx_models.mlp(70))
    forge.entry("alpha_v1")["onnx"] = spelling
    forge.start()
    for name in ("alpha_v1.onnx", "sub/alpha_v1.onnx"):
        forge.write(name, onnx_models.mlp(71))
    blocks(forge.judged(), "SG404")


def test_a_path_that_differs_by_case(forge: Forge) -> None:
    forge.add("alpha_v1", onnx_models.mlp(70), smoke=False)
    forge.start()
    forge.write("Alpha_v1.onnx", onnx_models.mlp(71))
    blocks(forge.judged(), "SG206")
    forge.delete("Alpha_v1.onnx")
    forge.entry("alpha_v1")["onnx"] = "Alpha_v1.onnx"
    blocks(forge.judged(), "SG201")


# -- rows that hide ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("second", ['"smoke": false', '"smo\\u006be": false'])
def test_a_key_that_is_there_twice(forge: Forge, second: str) -> None:
    forge.add("alpha_v1")
    forge.start()
    text = json.dumps(forge.registry, indent=2)
    forge.write("registry.json", text.replace('"smoke": true', f'"smoke": true, {second}'))
    forge.commit(save=False)
    report = forge.check()
    blocks(report, "SG102")
    assert [f.line for f in report.blocking] == [text[: text.index('"smoke"')].count("\n") + 1]


def test_a_second_bearer_of_an_id_does_not_hide_a_third(forge: Forge) -> None:
    forge.write_json("registry.schema.json", {"type": "object"})
    forge.add("alpha_v1")
    forge.start()
    forge.add("alpha_v1", smoke=False, onnx="other.onnx")
    forge.add("alpha_v1#2", onnx="third.onnx")
    report = forge.judged()
    blocks(report, "SG103", "SG405")
    assert report.entries_after == 3


def test_a_retirement_of_other_bytes(forge: Forge) -> None:
    forge.add("alpha_v1", smoke=False)
    forge.add("beta_v1")
    forge.start()
    forge.drop("alpha_v1")
    record = {"id": "alpha_v1", "sha256": "0" * 64, "reason": "worn out"}
    forge.write_json("retired.json", {"schema_version": 1, "retired": [record]})
    blocks(forge.judged(), "SG401")


def test_what_was_retired_does_not_come_back_as_restored(forge: Forge) -> None:
    entry = forge.add("alpha_v1", smoke=False)
    forge.add("beta_v1")
    forge.start()
    forge.drop("alpha_v1")
    record = {"id": "alpha_v1", "sha256": entry["sha256"], "reason": "it was wrong"}
    forge.write_json("retired.json", {"schema_version": 1, "retired": [record]})
    forge.start("retire it")
    forge.delete("retired.json")
    forge.start("forget that")
    forge.registry["models"].append(entry)
    blocks(forge.judged(), "SG405")


def test_what_was_smoke_does_not_come_back_as_production(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.add("beta_v1")
    forge.start()
    entry = forge.drop("alpha_v1")
    forge.start("lose it")
    forge.registry["models"].append({**entry, "smoke": False})
    blocks(forge.judged(), "SG405")


# -- groups ------------------------------------------------------------------------------------------------------------


def test_a_member_that_is_renamed_out_of_its_group(forge: Forge) -> None:
    ids = [f"fr_ensemble_v1_seed{n}" for n in range(3)]
    for n, entry_id in enumerate(ids):
        forge.add(entry_id, onnx_models.mlp(80 + n))
    forge.start()
    last = forge.entry(ids[2])
    record = {"id": ids[2], "sha256": last["sha256"], "reason": "set aside", "superseded_by": "outsider_v1"}
    last["id"] = "outsider_v1"
    forge.write_json("retired.json", {"schema_version": 1, "retired": [record]})
    blocks(flip(forge, *ids[:2]), "SG409")


@pytest.mark.parametrize(
    "changed", [{"confidence": 0.5}, {"confidence": True}, {"feature_std": [2.0]}, {"id": "other"}, {"members": []}]
)
def test_a_manifest_that_changes_what_its_members_mean(forge: Forge, changed: dict[str, Any]) -> None:
    rows = []
    for n in range(2):
        entry = forge.add(f"fr_ensemble_v1_seed{n}", onnx_models.mlp(80 + n), smoke=False)
        rows.append({"id": entry["id"], "sha256": entry["sha256"], "seed": n})
    manifest = {"id": "ens", "kind": "fr_ensemble", "members": rows, "smoke": False, "confidence": 1}
    forge.write_json("ens.json", manifest)
    forge.start()
    forge.write_json("ens.json", {**manifest, "confidence": 1.0})
    passes(forge.judged())
    forge.write_json("ens.json", {**manifest, **changed})
    blocks(forge.judged(), "SG404")


# -- the ground under the judge ----------------------------------------------------------------------------------------


def test_a_second_policy(forge: Forge) -> None:
    forge.write("/.smokegate.yml", "owners: [ana]\n")
    forge.add("alpha_v1")
    forge.start()
    forge.write(".smokegate.yml", "checks: {SG403: off}\n")
    blocks(forge.judged(), "SG701")
    forge.start("merged all the same")
    forge.entry("alpha_v1")["smoke"] = False
    with pytest.raises(PolicyError, match="two policies claim the registry"):
        forge.judged()


def test_a_registry_that_moves_to_where_nobody_governs(forge: Forge) -> None:
    forge.add("alpha_v1", smoke=False)
    forge.add("beta_v1")
    forge.start()
    forge.git("mv", "model/tiny", "elsewhere")
    forge.git("mv", "elsewhere/registry.json", "elsewhere/zoo.json")
    forge.commit(save=False)
    report = forge.check()
    blocks(report, "SG401")
    assert {f.subject for f in report.blocking if f.code == "SG401"} == {"alpha_v1", "beta_v1"}
    assert any("elsewhere/zoo.json looks like a registry" in note for note in report.notes)


@pytest.mark.parametrize("how", ["link", "pointer", "submodule", "garbage", "gone"])
def test_a_registry_that_becomes_something_else(forge: Forge, how: str) -> None:
    forge.add("alpha_v1", smoke=False)
    forge.start()
    if how == "link":
        forge.write_json("/elsewhere.json", forge.registry)
        forge.link("registry.json", "../../elsewhere.json")
    elif how == "pointer":
        forge.to_lfs("registry.json")
    elif how == "garbage":
        forge.write("registry.json", b"\0\xff not a registry")
    else:
        forge.delete("registry.json")
    forge.commit(save=False)
    if how == "submodule":
        forge.git("update-index", "--add", "--cacheinfo", f"160000,{forge.base},{REGISTRY}")
        forge.git("commit", "-qm", "submodule")
    blocks(forge.check(), {"link": "SG206", "gone": "SG401"}.get(how, "SG102"))


def test_breaking_base_first(forge: Forge) -> None:
    """Conflict markers got merged: what judges is the last registry that could be read, not an empty one."""
    forge.add("alpha_v1", smoke=False)
    forge.add("beta_v1")
    good = forge.commit()
    text = forge.path("registry.json").read_text()
    forge.write("registry.json", f"<<<<<<< ours\n{text}=======\n{text}>>>>>>> theirs\n")
    forge.commit("conflict", save=False)
    forge.base = forge.git("rev-parse", "HEAD")
    passes(forge.judged("mend it"))
    forge.entry("beta_v1")["smoke"] = False
    forge.drop("alpha_v1")
    report = forge.judged("mend it, and more")
    blocks(report, "SG401", "SG403")
    (note,) = report.notes
    assert "cannot be read at base" in note
    assert good[:7] in note


def test_base_stays_broken(forge: Forge) -> None:
    forge.add("alpha_v1", smoke=False)
    forge.commit()
    forge.write("registry.json", '{"models": [')
    forge.commit("break", save=False)
    forge.base = forge.git("rev-parse", "HEAD")
    forge.write("alpha_v1.onnx", onnx_models.mlp(71))
    forge.commit(save=False)
    blocks(forge.check(), "SG102")


def test_a_policy_that_is_broken_on_base(forge: Forge) -> None:
    forge.write("/.smokegate.yml", "checks: {SG601: block}\n")
    forge.add("alpha_v1")
    forge.start()
    forge.write("/.smokegate.yml", "checks: [\n")
    forge.start("break it")
    forge.add("beta_v1", license=None)
    report = forge.judged()
    assert codes(report) == ["SG601"]
    assert any("the policy .smokegate.yml cannot be read at base" in note for note in report.notes)
