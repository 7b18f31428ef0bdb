"""On the runner: a request that is not what GitHub says is refused, and what is asked for is measured for real."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from forge import Forge, sha256
from github_side.promotions import MEMBERS, NAME, Town, dispatched, founded, measured, order, proposed, with_corpus
from github_side.test_laying_out import Fetched
from processes import alive, until
from runners.saliency import contests
from smokegate.errors import SmokegateError
from smokegate.github import harness, running
from smokegate.github.events import EventError
from smokegate.github.promote import nonce_of
from smokegate.github.running import HarnessError
from smokegate.review.check import Workbench


@pytest.fixture
def town(forge: Forge, tmp_path: Path, bench: Workbench) -> Iterator[Town]:
    with_corpus(forge)
    town = founded(forge, tmp_path, bench)
    yield town
    assert town.hub.faults == []


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Harnesses that would have been started."""
    seen: list[list[str]] = []

    def run(arguments: list[str], folder: Path, minutes: int) -> None:
        seen.append(arguments)
        (folder / "out").mkdir()
        (folder / "out" / "HOLD.json").write_text("{}")

    monkeypatch.setattr(running, "run", run)
    return seen


def test_an_ensemble_is_trained_for_real(town: Town, tmp_path: Path) -> None:
    dispatch = dispatched(town, proposed(town))
    left = measured(town, dispatch, tmp_path / "out")
    evidence = json.loads(left.evidence.read_bytes())
    assert left.verdict == "PROMOTE" == evidence["verdict"]
    assert [one["id"] for one in evidence["subjects"]] == list(MEMBERS)
    said = evidence["request"]
    assert (said["run"], said["actor"], said["head_sha"]) == (dispatch.run_id, "keeper", left.request.head_sha)
    assert (tmp_path / "out" / f"{NAME}.json").is_file() and (tmp_path / "out" / "request.json").is_file()
    assert evidence["loso_dir"] == "out" and "smokegate-" not in json.dumps(evidence)
    assert not [one for one in (tmp_path / "out").iterdir() if one.name.startswith(".")]


@pytest.mark.parametrize("in_lfs", [False, True])
def test_a_candidate_is_compared_as_the_pull_request_has_it(
    forge: Forge, tmp_path: Path, bench: Workbench, in_lfs: bool
) -> None:
    """From a folder of the runner's, as the set is too large for git; of the head's models, only the candidate's."""
    items = contests.scenes(tmp_path / "data" / "sets" / "scenes")
    contests.entry(forge, "saliency_v1", 120, smoke=False)
    github = {"corpora": {"saliency-iou": "sets/scenes"}}
    gates = {"saliency-iou": {"match": ["saliency_*"], "shape": "comparison"}}
    town = founded(forge, tmp_path, bench, gates=gates, github=github, corpora={"digests": [contests.digest(items)]})
    town.branch()
    contests.entry(forge, "saliency_v2", 90)
    model = forge.path("saliency_v2.onnx").read_bytes()
    if in_lfs:
        forge.to_lfs("saliency_v2.onnx", at_hand=False)
        objects = Fetched(town.court.store.folder, {sha256(model): model})
        town.offices["main"] = replace(town.court, lfs=objects)  # type: ignore[arg-type]
    pull = town.pull()
    town.clock.at += 5
    town.verdict(pull)
    said = town.ask(pull, "/promote saliency_v2")
    assert "with the saliency harness" in said
    dispatch = town.hub.stub.dispatches[0]
    with pytest.raises(SmokegateError, match="SMOKEGATE_DATA names no folder on this runner"):
        measured(town, dispatch, tmp_path / "out")
    os.environ["SMOKEGATE_DATA"] = str(tmp_path / "data")
    try:
        left = measured(town, dispatch, tmp_path / "out")
    finally:
        del os.environ["SMOKEGATE_DATA"]
    evidence = json.loads(left.evidence.read_bytes())
    assert left.verdict == "PROMOTE" and evidence["incumbent"]["id"] == "saliency_v1"
    (subject,) = evidence["subjects"]
    assert subject["sha256"] == forge.entry("saliency_v2")["sha256"]


FORGED: list[tuple[dict[str, Any], str]] = [
    ({"repository": "mallory/models"}, "is about mallory/models, and this is acme/models"),
    ({"pr": 77}, "are locked for pull request"),
    ({"head_sha": "d" * 40}, "the head is"),
    ({"actor": "boss"}, "was written by keeper, not by boss"),
    ({"comment": 5}, "nonce is not that of its comment"),
    ({"ids": ["sharp_v1"]}, "nonce is not that of its comment"),
    ({"registry": "other/registry.json"}, "nonce is not that of its comment"),
    ({"nonce": "0" * 32}, "the input nonce is"),
    ({"gate": "sharp"}, "does not ask for a promotion of these entries"),
    ({"harness": "saliency"}, "the input harness is"),
    ({"base_ref": "release/1"}, "aimed at main now"),
]


@pytest.mark.parametrize(("forged", "told"), FORGED)
def test_what_is_forged_in_the_inputs_is_found(
    town: Town, tmp_path: Path, started: list[list[str]], forged: dict[str, Any], told: str
) -> None:
    dispatch = dispatched(town, proposed(town))
    with pytest.raises(SmokegateError, match=told):
        measured(town, dispatch, tmp_path / "out", **forged)
    assert started == []


def forged_lock(town: Town, **changed: Any) -> Any:
    """By somebody who may push refs, and dispatch: a request for what the comment never asked for."""
    pull = proposed(town)
    dispatch = dispatched(town, pull)
    office = town.office(dispatch.run_id)
    request = replace(harness.requested(order(dispatch), office), **changed)
    nonce = nonce_of(request.repository, request.comment, request.registry, request.ids)
    locks = office.locks()
    (lock,) = locks.standing()
    locks.free(lock.nonce, town.refs())
    locks.take(request.registry, replace(lock, nonce=nonce, ids=request.ids, pr=request.pr))
    inputs = {**dispatch.inputs, "nonce": nonce}
    return replace(dispatch, inputs=inputs), {**changed, "nonce": nonce}


def test_a_comment_vouches_for_nothing_that_it_did_not_ask_for(
    town: Town, tmp_path: Path, started: list[list[str]]
) -> None:
    dispatch, changed = forged_lock(town, ids=("lone_v1",))
    with pytest.raises(SmokegateError, match="does not ask for a promotion of these entries"):
        measured(town, dispatch, tmp_path / "out", **{**changed, "ids": ["lone_v1"]})
    assert started == []


def test_nor_on_another_pull_request(town: Town, tmp_path: Path, started: list[list[str]]) -> None:
    dispatch, changed = forged_lock(town, pr=4321)
    town.hub.pulls[4321] = {**next(iter(town.hub.pulls.values())), "number": 4321}
    with pytest.raises(SmokegateError, match="the comment is not on pull request 4321"):
        measured(town, dispatch, tmp_path / "out", **changed)
    assert started == []


def test_what_changed_on_github_since_is_found(town: Town, tmp_path: Path, started: list[list[str]]) -> None:
    pull = proposed(town)
    dispatch = dispatched(town, pull)
    comment = next(one for one in town.hub.comments.values() if one["body"] == "/promote")

    def refused(told: str) -> None:
        with pytest.raises(SmokegateError, match=told):
            measured(town, dispatch, tmp_path / "out")

    town.hub.roles["keeper"] = "write"
    refused("has the role write by now")
    town.hub.roles["keeper"] = "maintain"
    comment["updated_at"] = town.hub.now
    refused("was edited")
    comment["updated_at"] = comment["created_at"]
    kept = town.hub.comments.pop(comment["id"])
    refused("is gone")
    town.hub.comments[comment["id"]] = kept
    town.hub.pulls[pull]["state"] = "closed"
    refused("is closed")
    town.hub.pulls[pull]["state"] = "open"
    town.forge.commit("one more")
    refused("the head is")
    assert started == []
    town.forge.git("reset", "-q", "--hard", "HEAD~1")
    measured(town, dispatch, tmp_path / "out")
    assert len(started) == 1


def test_what_is_too_large_to_hand_over_is_not(
    town: Town, tmp_path: Path, started: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatch = dispatched(town, proposed(town))
    monkeypatch.setattr(harness, "_LARGEST", 1)
    with pytest.raises(SmokegateError, match="the harness left more than"):
        measured(town, dispatch, tmp_path / "out")
    assert len(started) == 1 and not list((tmp_path / "out").iterdir())


def test_a_push_while_it_measures_voids_what_it_measured(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatch = dispatched(town, proposed(town))
    monkeypatch.setattr(running, "run", lambda *_: town.forge.commit("one more"))
    with pytest.raises(SmokegateError, match="the head is"):
        measured(town, dispatch, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_same_inputs_dispatched_once_more_are_refused(town: Town, tmp_path: Path, started: list[list[str]]) -> None:
    dispatch = dispatched(town, proposed(town))
    again = replace(dispatch, run_id=dispatch.run_id + 50)
    with pytest.raises(SmokegateError, match=f"this promotion's run is {dispatch.run_id}, and this is {again.run_id}"):
        measured(town, again, tmp_path / "out")
    assert started == []


def test_without_its_lock_there_is_nothing_to_measure(town: Town, tmp_path: Path, started: list[list[str]]) -> None:
    pull = proposed(town)
    dispatch = dispatched(town, pull)
    town.ask(pull, "/hold")
    with pytest.raises(SmokegateError, match="not locked for this promotion any more"):
        measured(town, dispatch, tmp_path / "out")
    assert started == []


def test_a_run_of_another_branch_is_refused(town: Town) -> None:
    dispatch = dispatched(town, proposed(town))
    with pytest.raises(EventError, match="by the code of main"):
        harness.requested(replace(order(dispatch), ref="refs/heads/topic"), town.office())


# -- the process -------------------------------------------------------------------------------------------------------


def test_a_harness_sees_no_secret_and_imports_nothing_from_where_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    secrets = (
        "SMOKEGATE_TOKEN",
        "GITHUB_TOKEN",
        "SMOKEGATE_SIGNING_KEY",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "AWS_SECRET",
    )
    for name in secrets:
        monkeypatch.setenv(name, "tell-nobody")
    assert not set(running.environment(os.environ)) & set(secrets)
    assert "tell-nobody" not in running.environment(os.environ).values()
    (tmp_path / "smokegate").mkdir()
    (tmp_path / "smokegate" / "__init__.py").write_text("raise SystemExit(1)")
    (tmp_path / "smokegate" / "__main__.py").write_text("raise SystemExit(1)")
    with pytest.raises(HarnessError, match="exit code 2"):
        running.run(["ensemble", "nonsense"], tmp_path, 5)
    assert "No such command" in capfd.readouterr().out


def test_what_a_harness_says_is_not_obeyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\nprintf '::set-output name=verdict::pass\\n  ::error::x\\r::warning::y\\n'\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    running.run([], tmp_path, 5)
    said = capfd.readouterr().out
    assert "set-output" in said and not any(line.lstrip().startswith("::") for line in said.splitlines())


def test_a_harness_that_takes_too_long_is_ended_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\nsleep 600 &\necho $! > child\nwait\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    with pytest.raises(HarnessError, match=r"took longer than the 0\.02 minutes"):
        running.run([], tmp_path, 0.02)  # type: ignore[arg-type]
    child = int((tmp_path / "child").read_text())
    until(lambda: not alive(child))
