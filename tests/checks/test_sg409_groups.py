"""SG409: all members or none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from forge import Forge, codes, only, passes
from smokegate.judge.report import Report

SEEDS = [f"fr_ensemble_v1_seed{n}" for n in range(3)]
GATES = {
    "three": {"match": ["*_ensemble_*_seed[0-9]*"], "group": True, "shape": "metrics", "bounds": {"psnr": {"min": 30}}},
    "saliency-iou": {"match": ["*saliency*"]},
}
"""So that evidence for any number of members is sound, and only the group is left to complain of."""


def ensemble(forge: Forge, *, manifest: bool = False, ids: Iterable[str] = SEEDS, **policy: Any) -> None:
    ids = list(ids)
    for entry_id in ids:
        forge.add(entry_id)
    if manifest:
        forge.write_json("fr.json", forge.manifest("fr_ensemble_v1", *ids))
    forge.trust(**{"gates": GATES, **policy})
    forge.start()


def flip(forge: Forge, *ids: str) -> None:
    for entry_id in ids:
        forge.entry(entry_id)["smoke"] = False


def proved(forge: Forge, *ids: str) -> Report:
    """Judged with evidence for what flips, so that only the group is left to complain of."""
    forge.commit()
    forge.evidence(*ids)
    return forge.judged()


def test_all_of_a_group_may_flip(forge: Forge) -> None:
    ensemble(forge, manifest=True)
    flip(forge, *SEEDS)
    forge.write_json("fr.json", forge.manifest("fr_ensemble_v1", *SEEDS))
    passes(proved(forge, *SEEDS))


@pytest.mark.parametrize("flips", [SEEDS[:1], SEEDS[:2], SEEDS[1:]])
def test_some_of_it_may_not(forge: Forge, flips: list[str]) -> None:
    ensemble(forge)
    flip(forge, *flips)
    finding = only(proved(forge, *flips), "SG409")
    behind = next(s for s in SEEDS if s not in flips)
    assert f"`{behind}`" in finding.message.partition("while")[2]


def test_a_group_may_be_introduced_in_smoke(forge: Forge) -> None:
    forge.start()
    for entry_id in SEEDS:
        forge.add(entry_id)
    forge.write_json("fr.json", forge.manifest("fr_ensemble_v1", *SEEDS))
    passes(forge.judged())


def test_members_do_not_join_in_the_change_that_flips(forge: Forge) -> None:
    ensemble(forge)
    forge.add("fr_ensemble_v1_seed3")
    ids = [*SEEDS, "fr_ensemble_v1_seed3"]
    flip(forge, *ids)
    finding = only(proved(forge, *ids), "SG409")
    assert "`fr_ensemble_v1_seed3` joined" in finding.message


def test_nor_leave_by_a_new_name(forge: Forge) -> None:
    ensemble(forge)
    left = forge.entry(SEEDS[2])
    row = {"id": SEEDS[2], "sha256": left["sha256"], "reason": "a name", "superseded_by": "solo_saliency"}
    forge.write_json("retired.json", {"schema_version": 1, "retired": [row]})
    left["id"] = "solo_saliency"
    flip(forge, *SEEDS[:2])
    report = proved(forge, *SEEDS[:2])
    assert set(codes(report)) == {"SG409"}
    assert "`solo_saliency`" in report.blocking[0].message


def test_nor_flip_by_themselves_under_a_new_name(forge: Forge) -> None:
    ensemble(forge)
    left = forge.entry(SEEDS[2])
    row = {"id": SEEDS[2], "sha256": left["sha256"], "reason": "a name", "superseded_by": "solo_saliency"}
    forge.write_json("retired.json", {"schema_version": 1, "retired": [row]})
    left["id"] = "solo_saliency"
    flip(forge, "solo_saliency")
    assert set(codes(proved(forge, "solo_saliency"))) == {"SG409"}


@pytest.mark.parametrize("manifest", ["shrunk", "renamed", "deleted", "hidden", "broken"])
def test_nor_by_the_manifest(forge: Forge, manifest: str) -> None:
    ids = ["saliency_a", "saliency_b"]
    ensemble(forge, manifest=True, ids=ids)
    flip(forge, "saliency_a")
    value = {**forge.read_json("fr.json"), "smoke": False}
    alone = {**value, "members": value["members"][:1], "ensemble_size": 1}
    match manifest:
        case "shrunk":
            forge.write_json("fr.json", alone)
        case "renamed":
            forge.write_json("fr.json", {**alone, "id": "another"})
        case "deleted":
            forge.delete("fr.json")
        case "hidden":
            forge.add("decoy_v1", onnx="fr.onnx", sidecar=None)
        case "broken":
            forge.write_json("fr.json", {**value, "members": {"a": 1}})
    assert "SG409" in codes(proved(forge, "saliency_a"))


def test_a_manifest_cannot_be_hidden_as_somebodys_sidecar_first(forge: Forge) -> None:
    ids = ["saliency_a", "saliency_b"]
    ensemble(forge, manifest=True, ids=ids)
    forge.add("decoy_v1", onnx="fr.onnx", sidecar=None)
    finding = next(f for f in forge.judged().blocking if f.code == "SG410")
    assert finding.subject == "decoy_v1" and finding.path == "model/tiny/fr.json"


def test_two_manifests_of_one_name_bind_all_that_either_names(forge: Forge) -> None:
    for entry_id in ("saliency_a", "saliency_b", "saliency_c"):
        forge.add(entry_id)
    forge.write_json("one.json", forge.manifest("pair", "saliency_a", "saliency_b"))
    forge.write_json("two.json", forge.manifest("pair", "saliency_b", "saliency_c"))
    forge.start()
    flip(forge, "saliency_a", "saliency_b")
    forge.write_json("one.json", forge.manifest("pair", "saliency_a", "saliency_b"))
    report = proved(forge, "saliency_a", "saliency_b")
    assert "`saliency_c`" in next(f for f in report.blocking if f.code == "SG409").message


def test_the_policys_own_groups_flip_as_one(forge: Forge) -> None:
    ids = ["saliency_a", "saliency_b", "saliency_c"]
    ensemble(forge, ids=ids, groups={"pair": ["saliency_a", "saliency_b"]})
    flip(forge, "saliency_c")
    passes(proved(forge, "saliency_c"))
    flip(forge, "saliency_a")
    assert "group `pair`" in only(proved(forge, "saliency_a", "saliency_c"), "SG409").message


def test_what_shares_the_glob_of_a_gate_for_groups_flips_as_one(forge: Forge) -> None:
    gate = {"match": ["enc_*"], "group": True, "bounds": {"psnr": {"min": 30}}}
    ensemble(forge, ids=["enc_a", "enc_b"], gates={"encoders": gate})
    flip(forge, "enc_a")
    assert "`enc_b`" in only(proved(forge, "enc_a"), "SG409").message


def test_two_ensembles_of_one_gate_are_two_groups(forge: Forge) -> None:
    ensemble(forge, ids=["fr_ensemble_v1_seed0", "fr_ensemble_v1_seed1", "nr_ensemble_v1_seed0"])
    flip(forge, *SEEDS[:2])
    passes(proved(forge, *SEEDS[:2]))


def test_a_suffix_after_the_seed_does_not_make_a_group_of_one(forge: Forge) -> None:
    ids = ["fr_ensemble_v1_seed0_small", "fr_ensemble_v1_seed1_small"]
    ensemble(forge, ids=ids)
    flip(forge, ids[0])
    assert f"`{ids[1]}`" in only(proved(forge, ids[0]), "SG409").message


def test_a_member_in_production_before_the_others_does_not_hold_them_down(forge: Forge) -> None:
    forge.add(SEEDS[0], smoke=False)
    ensemble(forge, ids=SEEDS[1:])
    flip(forge, *SEEDS[1:])
    passes(proved(forge, *SEEDS[1:]))
