"""`smokegate flip`: what it writes is what `check` wants, and no more."""

from __future__ import annotations

import difflib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from flip.tree import EVIDENCE, SEEDS, accepted, five, flip, one, prove, snapshot
from forge import Forge, passes, sha256
from onnx_models import saliency, with_external
from smokegate.errors import SmokegateError, UsageError
from smokegate.render.diff import unified
from smokegate.review.flip import Asked
from smokegate.review.flip import flip as flipped

CARD = "# saliency_v1\n\nA mask.\n"
CLOSED = {
    "type": "object",
    "required": ["schema_version", "models"],
    "properties": {
        "models": {
            "items": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    name: {} for name in ("id", "kind", "onnx", "sha256", "opset", "smoke", "license", "notes")
                },
            }
        }
    },
}


def lines_changed(before: bytes, after: bytes) -> list[str]:
    rows = difflib.ndiff(before.decode().splitlines(keepends=True), after.decode().splitlines(keepends=True))
    return [row for row in rows if row[0] in "+-"]


def test_a_flip_followed_by_check_passes(forge: Forge) -> None:
    one(forge)
    done = flip(forge, "saliency_v1")
    assert not done.refused
    passes(done.report)
    entry = forge.read_json("registry.json")["models"][0]
    assert entry["smoke"] is False and entry["evidence"] == "saliency_v1_PROMOTE.json"
    assert done.drafts[-1].path == "model/tiny/registry.json", "what says production is written last"
    forge.commit(save=False)
    quiet_but_unmeasured(forge)


def quiet_but_unmeasured(forge: Forge) -> None:
    report = forge.check()
    passes(report)
    assert {f.code for f in report.warnings} <= {"SG510"}


def test_the_evidence_and_its_signature_lie_beside_the_registry_as_they_were(forge: Forge) -> None:
    one(forge)
    flip(forge, "saliency_v1")
    for suffix in ("", ".dsse.json"):
        copied = forge.path(f"saliency_v1_PROMOTE.json{suffix}").read_bytes()
        assert copied == forge.path(EVIDENCE + suffix).read_bytes()


def test_the_sidecar_gets_a_record_and_keeps_all_that_a_runtime_reads(forge: Forge) -> None:
    one(forge)
    before = forge.read_json("saliency_v1.json")
    flip(forge, "saliency_v1")
    after = forge.read_json("saliency_v1.json")
    record = after.pop("gate")
    assert after == before
    assert (record["verdict"], record["passed"], record["name"]) == ("PROMOTE", True, "saliency-iou")
    assert record["evidence_sha256"] == sha256(forge.path(EVIDENCE).read_bytes())
    assert forge.path(record["evidence"]).is_file()


def test_a_record_that_is_there_is_renewed_and_what_is_not_ours_in_it_stays(forge: Forge) -> None:
    five(forge)
    sidecar = forge.read_json(f"{SEEDS[0]}.json")
    forge.write_json(f"{SEEDS[0]}.json", {**sidecar, "smoke": True, "gate": {"verdict": "HOLD", "asked_by": "ana"}})
    flip(forge, *SEEDS)
    after = forge.read_json(f"{SEEDS[0]}.json")
    assert (after["gate"]["verdict"], after["gate"]["asked_by"], after["smoke"]) == ("PROMOTE", "ana", False)
    assert after["gate"]["mean_plcc"] == pytest.approx(0.9725)


@pytest.mark.parametrize("word", ["fr_tiny_ensemble_v1", "ensemble-plcc", "fr_tiny_*", "fr_tiny_ensemble_v1_seed?"])
def test_an_ensemble_goes_as_one_by_any_of_its_names(forge: Forge, word: str) -> None:
    five(forge)
    done = flip(forge, word)
    assert done.ids == SEEDS
    assert forge.read_json("fr_tiny_ensemble_v1.json")["smoke"] is False
    assert forge.path("fr_tiny_ensemble_v1_PROMOTE.json").is_file()
    accepted(forge)


def test_a_part_of_a_group_is_refused_in_the_words_of_the_check(forge: Forge) -> None:
    five(forge)
    before = snapshot(forge.root)
    done = flip(forge, *SEEDS[:4])
    assert done.refused and snapshot(forge.root) == before
    said = next(f for f in done.report.findings if f.code == "SG409")
    for name in SEEDS[:4]:
        forge.entry(name)["smoke"] = False
    words = {f.message for f in forge.judged().findings if f.code == "SG409"}
    assert said.message in words


def test_stale_digests_in_a_manifest_are_brought_in_line(forge: Forge) -> None:
    five(forge)
    manifest = forge.manifest("fr_tiny_ensemble_v1", *SEEDS)
    manifest["members"][2]["sha256"] = "0" * 64
    forge.write_json("fr_tiny_ensemble_v1.json", manifest)
    forge.start()
    forge.evidence(*SEEDS, name=EVIDENCE)
    flip(forge, "fr_tiny_ensemble_v1")
    assert forge.read_json("fr_tiny_ensemble_v1.json")["members"][2]["sha256"] == forge.entry(SEEDS[2])["sha256"]
    accepted(forge)


# -- formatting -----------------------------------------------------------------------------------------------------


def odd(rows: list[dict[str, Any]], newline: str) -> bytes:
    """Tabs, one row on one line, escapes, and no newline at the end."""
    escaped = json.dumps({**rows[0], "notes": "caf\u00e9 \u2014 four"}).replace("caf\\u00e9", "caf\\u00E9")
    spread = json.dumps(rows[1], indent="\t", ensure_ascii=True).replace("\n", "\n\t\t")
    text = f'{{\n\t"schema_version" : 1,\n\t"models":[\n\t\t{escaped},\n\n\t\t{spread}\n\t]\n}}'
    return text.replace("\n", newline).encode()


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("which", [0, 1])
def test_a_registry_with_odd_formatting_keeps_every_line_that_it_may(forge: Forge, newline: str, which: int) -> None:
    for number in (1, 2):
        forge.add(f"saliency_v{number}", saliency(number), kind="filter")
    forge.trust()
    forge.write("registry.json", odd(forge.registry["models"], newline))
    forge.write("/.gitattributes", "*.json -text\n")
    forge.base = forge.commit(save=False)
    forge.evidence(f"saliency_v{which + 1}", name=EVIDENCE)
    before = forge.path("registry.json").read_bytes()
    assert not flip(forge, f"saliency_v{which + 1}").refused
    after = forge.path("registry.json").read_bytes()
    assert b"\\u2014" in after and b"caf\\u00E9" in after and not after.endswith(b"\n")
    assert after.count(b"\r\n") == (after.count(b"\n") if newline == "\r\n" else 0)
    changed = lines_changed(before, after)
    assert sum(row.startswith("-") for row in changed) <= 2, changed
    assert json.loads(after)["models"][which]["smoke"] is False
    accepted(forge)


def test_a_field_that_the_law_on_base_does_not_know_is_left_out(forge: Forge) -> None:
    forge.write_json("registry.schema.json", CLOSED)
    one(forge)
    before = forge.path("registry.json").read_bytes()
    assert not flip(forge, "saliency_v1").refused
    changed = lines_changed(before, forge.path("registry.json").read_bytes())
    assert [row.split() for row in changed if row[0] == "+"] == [["+", '"smoke":', "false,"]]
    accepted(forge)


# -- pins -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("closed", [False, True])
def test_weights_outside_the_graph_are_pinned_where_the_law_admits_it(forge: Forge, closed: bool) -> None:
    model, data = with_external(1, "dehaze_v1.bin")
    forge.write("dehaze_v1.bin", data)
    if closed:
        forge.write_json("registry.schema.json", CLOSED)
    forge.add("dehaze_v1", model)
    forge.trust(gates={"speed": {"match": ["dehaze_*"], "bounds": {"psnr": {"min": 30.0}}}})
    forge.start()
    forge.evidence("dehaze_v1", name=EVIDENCE)
    done = flip(forge, "dehaze_v1")
    assert not done.refused, [(f.code, f.message) for f in done.report.blocking]
    pin = [{"path": "dehaze_v1.bin", "sha256": sha256(data), "size": len(data)}]
    holder = forge.read_json("dehaze_v1.json" if closed else "registry.json")
    assert (holder if closed else holder["models"][0])["external_data"] == pin
    accepted(forge)


# -- supersession ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("closed", [False, True])
def test_supersession_is_marked_on_both_sides_and_keeps_the_old_entry(forge: Forge, closed: bool) -> None:
    if closed:
        forge.write_json("registry.schema.json", CLOSED)
    forge.add("saliency_v1", saliency(1), kind="filter", smoke=False)
    forge.add("saliency_v2", saliency(2), kind="filter")
    for name in ("saliency_v1", "saliency_v2"):
        forge.write(f"{name}_card.md", f"# {name}\n\nA mask.\n")
    forge.trust()
    forge.start()
    prove(forge, "saliency_v2")
    done = flip(forge, "saliency_v2", supersedes="saliency_v1")
    assert not done.refused, [(f.code, f.message) for f in done.report.blocking]
    old, new = forge.read_json("registry.json")["models"]
    if closed:
        old, new = forge.read_json("saliency_v1.json"), forge.read_json("saliency_v2.json")
    assert (old["superseded_by"], new["supersedes"]) == ("saliency_v2", "saliency_v1")
    assert "**superseded** by `saliency_v2`" in forge.path("saliency_v1_card.md").read_text()
    accepted(forge)


@pytest.mark.parametrize("other", ["saliency_v1", "nobody"])
def test_supersession_that_cannot_be_is_said(forge: Forge, other: str) -> None:
    one(forge)
    with pytest.raises(UsageError):
        flip(forge, "saliency_v1", supersedes=other)


# -- again, and in other places -------------------------------------------------------------------------------------


def test_run_again_it_has_nothing_to_write(forge: Forge) -> None:
    one(forge)
    forge.write("saliency_v1_card.md", CARD)
    assert flip(forge, "saliency_v1").drafts
    before = snapshot(forge.root)
    again = flip(forge, "saliency_v1")
    assert not again.refused and again.drafts == ()
    assert snapshot(forge.root) == before


def test_evidence_that_lies_in_its_place_is_left_there(forge: Forge) -> None:
    one(forge)
    forge.evidence("saliency_v1", name="evidence/mine.json")
    done = flip(forge, "saliency_v1", evidence="evidence/mine.json")
    assert not done.refused, [(f.code, f.message) for f in done.report.blocking]
    assert not forge.path("saliency_v1_PROMOTE.json").exists()
    assert forge.read_json("registry.json")["models"][0]["evidence"] == "evidence/mine.json"
    accepted(forge)


def test_other_evidence_of_that_name_is_never_overwritten(forge: Forge) -> None:
    one(forge)
    forge.write_json("saliency_v1_PROMOTE.json", {"schema_version": 2, "verdict": "PROMOTE", "subjects": []})
    before = forge.path("saliency_v1_PROMOTE.json").read_bytes()
    flip(forge, "saliency_v1")
    assert forge.path("saliency_v1_PROMOTE.json").read_bytes() == before
    assert forge.path("saliency_v1_2_PROMOTE.json").is_file()
    accepted(forge)


def test_a_name_that_differs_in_case_alone_is_not_taken(forge: Forge) -> None:
    one(forge)
    forge.write("Saliency_v1_Promote.json", "{}\n")
    forge.base = forge.commit()
    assert not flip(forge, "saliency_v1").refused
    assert forge.path("saliency_v1_2_PROMOTE.json").is_file()


def test_numbers_of_an_earlier_gate_do_not_outlive_it(forge: Forge) -> None:
    one(forge)
    sidecar = forge.read_json("saliency_v1.json")
    forge.write_json("saliency_v1.json", {**sidecar, "gate": {"mean_plcc": 0.1, "ticket": 7}})
    flip(forge, "saliency_v1")
    record = forge.read_json("saliency_v1.json")["gate"]
    assert record["ticket"] == 7 and "mean_plcc" not in record


def test_the_copy_takes_a_name_that_the_policy_finds(forge: Forge) -> None:
    forge.add("saliency_v1", saliency(1), kind="filter")
    forge.trust(evidence=["proofs/**/*.json"])
    forge.start()
    forge.evidence("saliency_v1", name=EVIDENCE)
    assert not flip(forge, "saliency_v1").refused
    assert forge.path("proofs/saliency_v1_PROMOTE.json").is_file()
    accepted(forge)


def test_a_dry_run_writes_nothing_and_its_diff_applies(forge: Forge) -> None:
    one(forge)
    forge.write("saliency_v1_card.md", CARD)
    forge.commit()
    before = snapshot(forge.root)
    done = flip(forge, "saliency_v1", dry_run=True)
    passes(done.report)
    assert done.drafts and snapshot(forge.root) == before
    patch = "".join(unified(draft.path, draft.was, draft.now) for draft in done.drafts)
    forge.git("apply", "--check", "-", stdin=patch.encode())
    forge.git("apply", "-", stdin=patch.encode())
    assert all(forge.path(f"/{draft.path}").read_bytes() == draft.now for draft in done.drafts)


# -- refusals -------------------------------------------------------------------------------------------------------


def refused(forge: Forge, *words: str, code: str, **asked: Any) -> str:
    """By this check, with nothing written."""
    before = snapshot(forge.root)
    done = flip(forge, *words, **asked)
    assert done.refused
    assert snapshot(forge.root) == before
    found = [f.message for f in done.report.blocking if f.code == code]
    assert found, [(f.code, f.message) for f in done.report.findings]
    return found[0]


def test_unsigned_evidence_is_refused_unless_base_allows_it(forge: Forge) -> None:
    one(forge)
    forge.delete(f"{EVIDENCE}.dsse.json")
    assert "nobody signed it" in refused(forge, "saliency_v1", code="SG508")


def test_self_attested_evidence_is_told(forge: Forge) -> None:
    forge.add("saliency_v1", saliency(1), kind="filter")
    forge.trust(unattested="allow")
    forge.start()
    forge.evidence("saliency_v1", name=EVIDENCE, sign=False)
    assert flip(forge, "saliency_v1").report.self_attested


def test_a_signature_over_other_bytes_is_refused(forge: Forge) -> None:
    one(forge)
    forge.write(EVIDENCE, forge.path(EVIDENCE).read_bytes() + b"\n")
    refused(forge, "saliency_v1", code="SG508")


def test_evidence_about_another_model_is_refused(forge: Forge) -> None:
    one(forge)
    changed = saliency(7)
    forge.write("saliency_v1.onnx", changed)
    forge.entry("saliency_v1")["sha256"] = sha256(changed)
    forge.write_json("saliency_v1.json", forge.sidecar(changed, scaler=False))
    forge.save()
    assert "another identity" in refused(forge, "saliency_v1", code="SG403")


def test_a_hold_is_refused(forge: Forge) -> None:
    one(forge)
    forge.evidence("saliency_v1", name=EVIDENCE, verdict="HOLD")
    assert "says HOLD" in refused(forge, "saliency_v1", code="SG403")


def test_what_another_file_says_does_not_help(forge: Forge) -> None:
    """Sound evidence lies in the registry already; the file that was given is what counts."""
    one(forge)
    forge.evidence("saliency_v1", name="evidence/sound.json")
    forge.evidence("saliency_v1", name=EVIDENCE, verdict="HOLD")
    refused(forge, "saliency_v1", code="SG403")


def test_an_entry_that_no_gate_judges_is_refused(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.trust()
    forge.start()
    forge.evidence("alpha_v1", name=EVIDENCE)
    assert "no gate" in refused(forge, "alpha_v1", code="SG403")


def test_a_row_that_is_restored_wants_evidence_that_speaks_for_it_all_the_same(forge: Forge) -> None:
    """The judge lets it pass without any; what is handed over as its evidence must still be that."""
    forge.add("saliency_v1", saliency(1), kind="filter", smoke=False)
    forge.add("saliency_v2", saliency(2), kind="filter")
    forge.trust()
    forge.start()
    row = forge.drop("saliency_v1")
    forge.start()
    forge.evidence("saliency_v2", name=EVIDENCE)
    forge.registry["models"].append({**row, "smoke": True})
    forge.save()
    assert "does not cover `saliency_v1`" in refused(forge, "saliency_v1", code="SG509")


def test_what_once_was_in_production_goes_back_on_the_evidence_of_its_day(forge: Forge) -> None:
    one(forge)
    flip(forge, "saliency_v1")
    forge.base = forge.commit(save=False)
    kept = forge.path("saliency_v1_PROMOTE.json").read_bytes()
    text = forge.path("registry.json").read_text()
    forge.write("registry.json", text.replace('"smoke": false', '"smoke": true, "notes": "held back: drifts"'))
    forge.base = forge.commit(save=False)
    done = flip(forge, "saliency_v1", evidence="saliency_v1_PROMOTE.json")
    assert not done.refused, [(f.code, f.message) for f in done.report.blocking]
    assert forge.path("saliency_v1_PROMOTE.json").read_bytes() == kept
    accepted(forge)


def test_a_check_that_the_policy_turns_off_does_not_make_evidence_of_anything(forge: Forge) -> None:
    forge.add("saliency_v1", saliency(1), kind="filter")
    forge.add("saliency_v2", saliency(2), kind="filter")
    forge.trust(checks={"SG403": "off"})
    forge.start()
    forge.evidence("saliency_v2", name=EVIDENCE)
    refused(forge, "saliency_v1", code="SG509")


def test_what_the_rest_of_the_check_has_against_it_is_told_before_anything_is_written(forge: Forge) -> None:
    forge.add("saliency_v1", saliency(1), kind="filter", sidecar=None)
    forge.trust()
    forge.start()
    forge.evidence("saliency_v1", name=EVIDENCE)
    refused(forge, "saliency_v1", code="SG304")
    refused(forge, "saliency_v1", code="SG304", dry_run=True)


def test_lowered_thresholds_in_the_working_tree_do_not_judge(forge: Forge) -> None:
    five(forge)
    forge.evidence(*SEEDS, name=EVIDENCE, measured=dict.fromkeys(SEEDS))
    document = forge.read_json(EVIDENCE)
    for seed in document["measurements"]["seeds"]:
        for fold in seed["folds"]:
            fold["plcc"] = 0.5
    forge.write_json(EVIDENCE, document)
    forge.sign(EVIDENCE)
    forge.trust(gates={"mine": {"match": ["*"], "shape": "ensemble", "bounds": {"mean_plcc": {"min": 0.1}}}})
    refused(forge, *SEEDS, code="SG503")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1, "a": 2}', '{"a": NaN}', "\xff"])
def test_a_file_that_is_no_evidence_is_refused(forge: Forge, text: str) -> None:
    one(forge)
    forge.write(EVIDENCE, text.encode("latin-1"))
    refused(forge, "saliency_v1", code="SG501")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nobody"], "no entry"),
        (["salency_v1"], "did you mean saliency_v1"),
        (["x_*"], "no entry matches"),
        (["saliency-iou"], "no entry"),
        (["[z-a]"], "no entry"),
    ],
)
def test_names_that_mean_nothing_are_said(forge: Forge, words: list[str], said: str) -> None:
    one(forge)
    with pytest.raises(UsageError) as error:
        flip(forge, *words)
    assert said in str(error.value)


def test_an_entry_in_production_needs_no_flip(forge: Forge) -> None:
    one(forge, smoke=False)
    with pytest.raises(UsageError, match="in production already"):
        flip(forge, "saliency_v1")


def test_evidence_that_is_not_there_is_said(forge: Forge) -> None:
    one(forge)
    with pytest.raises(SmokegateError, match="is not a file"):
        flip(forge, "saliency_v1", evidence="/runs/NOTHING.json")


@pytest.mark.parametrize("name", ["saliency_v1.json", "saliency_v1_card.md", "registry.json"])
def test_nothing_is_written_through_a_link(forge: Forge, tmp_path: Path, name: str) -> None:
    one(forge)
    outside = tmp_path / "outside"
    outside.write_bytes(forge.path(name).read_bytes() if forge.path(name).exists() else CARD.encode())
    before = outside.read_bytes()
    forge.link(name, str(outside))
    with suppress(SmokegateError):
        flip(forge, "saliency_v1")
    assert outside.read_bytes() == before and forge.path(name).is_symlink()


def test_a_place_that_git_ignores_is_taken_back(forge: Forge) -> None:
    one(forge)
    forge.write("/.gitignore", "*PROMOTE.json\n")
    before = snapshot(forge.root)
    with pytest.raises(SmokegateError, match="git ignores"):
        flip(forge, "saliency_v1")
    assert snapshot(forge.root) == before


def test_what_git_would_store_otherwise_is_taken_back(forge: Forge) -> None:
    """A filter that changes the evidence on its way into git breaks its signature, which no plan can see."""
    one(forge)
    forge.write("/.gitattributes", "*_PROMOTE.json text eol=lf\n")
    forge.write(EVIDENCE, forge.path(EVIDENCE).read_bytes().replace(b"\n", b"\r\n"))
    forge.sign(EVIDENCE)
    before = snapshot(forge.root)
    done = flip(forge, "saliency_v1")
    assert done.refused and any(f.code == "SG508" for f in done.report.blocking)
    assert snapshot(forge.root) == before


def test_what_blocked_before_is_told_and_is_no_reason_to_refuse(forge: Forge) -> None:
    one(forge)
    forge.add("broken_v1", sha256="0" * 64)
    forge.save()
    done = flip(forge, "saliency_v1")
    assert not done.refused and done.drafts
    assert {f.subject for f in done.report.blocking} == {"broken_v1"}


def test_the_embedded_registry_flips(forge: Forge) -> None:
    """Its own files, under a policy that has a gate for them."""
    source = Path(__file__).resolve().parents[2] / "model" / "tiny"
    for path in source.iterdir():
        forge.write(path.name, path.read_bytes())
    forge.registry = json.loads((source / "registry.json").read_bytes())
    forge.trust(gates={"probe": {"match": ["smoke_*"], "bounds": {"psnr": {"min": 30.0}}}})
    forge.base = forge.commit(save=False)
    forge.evidence("smoke_v0", name=EVIDENCE)
    before = forge.path("registry.json").read_bytes()
    done = flip(forge, "smoke_v0")
    assert not done.refused, [(f.code, f.message) for f in done.report.blocking]
    changed = lines_changed(before, forge.path("registry.json").read_bytes())
    assert len(changed) == 3, changed
    assert forge.path("smoke_v0_card.md").read_text().count("smokegate:status") == 2
    accepted(forge)


def test_evidence_of_version_1_counts_where_base_pins_it(forge: Forge) -> None:
    for name in SEEDS:
        forge.add(name)
    forge.commit()
    identities = {name: forge.identity(name) for name in SEEDS}
    sample = Path(__file__).resolve().parents[1] / "data" / "evidence" / "v1" / "promote_corpus_digest.json"
    forge.write(EVIDENCE, sample.read_bytes())
    digest = sha256(sample.read_bytes())
    rows = [{"id": name, "identity": identity, "evidence_sha256": digest} for name, identity in identities.items()]
    forge.trust(legacy_evidence=rows[:4])
    forge.start()
    assert "of version 1" in refused(forge, *SEEDS, code="SG507")
    forge.trust(legacy_evidence=rows)
    forge.start()
    done = flip(forge, *SEEDS)
    assert not done.refused, [(f.code, f.message) for f in done.report.blocking]
    assert "mean_plcc" in forge.read_json(f"{SEEDS[4]}.json")["gate"]
    accepted(forge)


def test_a_policy_that_changes_in_the_same_tree_does_not_judge_and_comes_alone(forge: Forge) -> None:
    one(forge)
    forge.trust(unattested="allow", owners=["ana"])
    forge.delete(f"{EVIDENCE}.dsse.json")
    refused(forge, "saliency_v1", code="SG508")
    forge.sign(EVIDENCE)
    assert "together with other changes" in refused(forge, "saliency_v1", code="SG701")


def test_it_works_in_a_linked_working_tree(forge: Forge, tmp_path: Path) -> None:
    """Where git's own folder lies elsewhere, and `.git` is a file."""
    one(forge)
    linked = tmp_path / "linked"
    forge.git("worktree", "add", "-q", "--detach", str(linked))
    evidence = forge.path(EVIDENCE)
    done = flipped(Asked(("saliency_v1",), evidence, repo=str(linked)), forge.bench)
    assert done.drafts and not done.refused
    registry = linked / "model" / "tiny" / "registry.json"
    assert json.loads(registry.read_bytes())["models"][0]["smoke"] is False
    assert forge.read_json("registry.json")["models"][0]["smoke"] is True


def test_of_several_registries_one_is_named(forge: Forge) -> None:
    one(forge)
    forge.write("/other/registry.json", '{"schema_version": 1, "models": []}\n')
    forge.base = forge.commit()
    with pytest.raises(UsageError, match="several registries"):
        flip(forge, "saliency_v1")
    assert not flip(forge, "saliency_v1", registry="model/tiny/registry.json").refused


def test_a_broken_document_is_left_alone(forge: Forge) -> None:
    one(forge)
    forge.write("saliency_v1_card.md", "# a\n<!-- smokegate:status -->\n")
    before = snapshot(forge.root)
    with pytest.raises(SmokegateError, match="marks"):
        flip(forge, "saliency_v1")
    forge.write("registry.json", '{"models": [')
    with pytest.raises(SmokegateError, match=r"registry\.json"):
        flip(forge, "saliency_v1")
    forge.save()
    assert snapshot(forge.root) == before
