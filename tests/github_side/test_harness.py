"""On the runner: a request that is not what GitHub says is refused, and what is asked for is measured for real."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from forge import Forge, sha256
from github_side.promotions import (
    CORPUS,
    MEMBERS,
    NAME,
    POLICY,
    Town,
    dispatched,
    founded,
    measured,
    order,
    proposed,
)
from github_side.test_laying_out import Fetched
from processes import PATIENCE, alive, until
from runners.saliency import contests
from smokegate.errors import SmokegateError
from smokegate.github.measuring import artifact, harness, running
from smokegate.github.measuring.running import HarnessError
from smokegate.github.promotions.promote import nonce_of
from smokegate.github.step.events import EventError
from smokegate.review.check import Workbench


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
    forge: Forge, tmp_path: Path, bench: Workbench, in_lfs: bool, monkeypatch: pytest.MonkeyPatch
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
    with pytest.raises(SmokegateError, match="SMOKEGATE_DATA names no folder on this machine"):
        measured(town, dispatch, tmp_path / "out")
    orders: list[list[str]] = []
    run = running.run

    def recorded(arguments: list[str], folder: Path, minutes: int) -> None:
        orders.append(arguments)
        run(arguments, folder, minutes)

    monkeypatch.setattr(running, "run", recorded)
    monkeypatch.setenv("SMOKEGATE_DATA", str(tmp_path / "data"))
    left = measured(town, dispatch, tmp_path / "out")
    (order,) = orders
    assert order[order.index("--provider") + 1] == "cpu", "where a stranger's model is in the jail"
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


def test_nor_at_another_head_than_it_names(town: Town, tmp_path: Path, started: list[list[str]]) -> None:
    dispatch, changed = forged_lock(town)
    comment = next(one for one in town.hub.comments.values() if one["body"] == "/promote")
    comment["body"] = "/promote @" + "d" * 40
    with pytest.raises(SmokegateError, match="does not ask for a promotion of these entries at this head"):
        measured(town, dispatch, tmp_path / "out", **changed)
    assert started == []


def test_nor_for_a_bot_that_wrote_it(town: Town, tmp_path: Path, started: list[list[str]]) -> None:
    dispatch, changed = forged_lock(town)
    comment = next(one for one in town.hub.comments.values() if one["body"] == "/promote")
    comment["user"] = {**comment["user"], "type": "Bot"}
    with pytest.raises(SmokegateError, match="the comment was written by"):
        measured(town, dispatch, tmp_path / "out", **changed)
    assert started == []


def test_with_half_of_its_entries_let_go_it_does_not_run(town: Town, tmp_path: Path, started: list[list[str]]) -> None:
    dispatch = dispatched(town, proposed(town))
    town.hub.git.move(town.refs()[0], None)
    with pytest.raises(SmokegateError, match="not locked for this promotion any more"):
        measured(town, dispatch, tmp_path / "out")
    assert started == []


def test_a_base_that_lost_its_protection_is_found(town: Town, tmp_path: Path, started: list[list[str]]) -> None:
    town.forge.git("branch", "release/1", "main")
    pull = proposed(town)
    town.hub.pulls[pull]["base"]["ref"] = "release/1"
    dispatch = dispatched(town, pull)
    unprotected = town.court.settings.model_copy(update={"protected_bases": []})
    town.offices["main"] = replace(town.court, settings=unprotected)
    with pytest.raises(SmokegateError, match="release/1 is no protected base any more"):
        measured(town, dispatch, tmp_path / "out")
    assert started == []


def test_corpus_and_policy_are_the_target_branchs(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a pull request proposes as either judges nothing."""
    given: dict[str, bytes] = {}

    def run(arguments: list[str], folder: Path, minutes: int) -> None:
        for name in ("--corpus", "--policy"):
            given[name] = (folder / arguments[arguments.index(name) + 1]).read_bytes()
        (folder / "out").mkdir()
        (folder / "out" / "HOLD.json").write_text("{}")

    monkeypatch.setattr(running, "run", run)
    ours = {name: town.forge.path(name).read_bytes() for name in (f"/{CORPUS}", "/.smokegate.yml")}
    town.branch()
    town.forge.path(f"/{CORPUS}").write_text("easy rows\n")
    town.forge.write_json("/.smokegate.yml", {**POLICY, "unattested": "allow", "owners": ["writer"]})
    for member in MEMBERS:
        town.forge.entry(member)["smoke"] = False
    pull = town.pull()
    town.clock.at += 5
    town.verdict(pull)
    assert "Started" in town.ask(pull, f"/promote {NAME}")
    measured(town, town.hub.stub.dispatches[-1], tmp_path / "out")
    assert given == {"--corpus": ours[f"/{CORPUS}"], "--policy": ours["/.smokegate.yml"]}


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
    monkeypatch.setattr(artifact, "LARGEST", 1)
    with pytest.raises(SmokegateError, match="the harness left more than"):
        measured(town, dispatch, tmp_path / "out")
    assert len(started) == 1 and not list((tmp_path / "out").iterdir())


def test_what_an_earlier_promotion_left_on_the_machine_does_not_go_along(
    town: Town, tmp_path: Path, started: list[list[str]]
) -> None:
    dispatch, out = dispatched(town, proposed(town)), tmp_path / "smokegate-promotion"
    measured(town, dispatch, out)
    (out / "PROMOTE.json").write_text("{}")
    (out / "old_ensemble_v0.json").write_text("{}")
    assert measured(town, dispatch, out).verdict == "HOLD"
    assert sorted(one.name for one in out.iterdir()) == ["HOLD.json", "request.json"]
    (out / "HOLD.json").rename(tmp_path / "kept")
    (out / "request.json").unlink()
    measured(town, dispatch, out)
    (out / "request.json").unlink()
    with pytest.raises(SmokegateError, match="has files in it that no promotion left"):
        measured(town, dispatch, out)
    assert (out / "HOLD.json").is_file()


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
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\nenv\n")
    script.chmod(0o755)
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", str(script))
        running.run([], tmp_path, 5)
    said = capfd.readouterr().out
    assert "PATH=" in said and "tell-nobody" not in said
    (tmp_path / "smokegate").mkdir()
    (tmp_path / "smokegate" / "__init__.py").write_text("raise SystemExit(1)")
    (tmp_path / "smokegate" / "__main__.py").write_text("raise SystemExit(1)")
    with pytest.raises(HarnessError, match="exit code 2"):
        running.run(["ensemble", "nonsense"], tmp_path, 5)
    assert "No such command" in capfd.readouterr().out


def test_what_a_cancelled_job_leaves_running_can_be_found() -> None:
    """The runner ends whatever bears the job's id, and nothing else."""
    given = {"RUNNER_TRACKING_ID": "github_1", "PATH": "/bin"}
    assert running.environment({**given, "RUNNER_TEMP": "/w", "GITHUB_ENV": "/x", "SSH_AUTH_SOCK": "/y"}) == given


INTERRUPTED = """
import sys
from pathlib import Path
from smokegate.github.measuring import running
sys.executable = sys.argv[1]
running.run([], Path(sys.argv[2]), 10)
"""


def test_a_cancelled_job_ends_its_harness(tmp_path: Path) -> None:
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\nsleep 600 &\necho $! > part && mv part child\nwait\n")
    script.chmod(0o755)
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(script), str(tmp_path)], stderr=subprocess.PIPE
    ) as it:
        until((tmp_path / "child").is_file)
        it.send_signal(signal.SIGINT)
        assert b"KeyboardInterrupt" in it.communicate(timeout=PATIENCE)[1]
    until(lambda: not alive(int((tmp_path / "child").read_text())))


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
