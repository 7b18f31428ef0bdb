"""SG403: what a flip takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from forge import Forge, codes, only, passes
from onnx_models import mlp, saliency
from smokegate.judge.report import Verdict, What


def smoke_saliency(forge: Forge, entry_id: str = "saliency_v1", seed: int = 1, **fields: Any) -> None:
    forge.add(entry_id, saliency(seed), **{"kind": "filter", **fields})


def flipped(forge: Forge, entry_id: str = "saliency_v1") -> None:
    smoke_saliency(forge, entry_id)
    forge.trust()
    forge.start()
    forge.entry(entry_id)["smoke"] = False
    forge.commit()


def edit_evidence(forge: Forge, edit: Callable[[dict[str, Any]], None]) -> None:
    value = forge.read_json("PROMOTE.json")
    edit(value)
    forge.write_json("PROMOTE.json", value)


def test_a_flip_without_evidence_needs_it(forge: Forge) -> None:
    flipped(forge)
    report = forge.check()
    finding = only(report, "SG403")
    assert report.verdict is Verdict.NEEDS_EVIDENCE
    assert "goes from smoke to production" in finding.message and "saliency-iou" in finding.fix
    assert finding.line is not None
    assert '"smoke": false' in forge.path("registry.json").read_text().splitlines()[finding.line - 1]


def test_leaving_smoke_out_is_a_flip(forge: Forge) -> None:
    smoke_saliency(forge)
    forge.start()
    del forge.entry("saliency_v1")["smoke"]
    report = forge.judged()
    assert sorted(codes(report)) == ["SG402", "SG403"]
    assert "by leaving out `smoke`" in next(f for f in report.blocking if f.code == "SG403").message


def test_evidence_that_names_the_identity_lets_it_pass(forge: Forge) -> None:
    flipped(forge)
    forge.evidence("saliency_v1")
    passes(forge.judged())


def test_what_no_gate_judges_cannot_flip_whatever_evidence_says(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.entry("alpha_v1")["smoke"] = False
    forge.commit()
    forge.evidence("alpha_v1")
    finding = only(forge.judged(), "SG403")
    assert "no gate of the policy judges it" in finding.message
    assert "add a gate that matches `alpha_v1` under `gates` in .smokegate.yml" in finding.fix


def test_a_gate_of_the_same_change_judges_nothing_yet(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.entry("alpha_v1")["smoke"] = False
    forge.commit()
    forge.evidence("alpha_v1")
    forge.write("/.smokegate.yml", "gates:\n  mine:\n    match: [alpha_v1]\n")
    assert "SG403" in codes(forge.judged())


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda e: e.update(verdict="HOLD"), "says HOLD"),
        (lambda e: e.update(verdict="promote"), "says promote"),
        (lambda e: e.pop("verdict"), ""),
        (lambda e: e.update(verdict=["PROMOTE"]), ""),
        (lambda e: e.pop("schema_version"), "names no model bytes"),
        (lambda e: e.pop("subjects"), ""),
        (lambda e: e.update(subjects={"saliency_v1": {}}), ""),
        (lambda e: e.update(subjects=[["saliency_v1"], None, 3]), ""),
        (lambda e: e["subjects"][0].update(id="saliency_v2"), ""),
        (lambda e: e["subjects"][0].update(id=["saliency_v1"]), ""),
        (lambda e: e["subjects"][0].pop("id"), ""),
        (lambda e: e["subjects"][0].update(identity="0" * 64), "with another identity (000000000000…)"),
        (lambda e: e["subjects"][0].pop("identity"), "with another identity (none)"),
        (lambda e: e["subjects"][0].update(sha256="0" * 64), "with another identity"),
        (lambda e: e["subjects"][0].pop("sha256"), "with another identity"),
    ],
)
def test_evidence_of_something_else_does_not(forge: Forge, edit: Callable[[dict[str, Any]], None], said: str) -> None:
    flipped(forge)
    forge.evidence("saliency_v1")
    edit_evidence(forge, edit)
    assert said in only(forge.judged(), "SG403").message


def test_evidence_of_other_bytes_under_the_same_id_does_not(forge: Forge) -> None:
    flipped(forge)
    forge.evidence("saliency_v1")
    forge.write("saliency_v1.onnx", saliency(2))
    assert {"SG202", "SG403"} <= set(codes(forge.judged()))


def test_evidence_for_another_scaler_does_not(forge: Forge) -> None:
    flipped(forge)
    forge.evidence("saliency_v1")
    forge.write_json("saliency_v1.json", forge.sidecar(saliency(1), scaler=False, feature_std=[2.0]))
    assert "SG403" in codes(forge.judged())


@pytest.mark.parametrize("damage", ["{", '{"verdict": "PROMOTE", "verdict": "PROMOTE"}', "\ufeff{}", "[]", "null", "3"])
def test_evidence_that_cannot_be_read_does_not(forge: Forge, damage: str) -> None:
    flipped(forge)
    forge.write("PROMOTE.json", damage)
    assert "SG403" in codes(forge.judged())


def test_evidence_in_lfs_does_not(forge: Forge) -> None:
    flipped(forge)
    forge.write("PROMOTE.json", f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12\n")
    assert "git-lfs pointer" in next(f for f in forge.judged().blocking if f.code == "SG403").message


def test_evidence_behind_a_link_does_not(forge: Forge) -> None:
    """What lies outside the folder is nobody's to keep (SG411)."""
    flipped(forge)
    forge.evidence("saliency_v1", name="/elsewhere/PROMOTE.json")
    forge.path("PROMOTE.json").symlink_to("../../elsewhere/PROMOTE.json")
    assert "SG403" in codes(forge.judged())
    forge.delete("PROMOTE.json")
    forge.path("evidence").symlink_to("../../elsewhere")
    assert "SG403" in codes(forge.judged())


def test_evidence_outside_the_policys_places_does_not(forge: Forge) -> None:
    flipped(forge)
    forge.evidence("saliency_v1", name="proof.json")
    assert "SG403" in codes(forge.judged())
    forge.evidence("saliency_v1", name="evidence/2026/proof.json")
    passes(forge.judged())


# -- other ways up -----------------------------------------------------------------------------------------------------


def test_a_swap_of_two_ids_is_a_flip(forge: Forge) -> None:
    smoke_saliency(forge, "saliency_v1", 1)
    smoke_saliency(forge, "saliency_v2", 2, smoke=False)
    forge.start()
    one, two = forge.entry("saliency_v1"), forge.entry("saliency_v2")
    one["id"], two["id"] = "saliency_v2", "saliency_v1"
    report = forge.judged()
    assert ("SG403", "saliency_v1") in {(f.code, f.subject) for f in report.blocking}


def test_a_rename_does_not_hide_a_flip(forge: Forge) -> None:
    smoke_saliency(forge)
    gone = forge.entry("saliency_v1")
    forge.start()
    row = {"id": "saliency_v1", "sha256": gone["sha256"], "reason": "new name", "superseded_by": "saliency_v2"}
    forge.write_json("retired.json", {"schema_version": 1, "retired": [row]})
    gone.update(id="saliency_v2", smoke=False)
    report = forge.judged()
    assert only(report, "SG403").subject == "saliency_v2"
    assert {What.RENAMED, What.FLIPPED} <= {c.what for c in report.changes}


def test_a_rename_with_other_bytes_is_a_new_entry(forge: Forge) -> None:
    smoke_saliency(forge)
    forge.start()
    gone = forge.drop("saliency_v1")
    row = {"id": "saliency_v1", "sha256": gone["sha256"], "reason": "trained anew", "superseded_by": "saliency_v2"}
    forge.write_json("retired.json", {"schema_version": 1, "retired": [row]})
    smoke_saliency(forge, "saliency_v2", 2, smoke=False)
    assert only(forge.judged(), "SG405").subject == "saliency_v2"


def test_a_second_bearer_of_an_id_does_not_hide_behind_the_first(forge: Forge) -> None:
    smoke_saliency(forge)
    forge.start()
    smoke_saliency(forge, "saliency_v1", 2, onnx="other.onnx", smoke=False)
    report = forge.judged()
    assert {("SG103", "saliency_v1#2"), ("SG405", "saliency_v1#2")} <= {(f.code, f.subject) for f in report.blocking}


def test_no_id_can_be_spelt_like_anothers_key(forge: Forge) -> None:
    """`a#2` as an id, beside two `a`s: the row that lost its key would be judged by nobody."""
    forge.write_json("registry.schema.json", {"type": "object"})
    smoke_saliency(forge)
    forge.start()
    smoke_saliency(forge, "saliency_v1", 2, onnx="two.onnx", smoke=False)
    smoke_saliency(forge, "saliency_v1#2", 3, onnx="three.onnx", smoke=True)
    assert "SG405" in codes(forge.judged())


def test_an_entry_without_an_id_cannot_be_named_by_evidence_without_one(forge: Forge) -> None:
    forge.write_json("registry.schema.json", {"type": "object"})
    smoke_saliency(forge)
    del forge.entry("saliency_v1")["id"]
    forge.start()
    row = forge.registry["models"][0]
    row["smoke"] = False
    report = forge.judged()
    identity = next(c.identity_after for c in report.changes if c.identity_after)
    subject = {"onnx": row["onnx"], "sha256": row["sha256"], "identity": identity}
    forge.write_json("PROMOTE.json", {"schema_version": 2, "verdict": "PROMOTE", "subjects": [subject]})
    assert "SG403" in codes(forge.judged())


def test_a_model_that_is_nowhere_cannot_be_proved(forge: Forge) -> None:
    forge.add("saliency_v1", saliency(1), kind="filter", sha256=None)
    forge.delete("saliency_v1.onnx")
    forge.start()
    forge.entry("saliency_v1")["smoke"] = False
    identity = next(c.identity_after for c in forge.judged().changes if c.identity_after)
    subject = {"id": "saliency_v1", "sha256": None, "identity": identity}
    forge.write_json("PROMOTE.json", {"schema_version": 2, "verdict": "PROMOTE", "subjects": [subject]})
    assert "SG403" in codes(forge.judged())


# -- becoming the one in use -------------------------------------------------------------------------------------------


def two_in_production(forge: Forge, old: str = "saliency_v1", new: str = "saliency_v2", **fields: Any) -> None:
    make = saliency if "saliency" in old else mlp
    kind = "filter" if "saliency" in old else "fr"
    forge.add(old, make(1), kind=kind, smoke=False)
    forge.add(new, make(2), kind=kind, smoke=False, **fields)
    forge.trust()
    forge.start()


def test_taking_over_from_another_is_a_promotion(forge: Forge) -> None:
    two_in_production(forge)
    forge.entry("saliency_v2")["supersedes"] = "saliency_v1"
    forge.entry("saliency_v1")["superseded_by"] = "saliency_v2"
    finding = only(forge.judged(), "SG403")
    assert finding.subject == "saliency_v2" and "takes over from `saliency_v1`" in finding.message
    forge.evidence("saliency_v2")
    passes(forge.judged())


def test_so_is_being_named_as_the_successor_by_the_other(forge: Forge) -> None:
    two_in_production(forge)
    forge.entry("saliency_v1")["superseded_by"] = "saliency_v2"
    finding = only(forge.judged(), "SG403")
    assert finding.subject == "saliency_v2" and "is named by `saliency_v1` as its successor" in finding.message


def test_so_is_saying_it_in_the_sidecar(forge: Forge) -> None:
    two_in_production(forge)
    forge.write_json("saliency_v2.json", forge.sidecar(saliency(2), scaler=False, supersedes="saliency_v1"))
    assert only(forge.judged(), "SG403").subject == "saliency_v2"


def test_a_mirror_of_what_is_known_is_no_promotion(forge: Forge) -> None:
    two_in_production(forge, supersedes="saliency_v1")
    forge.entry("saliency_v1")["superseded_by"] = "saliency_v2"
    passes(forge.judged())


def test_where_no_gate_has_a_say_taking_over_is_not_held_up(forge: Forge) -> None:
    two_in_production(forge, "alpha_v1", "alpha_v2")
    forge.entry("alpha_v2")["supersedes"] = "alpha_v1"
    forge.entry("alpha_v1")["superseded_by"] = "alpha_v2"
    forge.entry("alpha_v2")["notes"] = "is the production default"
    passes(forge.judged())


def test_in_smoke_nobody_takes_over(forge: Forge) -> None:
    two_in_production(forge)
    forge.entry("saliency_v2")["smoke"] = True
    forge.start()
    forge.entry("saliency_v2").update(supersedes="saliency_v1", notes="is to be the default: it is the default of v2")
    passes(forge.judged())


@pytest.mark.parametrize(
    "text",
    [
        "Is now the default.",
        "This model is the production\ndefault since March.",
        "It becomes, after four years, the default.",
        "Used by default for 10-bit sources.",
        "Not only fast, but the new default model.",
        "No longer opt-in: it is the default.",
        "saliency_v2 is, since v3, the shipped default",
    ],
)
def test_being_called_the_default_is_a_promotion(forge: Forge, text: str) -> None:
    two_in_production(forge)
    forge.entry("saliency_v2")["notes"] = text
    assert "is now called the default" in only(forge.judged(), "SG403").message


def test_in_the_card_as_well(forge: Forge) -> None:
    two_in_production(forge)
    forge.write("/docs/models/saliency_v2.md", "# saliency_v2\n\nNow the default.\n")
    assert only(forge.judged(), "SG403").subject == "saliency_v2"


@pytest.mark.parametrize(
    "text",
    [
        "Opt-in; saliency_v1 remains the production default.",
        "This is not the default.",
        "It is not\nthe default, and never was.",
        "Opt-in, the default stays saliency_v1.",
        "Never used by default.",
        "Isn't loaded by default.",
        "The default threshold is 0.5.",
        "Reads 16x16 blocks by default.",
        "For those who want it instead of the production default.",
    ],
)
def test_denying_it_is_not(forge: Forge, text: str) -> None:
    two_in_production(forge)
    forge.entry("saliency_v2")["notes"] = text
    passes(forge.judged())


def test_who_was_the_default_may_say_so_in_other_words(forge: Forge) -> None:
    two_in_production(forge, notes="is the default")
    forge.entry("saliency_v2")["notes"] = "Since 2024 it is the default model."
    passes(forge.judged())


def test_a_row_that_comes_back_was_the_default_before(forge: Forge) -> None:
    two_in_production(forge, notes="is the default")
    lost = forge.drop("saliency_v2")
    forge.start("a bad merge")
    forge.registry["models"].append(lost)
    passes(forge.judged())

    lost["supersedes"] = "saliency_v1"
    assert only(forge.judged(), "SG403").subject == "saliency_v2"


def test_a_new_name_does_not_take_over_from_the_old_one(forge: Forge) -> None:
    two_in_production(forge)
    entry = forge.entry("saliency_v2")
    row = {"id": "saliency_v2", "sha256": entry["sha256"], "reason": "a new name", "superseded_by": "saliency_v3"}
    forge.write_json("retired.json", {"schema_version": 1, "retired": [row]})
    entry.update(id="saliency_v3", supersedes="saliency_v2")
    passes(forge.judged())
