"""A pull request is judged as the target branch would be after the merge, by the law of the target's tip."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import onnx_models
from forge import FOLDER, Forge, sha256
from github_side.git_server import GitServer, serving
from smokegate.github.verdicts.lfs import Objects
from smokegate.github.verdicts.store import Remote, Store
from smokegate.github.verdicts.verdict import Asked, Court, Judged, settings_of
from smokegate.judge.report import Verdict
from smokegate.review.check import Workbench


@pytest.fixture
def server(forge: Forge) -> Iterator[GitServer]:
    forge.add("alpha_v1")
    forge.start()
    with serving(forge.root.parent) as running:
        yield running


@pytest.fixture
def court(server: GitServer, forge: Forge, bench: Workbench, tmp_path: Path) -> Court:
    remote = Remote(f"{server.url}/{forge.root.name}/.git")
    store = Store(tmp_path / "store", remote, sleep=lambda seconds: None)
    return Court(store, "main", settings_of(store, "main"), bench, Objects(remote, store.folder))


def proposed(forge: Forge, branch: str = "pr", base: str = "main") -> str:
    """What stands in the forge now, as the head of a branch off `base`; the forge goes back to `base`."""
    forge.save()
    forge.git("switch", "-q", "-c", branch)
    head = forge.commit("proposal")
    forge.git("switch", "-q", base)
    forge.registry = forge.read_json("registry.json")
    return head


def verdict(judged: Judged) -> Verdict:
    assert judged.cannot is None, judged.cannot
    (report,) = judged.reports
    return report.verdict


def test_a_sound_change_passes_and_one_that_touches_nothing_is_quiet(forge: Forge, court: Court) -> None:
    forge.add("beta_v1")
    judged = court.judge(Asked(proposed(forge), "main", 7))
    assert verdict(judged) is Verdict.PASS and judged.touches and judged.protected
    forge.write("/src/main.py", "print()\n")
    judged = court.judge(Asked(proposed(forge, "other"), "main", 8))
    assert verdict(judged) is Verdict.PASS and not judged.touches


def test_what_came_to_the_target_since_is_not_taken_away(forge: Forge, court: Court) -> None:
    forge.add("beta_v1", notes="from the pull request")
    head = proposed(forge)
    forge.write("gamma_card.md", "# gamma\n")
    tip = forge.commit("main moved on")
    judged = court.judge(Asked(head, "main", 7))
    assert verdict(judged) is Verdict.PASS and judged.base_tip == tip
    assert [change.id for change in judged.reports[0].changes] == ["beta_v1"]


def test_two_changes_that_are_sound_alone_are_not_together(forge: Forge, court: Court) -> None:
    """Each adds its own model under one name: only the result of merging shows it."""
    forge.write("shared.onnx", onnx_models.mlp(5))
    forge.write_json("shared.json", Forge.sidecar(onnx_models.mlp(5)))
    row = {"kind": "fr", "onnx": "shared.onnx", "sha256": sha256(onnx_models.mlp(5)), "opset": 17, "smoke": True}
    models = forge.registry["models"]
    forge.registry["models"] = [{"id": "above", **row, "license": "MIT"}, *models]
    head = proposed(forge)
    forge.write("shared.onnx", onnx_models.mlp(5))
    forge.write_json("shared.json", Forge.sidecar(onnx_models.mlp(5)))
    forge.registry["models"] = [*models, {"id": "below", **row, "license": "MIT"}]
    forge.commit("main has it too")
    judged = court.judge(Asked(head, "main", 7))
    assert verdict(judged) is Verdict.BLOCK
    assert {finding.code for finding in judged.reports[0].blocking} == {"SG103"}


def test_the_law_is_the_tips_and_not_that_of_where_they_parted(forge: Forge, court: Court) -> None:
    forge.registry["models"][0]["notes"] = "reworded"
    forge.delete("alpha_v1.json")
    head = proposed(forge)
    forge.write("/.smokegate.yml", "checks: {SG601: block}\nowners: [ana]\n")
    forge.commit("a stricter law")
    judged = court.judge(Asked(head, "main", 7))
    assert judged.parts[0].owners == ("ana",)


def test_a_conflict_cannot_be_judged(forge: Forge, court: Court) -> None:
    forge.registry["models"][0]["notes"] = "mine"
    head = proposed(forge)
    forge.registry["models"][0]["notes"] = "theirs"
    forge.commit("another wording")
    judged = court.judge(Asked(head, "main", 7))
    assert judged.touches and judged.reports == ()
    assert judged.cannot is not None and f"conflicts in {FOLDER}/registry.json" in judged.cannot


def test_a_broken_policy_on_the_target_cannot_judge(forge: Forge, court: Court) -> None:
    forge.write("/.smokegate.yml", "limits: {git_blob_mib: many}\n")
    forge.commit("broken from the start")
    forge.git("checkout", "-q", "--orphan", "lost")
    forge.git("commit", "-q", "-m", "its only commit")
    forge.git("branch", "-q", "-f", "main", "lost")
    forge.git("switch", "-q", "main")
    forge.add("beta_v1")
    judged = court.judge(Asked(proposed(forge), "main", 7))
    assert judged.cannot is not None and ".smokegate.yml cannot be read" in judged.cannot


def test_a_head_that_the_target_holds_already_changes_nothing(forge: Forge, court: Court) -> None:
    """Nor does one whose commits come to nothing."""
    behind = forge.git("rev-parse", "main")
    forge.add("beta_v1")
    forge.commit("main moved on")
    forge.git("switch", "-q", "-c", "pr")
    forge.git("commit", "-q", "--allow-empty", "-m", "nothing")
    for head in (behind, forge.git("rev-parse", "main"), forge.git("rev-parse", "pr")):
        judged = court.judge(Asked(head, "main", 7))
        assert verdict(judged) is Verdict.PASS and not judged.touches and not judged.reports[0].changes


def test_a_target_that_is_gone_cannot_be_judged(forge: Forge, court: Court) -> None:
    judged = court.judge(Asked(forge.git("rev-parse", "main"), "deleted", 7))
    assert judged.cannot is not None and "deleted could not be fetched" in judged.cannot and judged.base_tip == ""


def test_a_force_push_in_the_middle_changes_nothing_of_what_is_judged(forge: Forge, court: Court) -> None:
    forge.registry["models"][0]["sha256"] = "0" * 64
    head = proposed(forge)
    forge.git("update-ref", "refs/pull/7/head", head)
    assert court.store.pulls_at(head) == (7,)
    forge.git("branch", "-q", "-f", "pr", "main")
    forge.git("update-ref", "refs/pull/7/head", "main")
    judged = court.judge(Asked(head, "main", 7))
    assert verdict(judged) is Verdict.BLOCK and judged.asked.head == head


def test_how_github_is_used_outlives_a_policy_that_broke(forge: Forge, court: Court) -> None:
    """Else the pull request that mends it would have no verdict, and so would every other."""
    forge.write("/.smokegate.yml", "github: {check_name: gate, protected_bases: ['release/*']}\n")
    forge.commit("sound")
    forge.write("/.smokegate.yml", "github: {check_name: [\n")
    forge.commit("broken")
    settings = settings_of(court.store, "main")
    assert (settings.check_name, settings.protected_bases) == ("gate", ("release/*",))


def test_a_head_that_is_gone_cannot_be_judged(court: Court) -> None:
    judged = court.judge(Asked("d" * 40, "main", 7))
    assert judged.cannot is not None and "could not be fetched" in judged.cannot


def test_only_what_the_default_branch_protects_is_protected(forge: Forge, court: Court) -> None:
    """A side branch may bring a laxer policy; it does not get to say that its verdicts count."""
    forge.git("switch", "-q", "-c", "lax")
    forge.write("/.smokegate.yml", "github: {protected_bases: ['*']}\nchecks: {SG202: 'off'}\n")
    forge.commit("lax")
    forge.registry["models"][0]["sha256"] = "0" * 64
    head = proposed(forge, "pr", "lax")
    aside = court.judge(Asked(head, "lax", 7))
    assert verdict(aside) is Verdict.PASS and not aside.protected
    forge.git("switch", "-q", "main")
    retargeted = court.judge(Asked(head, "main", 7))
    assert retargeted.protected and verdict(retargeted) is not Verdict.PASS


def test_a_release_branch_is_protected_by_a_glob(forge: Forge, court: Court) -> None:
    forge.write("/.smokegate.yml", "github: {protected_bases: ['release/*']}\n")
    forge.commit("protect releases")
    settings = settings_of(court.store, "main")
    assert Court(court.store, "main", settings, court.bench).protects("release/1.0")
    assert not court.protects("release/1.0")


def test_a_merge_queue_brings_its_own_base_and_result(forge: Forge, court: Court) -> None:
    base = forge.git("rev-parse", "main")
    forge.add("beta_v1")
    first = proposed(forge, "queued-1")
    forge.git("switch", "-q", "queued-1")
    forge.registry = forge.read_json("registry.json")
    forge.registry["models"][0]["sha256"] = "0" * 64
    second = forge.commit("the second of the group")
    forge.git("switch", "-q", "main")
    forge.write("/later.txt", "x")
    forge.commit("main moves on while the queue works")
    assert verdict(court.judge(Asked(first, "main", queue_base=base))) is Verdict.PASS
    assert verdict(court.judge(Asked(second, "main", queue_base=first))) is Verdict.BLOCK


@pytest.mark.parametrize("how", ["merge", "squash", "with something else", "renumbered"])
def test_what_an_owner_approved_is_known_again_in_the_queue(how: str, forge: Forge, court: Court) -> None:
    """Where the group is the merge of that head and nothing else, whichever way it was merged."""
    forge.write("/.smokegate.yml", "owners: [ana]\n")
    base = forge.commit("a law")
    forge.write("/.smokegate.yml", "owners: [ana, ben]\n")
    head = proposed(forge)
    forge.git("update-ref", "refs/pull/7/head", head)
    forge.git("update-ref", "refs/pull/8/head", base)
    forge.write("/elsewhere.txt", "x")
    queue_base = forge.commit("what the queue took before")
    if how == "squash":
        forge.git("merge", "-q", "--squash", head)
    else:
        forge.git("merge", "-q", "--no-ff", "--no-commit", head)
    if how == "with something else":
        forge.write("/.smokegate.yml", "owners: [mallory]\n")
    group = forge.commit("merged")
    judged = court.judge(Asked(group, "main", None, queue_base, 8 if how == "renumbered" else 7))
    assert verdict(judged) is Verdict.NEEDS_OWNER
    assert judged.queued_head == (head if how in {"merge", "squash"} else None)


def test_a_repository_without_a_registry_is_quiet(forge: Forge, court: Court) -> None:
    forge.git("checkout", "-q", "--orphan", "empty")
    forge.git("rm", "-rfq", ".")
    forge.write("/readme", "nothing here\n")
    forge.git("add", "-A")
    forge.git("commit", "-q", "-m", "nothing")
    forge.git("branch", "-q", "-f", "main", "empty")
    forge.git("switch", "-q", "-c", "pr")
    forge.write("/readme", "nothing here yet\n")
    forge.git("commit", "-qam", "more")
    judged = court.judge(Asked(forge.git("rev-parse", "HEAD"), "main", 7))
    assert judged.cannot is None and judged.reports == () and not judged.touches


def test_nothing_is_checked_out_and_no_hook_runs(forge: Forge, court: Court, tmp_path: Path) -> None:
    forge.write("/.gitattributes", "*.json filter=evil\n")
    forge.write("/.githooks/post-checkout", f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    forge.path("/.githooks/post-checkout").chmod(0o755)
    forge.add("beta_v1")
    court.judge(Asked(proposed(forge), "main", 7))
    assert not (tmp_path / "ran").exists()
    listed = subprocess.run(["git", "-C", str(court.store.folder), "status"], capture_output=True, check=False)
    assert b"must be run in a work tree" in listed.stderr
