"""What a trail tells of an entry's life, on real repositories."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

import onnx_models
from audit.conftest import Told, flip, promote, whats
from forge import FOLDER, REGISTRY, Forge, passes, sha256
from smokegate.errors import UsageError
from smokegate.render.life import Trail
from smokegate.render.trail import text

QUICK = 20.0


def test_added_flipped_and_proven(promoted: Forge, told: Told) -> None:
    life = told("saliency_v1")
    assert whats(life) == ["added", "flipped"]
    added, flipped = life.stages
    assert (added.wants_proof, added.proofs) == (False, ())
    (proof,) = flipped.proofs
    assert (proof.path, proof.gate, proof.holds) == (f"{FOLDER}/PROMOTE.json", "saliency-iou", True)
    assert proof.signed_by is not None and "harness" in proof.signed_by
    now = life.standing
    assert now.went_up_unproven is None
    assert (now.in_production, now.proven, now.sha256) == (True, True, promoted.entry("saliency_v1")["sha256"])
    assert flipped.commit == promoted.git("rev-parse", "HEAD")
    assert flipped.author == "A Maintainer <a@example.invalid>"


def test_the_judge_and_the_trail_are_of_one_mind(promoted: Forge, told: Told) -> None:
    promoted.base = promoted.git("rev-parse", "HEAD^")
    passes(promoted.check())
    assert told("saliency_v1").stages[-1].proofs[0].holds


def test_a_flip_on_nothing_says_so(forge: Forge, told: Told) -> None:
    forge.add("saliency_v1")
    forge.start()
    forge.entry("saliency_v1")["smoke"] = False
    forge.commit("flip")
    life = told("saliency_v1")
    assert life.stages[-1].wants_proof
    assert life.stages[-1].proofs == ()
    assert (life.standing.in_production, life.standing.proven) == (True, False)
    assert life.standing.failed_by == ("the built-in default",)


def test_changed_bytes_in_production(promoted: Forge, told: Told) -> None:
    before = promoted.entry("saliency_v1")["sha256"]
    model = onnx_models.mlp(9)
    promoted.write("saliency_v1.onnx", model)
    promoted.write_json("saliency_v1.json", promoted.sidecar(model))
    promoted.entry("saliency_v1")["sha256"] = promoted.read_json("saliency_v1.json")["sha256"]
    promoted.commit("swap")
    life = told("saliency_v1")
    assert whats(life) == ["added", "flipped", "changed"]
    swapped = life.stages[-1]
    (event,) = swapped.events
    assert "bytes" in event.parts
    assert event.bytes_before == before != event.bytes_after
    assert swapped.wants_proof and not swapped.proofs
    assert any("another identity" in note for note in swapped.notes)
    assert not life.standing.proven


def test_notes_are_an_edit_and_want_no_proof(promoted: Forge, told: Told) -> None:
    promoted.entry("saliency_v1")["notes"] = "seen"
    promoted.commit("note")
    last = told("saliency_v1").stages[-1]
    assert (last.events[0].what, last.events[0].parts, last.events[0].fields) == ("changed", (), ("notes",))
    assert not last.wants_proof


def test_another_entry_leaves_no_trace(promoted: Forge, told: Told) -> None:
    promoted.add("other_v1")
    promoted.commit("other")
    promoted.write("README.md", "words")
    promoted.commit("words")
    assert whats(told("saliency_v1")) == ["added", "flipped"]


def renamed(forge: Forge) -> Forge:
    forge.entry("saliency_v1")["id"] = "saliency_final"
    forge.commit("rename")
    return forge


@pytest.mark.parametrize("asked", ["saliency_v1", "saliency_final"])
def test_a_rename_is_followed_both_ways(promoted: Forge, told: Told, asked: str) -> None:
    renamed(promoted)
    life = told(asked)
    assert life.ids == ("saliency_v1", "saliency_final")
    assert whats(life) == ["added", "flipped", "renamed"]
    assert (life.stages[-1].events[0].was, life.stages[-1].events[0].id) == ("saliency_v1", "saliency_final")
    assert life.standing.id == "saliency_final"
    assert [proof.named_as for proof in life.standing.proofs] == ["saliency_v1"]
    assert life.standing.proven


def test_an_id_that_went_to_another_model_is_that_models(promoted: Forge, told: Told) -> None:
    renamed(promoted)
    promoted.add("saliency_v1", onnx_models.mlp(7), onnx="fresh.onnx")
    promoted.commit("a new one takes the old name")
    life = told("saliency_v1")
    assert life.standing.stage == "smoke"
    assert whats(life)[-2:] == ["renamed", "added"]
    assert told("saliency_final").ids == ("saliency_v1", "saliency_final")


def test_the_same_bytes_under_another_id_are_not_proven(promoted: Forge, told: Told) -> None:
    entry = promoted.entry("saliency_v1")
    promoted.registry["models"].append({**entry, "id": "twin_v1", "onnx": "twin.onnx"})
    for suffix in ("onnx", "json"):
        promoted.write(f"twin.{suffix}", promoted.path(f"saliency_v1.{suffix}").read_bytes())
    promoted.commit("copy")
    life = told("twin_v1")
    assert whats(life) == ["added"]
    assert life.stages[0].wants_proof
    assert not life.stages[0].proofs
    assert not life.standing.proven


def test_lost_and_restored(promoted: Forge, told: Told) -> None:
    entry = promoted.drop("saliency_v1")
    promoted.commit("lost in a merge")
    promoted.registry["models"].append(entry)
    promoted.commit("back")
    life = told("saliency_v1")
    assert whats(life) == ["added", "flipped", "removed", "restored"]
    assert "no record says why" in life.stages[2].events[0].notes
    assert life.stages[-1].proofs[0].holds
    assert life.standing.proven


def test_what_comes_back_otherwise_is_not_restored(promoted: Forge, told: Told) -> None:
    entry = promoted.drop("saliency_v1")
    promoted.commit("lost")
    promoted.registry["models"].append({**entry, "smoke": True})
    promoted.commit("back, as smoke")
    last = told("saliency_v1").stages[-1].events[0]
    assert last.what == "added"
    assert "the stage is another one" in last.notes[0]


def test_retired_long_ago(promoted: Forge, told: Told) -> None:
    entry = promoted.drop("saliency_v1")
    record = {"id": "saliency_v1", "sha256": entry["sha256"], "reason": "worse at night", "superseded_by": "v2"}
    promoted.write_json("retired.json", {"schema_version": 1, "retired": [record]})
    promoted.commit("retire")
    for number in range(3):
        promoted.add(f"later_{number}")
        promoted.commit("later")
    life = told("saliency_v1")
    assert whats(life) == ["added", "flipped", "retired"]
    event = life.stages[-1].events[0]
    assert (event.reason, event.superseded_by) == ("worse at night", "v2")
    assert (life.standing.stage, life.standing.proven) == (None, False)
    promoted.registry["models"].append(entry)
    promoted.commit("back from retirement")
    assert told("saliency_v1").stages[-1].events[0].what == "added"


def test_demoted(promoted: Forge, told: Told) -> None:
    promoted.entry("saliency_v1")["smoke"] = True
    promoted.commit("demote")
    life = told("saliency_v1")
    assert whats(life)[-1] == "demoted"
    assert not life.standing.in_production
    assert not life.standing.proven


# -- evidence re-verified ----------------------------------------------------------------------------------------------


def tampered(forge: Forge) -> None:
    document = forge.read_json("PROMOTE.json")
    document["measurements"]["items"][0]["candidate"] += 0.01
    forge.write_json("PROMOTE.json", document)


def test_tampered_evidence_is_told_with_its_codes(promoted: Forge, told: Told) -> None:
    tampered(promoted)
    promoted.git("commit", "-aq", "--amend", "--no-edit")
    (proof,) = told("saliency_v1").stages[-1].proofs
    assert {one.code for one in proof.shortfalls} >= {"SG503", "SG508"}
    assert proof.signed_by is None


def test_evidence_edited_later_fails_now_and_held_then(promoted: Forge, told: Told) -> None:
    tampered(promoted)
    promoted.commit("edit")
    life = told("saliency_v1")
    assert life.stages[-1].proofs[0].holds
    assert not life.standing.proven
    assert any("has other bytes now" in note for note in life.standing.notes)


def test_evidence_deleted_later(promoted: Forge, told: Told) -> None:
    promoted.delete("PROMOTE.json")
    promoted.commit("tidy up")
    now = told("saliency_v1").standing
    assert (now.proofs, now.proven) == ((), False)
    assert any(note.endswith("is gone") for note in now.notes)


def test_base_is_who_sets_the_policy(forge: Forge, told: Told) -> None:
    """The flip brings a policy of its own along: the one before it is what counts."""
    forge.add("saliency_v1")
    forge.start("add")
    forge.entry("saliency_v1")["smoke"] = False
    forge.write_json("/.smokegate.yml", {"unattested": "allow"})
    forge.commit("flip")
    forge.evidence("saliency_v1", sign=False)
    forge.git("add", "-A")
    forge.git("commit", "-q", "--amend", "--no-edit")
    life = told("saliency_v1")
    (proof,) = life.stages[-1].proofs
    assert proof.policy == "the built-in default"
    assert [one.code for one in proof.shortfalls] == ["SG508"]
    assert life.standing.proofs[0].self_attested


def test_a_policy_of_ones_own_is_asked_beside(promoted: Forge, told: Told, tmp_path: Path) -> None:
    mine = tmp_path / "strict.yml"
    mine.write_text(json.dumps({"signatures": {"keys": []}}))
    life = told("saliency_v1", policy=str(mine))
    by_base, by_mine = life.stages[-1].proofs
    assert (by_base.holds, by_mine.holds) == (True, False)
    assert by_mine.policy == f"{mine} (--policy)"
    assert [proof.holds for proof in life.standing.proofs] == [True, False]
    assert not life.standing.proven
    assert life.standing.failed_by == (f"{mine} (--policy)",)


def test_version_1_counts_where_the_policy_pins_it(forge: Forge, told: Told, tmp_path: Path) -> None:
    v1 = Path(__file__).parents[1] / "data/evidence/v1/promote_corpus_digest.json"
    ids = [f"fr_v1_ensemble_v2_seed{seed}" for seed in range(5)]
    for seed, entry_id in enumerate(ids):
        forge.add(entry_id, onnx_models.mlp(seed))
    forge.start("add")
    forge.write("PROMOTE.json", v1.read_bytes())
    for entry_id in ids:
        forge.entry(entry_id)["smoke"] = False
    forge.commit("flip")
    unpinned = told(ids[0])
    flipped = unpinned.stages[-1]
    assert all("SG507" in {one.code for one in proof.shortfalls} for proof in flipped.proofs)
    assert flipped.proofs or any("names no model bytes" in note for note in flipped.notes)
    assert not unpinned.standing.proven
    identity = flipped.events[0].identity_after
    pin = {"id": ids[0], "identity": identity, "evidence_sha256": sha256(v1.read_bytes())}
    pinning = tmp_path / "pin.yml"
    pinning.write_text(json.dumps({"legacy_evidence": [pin]}))
    (proof,) = (one for one in told(ids[0], policy=str(pinning)).standing.proofs if one.pinned)
    assert proof.version == 1
    assert "SG508" not in {one.code for one in proof.shortfalls}


def test_a_group_is_held_to_as_a_whole(forge: Forge, told: Told) -> None:
    """Of an ensemble of five, evidence that covers four carries none."""
    ids = [f"fr_v1_ensemble_v2_seed{seed}" for seed in range(5)]
    forge.trust()
    for seed, entry_id in enumerate(ids):
        forge.add(entry_id, onnx_models.mlp(seed))
    forge.start("add")
    for entry_id in ids:
        forge.entry(entry_id)["smoke"] = False
    forge.commit("flip")
    forge.evidence(*ids[:4])
    forge.git("add", "-A")
    forge.git("commit", "-q", "--amend", "--no-edit")
    (proof,) = told(ids[0]).stages[-1].proofs
    assert "SG509" in {one.code for one in proof.shortfalls}


def test_evidence_that_came_too_late_does_not_hide_how_it_went_up(forge: Forge, told: Told) -> None:
    forge.trust()
    forge.add("saliency_v1")
    forge.start("add")
    forge.entry("saliency_v1")["smoke"] = False
    flipped = forge.commit("flip on nothing")
    forge.evidence("saliency_v1")
    forge.commit("bring it after all")
    life = told("saliency_v1")
    assert life.standing.proven
    assert life.standing.went_up_unproven == flipped
    assert f"but nothing held when it went up, in {flipped[:12]}" in " ".join(text(life).split())


# -- odd repositories --------------------------------------------------------------------------------------------------


def test_a_bare_clone(promoted: Forge, told: Told, tmp_path: Path) -> None:
    promoted.git("clone", "-q", "--bare", str(promoted.root), str(tmp_path / "bare.git"))
    assert told("saliency_v1", repo=str(tmp_path / "bare.git")).stages == told("saliency_v1").stages


def test_a_shallow_clone_does_not_pretend_to_know_the_beginning(promoted: Forge, told: Told, tmp_path: Path) -> None:
    promoted.entry("saliency_v1")["notes"] = "seen"
    promoted.commit("note")
    shallow = tmp_path / "shallow"
    promoted.git("clone", "-q", "--depth", "1", f"file://{promoted.root}", str(shallow))
    life = told("saliency_v1", repo=str(shallow))
    assert whats(life) == ["known"]
    assert not life.stages[0].wants_proof
    assert "git fetch --unshallow" in life.stages[0].notes[0]
    assert life.standing.proven


def test_up_to_a_revision(promoted: Forge, told: Told) -> None:
    life = told("saliency_v1", head="HEAD^")
    assert whats(life) == ["added"]
    assert life.standing.stage == "smoke"


def test_a_merge_counts_as_the_one_change_that_it_brought(promoted: Forge, told: Told) -> None:
    promoted.git("checkout", "-qb", "topic")
    for word in ("one", "two"):
        promoted.entry("saliency_v1")["notes"] = word
        promoted.commit(word)
    promoted.git("checkout", "-q", "main")
    promoted.git("merge", "-q", "--no-ff", "-m", "merge topic", "topic")
    life = told("saliency_v1")
    assert [stage.subject for stage in life.stages] == ["add", "flip", "merge topic"]


def test_a_broken_registry_is_passed_over(promoted: Forge, told: Told) -> None:
    sound = promoted.path("registry.json").read_bytes()
    promoted.write("registry.json", b"<<<<<<< ours\n" + sound)
    promoted.commit("conflict", save=False)
    promoted.write("registry.json", sound)
    promoted.commit("mended", save=False)
    life = told("saliency_v1")
    assert whats(life) == ["added", "flipped"]
    assert len(life.notes) == 1
    assert "cannot be read" in life.notes[0]


def test_a_broken_registry_at_head(promoted: Forge, told: Told) -> None:
    promoted.write("registry.json", b'{"models": [')
    promoted.commit("broken", save=False)
    life = told("saliency_v1", registry=REGISTRY)
    assert whats(life) == ["added", "flipped"]
    assert "cannot be read" in life.standing.notes[0]
    assert not life.standing.proven


def test_a_registry_that_is_gone(promoted: Forge, told: Told) -> None:
    promoted.git("rm", "-rq", FOLDER)
    promoted.commit("gone", save=False)
    life = told("saliency_v1", registry=REGISTRY)
    assert whats(life) == ["added", "flipped", "removed"]
    assert life.standing.stage is None


def test_a_broken_policy_is_said_and_its_ancestor_stands_in(promoted: Forge, told: Told) -> None:
    promoted.write("/.smokegate.yml", "gates: [")
    promoted.commit("break the policy")
    promoted.entry("saliency_v1")["notes"] = "seen"
    promoted.commit("note")
    life = told("saliency_v1")
    assert whats(life) == ["added", "flipped", "changed"]
    assert any("cannot be read" in note for note in life.stages[-1].notes)
    assert life.standing.proven


def test_a_registry_that_moved(promoted: Forge, told: Told) -> None:
    promoted.git("mv", FOLDER, "model/small")
    promoted.commit("move", save=False)
    life = told("saliency_v1")
    assert whats(life) == ["added"]
    assert any("ask with --registry" in note for note in life.stages[0].notes)
    assert life.stages[0].proofs[0].holds
    assert whats(told("saliency_v1", registry=REGISTRY)) == ["added", "flipped", "removed"]


def test_two_registries(promoted: Forge, told: Told) -> None:
    (promoted.root / "model/other").mkdir()
    for path in sorted((promoted.root / FOLDER).iterdir()):
        (promoted.root / "model/other" / path.name).write_bytes(path.read_bytes())
    promoted.commit("a copy")
    with pytest.raises(UsageError, match="several registries know"):
        told("saliency_v1")
    assert told("saliency_v1", registry=REGISTRY).registry == REGISTRY


def test_an_unknown_id(promoted: Forge, told: Told) -> None:
    with pytest.raises(UsageError, match="no commit knows an entry `saliency_v`") as raised:
        told("saliency_v")
    assert raised.value.fix == "did you mean saliency_v1?"


def test_an_unknown_registry(promoted: Forge, told: Told) -> None:
    with pytest.raises(UsageError, match=r"no commit knows a nowhere\.json"):
        told("saliency_v1", registry="nowhere.json")


def test_forty_commits_of_twenty_five_entries(forge: Forge, told: Told) -> None:
    forge.trust()
    for number in range(25):
        forge.add(f"m{number:02}_v1", onnx_models.mlp(number % 8))
    forge.add("saliency_v1")
    forge.start("add")
    flip(forge, "saliency_v1")
    for number in range(38):
        forge.entry("saliency_v1" if number % 2 else f"m{number % 25:02}_v1")["notes"] = f"seen {number}"
        forge.commit(f"note {number}")
    began = time.perf_counter()
    life: Trail = told("saliency_v1")
    assert time.perf_counter() - began < QUICK
    assert len(life.stages) == 2 + 19


def test_a_second_flip_names_the_newer_evidence(forge: Forge, told: Told) -> None:
    promote(forge)
    forge.entry("saliency_v1")["smoke"] = True
    forge.commit("demote")
    forge.delete("PROMOTE.json")
    forge.delete("PROMOTE.json.dsse.json")
    forge.base = forge.commit("clear")
    flip(forge, "saliency_v1", "again", name="evidence/again.json")
    life = told("saliency_v1")
    paths = [proof.path for stage in life.stages for proof in stage.proofs]
    assert paths == [f"{FOLDER}/PROMOTE.json", f"{FOLDER}/evidence/again.json"]
