"""The story once more, where models are kept in git-lfs: every step a process of its own, as the workflows run them."""

from __future__ import annotations

from pathlib import Path

from github_side.emulator import ACTIONS, REPOSITORY, TOKENS
from github_side.promotions import MEMBERS, NAME
from github_side.test_story import Runners, runners, zipped
from github_side.world import REPO
from smokegate.github.flips.finish import ARTIFACT
from smokegate.github.verdicts.lfs import Objects
from smokegate.github.verdicts.store import Remote
from smokegate.sources.lfs import pointer_to, written

__all__ = ["runners"]


def test_models_go_to_git_lfs_and_the_verdict_sees_them(runners: Runners, tmp_path: Path) -> None:
    forge, hub = runners.forge, runners.hub
    forge.write("/.gitattributes", "*.onnx filter=lfs diff=lfs merge=lfs -text\n")
    forge.start()
    forge.git("switch", "-q", "-c", "topic")
    for member in MEMBERS:
        forge.add(member, smoke=False)
    forge.write_json(f"{NAME}.json", forge.manifest(NAME, *MEMBERS))
    head = forge.commit("an ensemble")
    fields = {"title": "An ensemble", "head": "topic", "base": "main"}
    pull = int(hub.as_("writer", "POST", f"{REPO}/pulls", fields).data["number"])
    assert runners.verdict(head) == "needs-evidence"
    assert runners.comment(pull, "keeper", "/promote").code == 0
    event, run = runners.dispatched(0)
    hub.stub.start(run)
    measured = runners.step("harness", "workflow_dispatch", event, "--out", "left", run=run, app=False)
    assert measured.outputs["verdict"] == "promote", measured.err + measured.out
    hub.stub.upload(run, ARTIFACT, zipped(runners.folder / "left"))
    told = runners.step("finish", "workflow_dispatch", event, run=run)
    assert (told.code, told.outputs["verdict"]) == (0, "promote"), told.err
    branch = f"smokegate/flip/{NAME}"
    pointers = []
    for member in MEMBERS:
        model = (runners.folder / "left" / f"{member}.onnx").read_bytes()
        stored = forge.git("cat-file", "blob", f"{branch}:model/tiny/{member}.onnx").encode() + b"\n"
        assert stored == written(pointer_to(model))
        pointers.append(pointer_to(model))
    there = Objects(Remote(f"{runners.git_url}/{REPOSITORY}", TOKENS[ACTIONS]), tmp_path)
    assert list(there.bring(pointers)) == []
    # It passes, but for another pair of eyes.
    assert runners.verdict(forge.git("rev-parse", branch)) == "needs-owner"
