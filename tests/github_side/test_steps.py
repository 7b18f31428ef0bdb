"""The steps as a workflow runs them: a process each, with GitHub's environment, its event and its files."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from forge import Forge
from github_side.emulator import ACTIONS, APP_ID, INSTALLATION, OWNER, REPOSITORY, TOKENS, Emulator
from github_side.git_server import GitServer, serving
from github_side.hub import Hub, Served
from github_side.world import REPO, open_pull

FILE_KEEPS = ("PATH", "HOME", "PYTHONPATH", "LANG")


@dataclass
class Runner:
    """A machine that runs one step after another, and the files it hands to each."""

    folder: Path
    git_url: str
    api_url: str
    token: str = TOKENS[ACTIONS]
    steps: int = 0

    def step(self, mode: str, event: str, payload: dict[str, Any], *arguments: str, **environment: str) -> Ran:
        self.steps += 1
        here = self.folder / f"step-{self.steps}"
        here.mkdir(parents=True)
        (here / "event.json").write_text(json.dumps(payload))
        given = {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": "writer",
            "GITHUB_API_URL": self.api_url,
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(here / "event.json"),
            "GITHUB_OUTPUT": str(here / "output"),
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_RUN_ID": "7",
            "GITHUB_SERVER_URL": self.git_url,
            "GITHUB_SHA": "0" * 40,
            "GITHUB_STEP_SUMMARY": str(here / "summary"),
            "SMOKEGATE_TOKEN": self.token,
            **environment,
        }
        kept = {name: os.environ[name] for name in FILE_KEEPS if name in os.environ}
        done = subprocess.run(
            [sys.executable, "-m", "smokegate", "github", mode, *arguments],
            cwd=self.folder,
            env={**kept, **given},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        read = {name: (here / name).read_text() if (here / name).exists() else "" for name in ("output", "summary")}
        assert self.token not in done.stdout + done.stderr + "".join(read.values())
        return Ran(done.returncode, done.stdout, done.stderr, read["summary"], _outputs(read["output"]))


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str
    summary: str
    outputs: dict[str, str]


def _outputs(text: str) -> dict[str, str]:
    found, lines = {}, iter(text.splitlines())
    for line in lines:
        name, _, delimiter = line.partition("<<")
        value = []
        for part in lines:
            if part == delimiter:
                break
            value.append(part)
        found[name] = "\n".join(value)
    return found


@pytest.fixture
def server(forge: Forge, tmp_path: Path) -> Iterator[GitServer]:
    """The same bytes that the forge has, under the name that GitHub gives them."""
    forge.add("alpha_v1")
    forge.start()
    place = tmp_path / "served" / REPOSITORY
    place.parent.mkdir(parents=True)
    place.symlink_to(forge.root / ".git")
    with serving(tmp_path / "served", TOKENS[ACTIONS]) as running:
        yield running


@pytest.fixture
def runner(server: GitServer, served: Served, tmp_path: Path) -> Runner:
    return Runner(tmp_path / "runner", server.url, served.url)


def pull_event(forge: Forge, hub: Hub, number: int, head: str) -> dict[str, Any]:
    return {
        "action": "opened",
        "repository": {"id": 1, "full_name": REPOSITORY, "default_branch": "main"},
        "sender": {"login": "writer", "id": 5, "type": "User"},
        "pull_request": {
            "number": number,
            "state": "open",
            "title": "::set-output name=verdict::pass",
            "user": {"login": "writer", "id": 5, "type": "User"},
            "head": {"sha": head, "ref": "$(id)", "repo": {"full_name": REPOSITORY}},
            "base": {"sha": forge.base, "ref": "main", "repo": {"full_name": REPOSITORY}},
        },
    }


def run_event(head: str) -> dict[str, Any]:
    return {
        "action": "completed",
        "repository": {"id": 1, "full_name": REPOSITORY, "default_branch": "main"},
        "sender": {"login": "writer", "id": 5, "type": "User"},
        "workflow": {"path": ".github/workflows/registry-check.yml"},
        "workflow_run": {
            "id": 6,
            "name": "registry-check",
            "event": "pull_request",
            "status": "completed",
            "conclusion": "success",
            "run_attempt": 1,
            "head_sha": head,
            "head_branch": "topic",
            "head_repository": {"full_name": REPOSITORY},
            "display_title": "x",
            "html_url": "https://github.com/x",
            "pull_requests": [],
        },
    }


Propose = Callable[[], tuple[int, str]]


@pytest.fixture
def propose(forge: Forge, hub: Hub) -> Propose:
    """What stands in the forge as a pull request: its number, and its head."""

    def proposed() -> tuple[int, str]:
        forge.save()
        forge.git("switch", "-q", "-c", "topic")
        head = forge.commit("proposal")
        number = open_pull(hub)
        hub.stub.heads[number] = head
        forge.git("update-ref", f"refs/pull/{number}/head", head)
        return number, head

    return proposed


@pytest.fixture
def bad(forge: Forge, propose: Propose) -> Propose:
    """A change that is blocked."""

    def proposed() -> tuple[int, str]:
        forge.registry["models"][0]["sha256"] = "0" * 64
        return propose()

    return proposed


def test_the_check_of_a_sound_pull_request(runner: Runner, forge: Forge, hub: Hub, propose: Propose) -> None:
    forge.add("beta_v1")
    done = runner.step("check", "pull_request", pull_event(forge, hub, *propose()), "--report", "report.json")
    assert (done.code, done.outputs) == (0, {"verdict": "pass", "report": "report.json"}), done.err
    assert "new smoke entry" in done.summary and "smokegate: PASS" in done.out
    assert json.loads((runner.folder / "report.json").read_text())["verdict"] == "pass"
    assert hub.asked == []


def test_the_check_of_a_bad_one_annotates_it(runner: Runner, forge: Forge, hub: Hub, propose: Propose) -> None:
    forge.registry["models"][0]["sha256"] = "0" * 64
    done = runner.step("check", "pull_request", pull_event(forge, hub, *propose()))
    assert (done.code, done.outputs) == (1, {"verdict": "block"})
    assert "::error file=model/tiny/registry.json,line=" in done.out and "SG202" in done.summary


def test_what_cannot_be_judged_is_exit_2(runner: Runner, forge: Forge, hub: Hub) -> None:
    done = runner.step("check", "pull_request", pull_event(forge, hub, 7, "d" * 40))
    assert (done.code, done.outputs) == (2, {"verdict": "cannot-judge"})
    assert "could not be fetched" in done.out and "CANNOT BE JUDGED" in done.summary


def test_a_verdict_from_two_jobs(runner: Runner, forge: Forge, hub: Hub, propose: Propose) -> None:
    forge.registry["models"][0]["sha256"] = "0" * 64
    number, head = propose()
    judged = runner.step("judge", "workflow_run", run_event(head), "--out", "verdict.json")
    assert (judged.code, judged.outputs) == (0, {"report": "verdict.json"}), judged.err
    assert not [asked for asked in hub.asked if asked.verb != "GET"]
    told = runner.step("publish", "workflow_run", run_event(head), "--verdict", "verdict.json")
    assert (told.code, told.outputs) == (0, {"verdict": "block"}), told.err
    (check,) = hub.stub.checks.values()
    assert (check["name"], check["conclusion"], check["head_sha"]) == ("smokegate", "failure", head)
    ((comment),) = hub.as_(OWNER, "GET", f"{REPO}/issues/{number}/comments").data
    assert "SG202" in comment["body"]


def test_an_artifact_of_another_head_is_not_published(runner: Runner, forge: Forge, hub: Hub, propose: Propose) -> None:
    forge.add("beta_v1")
    _, head = propose()
    runner.step("judge", "workflow_run", run_event(head), "--out", "verdict.json")
    told = runner.step("publish", "workflow_run", run_event("e" * 40), "--verdict", "verdict.json")
    assert told.code == 2 and "and this run about" in told.err
    assert hub.stub.checks == {}


def test_what_an_earlier_attempt_found_is_not_published(
    runner: Runner, forge: Forge, hub: Hub, propose: Propose
) -> None:
    """Run again alone, the job that publishes would bring back a verdict that the base may have left behind."""
    forge.add("beta_v1")
    _, head = propose()
    runner.step("judge", "workflow_run", run_event(head), "--out", "verdict.json")
    for name in ("GITHUB_RUN_ATTEMPT", "GITHUB_RUN_ID"):
        told = runner.step("publish", "workflow_run", run_event(head), "--verdict", "verdict.json", **{name: "2"})
        assert told.code == 2 and "earlier attempt" in told.err and "Re-run all jobs" in told.err
    assert hub.stub.checks == {}


@pytest.mark.parametrize("app", [False, True])
def test_a_verdict_is_four_requests_and_two_for_an_apps_token(
    app: bool, runner: Runner, hub: Hub, bad: Propose, emulator: Emulator
) -> None:
    """Both jobs together: docs/github.md has the table."""
    number, head = bad()
    hub.asked.clear()
    runner.step("judge", "workflow_run", run_event(head), "--out", "verdict.json")
    ours = {"SMOKEGATE_WORKFLOW_TOKEN": runner.token}
    if app:
        ours |= {"SMOKEGATE_APP_ID": str(APP_ID), "SMOKEGATE_PRIVATE_KEY": emulator.private_key}
    told = runner.step("publish", "workflow_run", run_event(head), "--verdict", "verdict.json", **ours)
    assert told.code == 0, told.err
    assert [f"{one.verb} {one.path.removeprefix(REPO)}" for one in hub.asked] == [
        f"GET /pulls/{number}",
        *(["GET /installation", f"POST /app/installations/{INSTALLATION}/access_tokens"] if app else []),
        f"GET /issues/{number}/comments",
        f"POST /issues/{number}/comments",
        "POST /check-runs",
    ]


def test_judged_and_published_in_one_step(runner: Runner, forge: Forge, hub: Hub, propose: Propose) -> None:
    forge.add("beta_v1")
    number, _ = propose()
    dispatched = {
        "repository": {"id": 1, "full_name": REPOSITORY, "default_branch": "main"},
        "sender": {"login": "writer", "id": 5, "type": "User"},
        "ref": "refs/heads/main",
        "workflow": ".github/workflows/registry-verdict.yml",
        "inputs": {"pull": str(number)},
    }
    done = runner.step("verdict", "workflow_dispatch", dispatched)
    assert (done.code, done.outputs["verdict"]) == (0, "pass"), done.err
    assert [check["conclusion"] for check in hub.stub.checks.values()] == ["success"]


def test_a_head_that_nobody_wants_any_more_is_quiet(runner: Runner, hub: Hub) -> None:
    done = runner.step("verdict", "workflow_run", run_event("e" * 40))
    assert (done.code, done.outputs["verdict"]) == (0, "pass"), done.err
    assert "no open pull request" in done.out and hub.stub.checks == {}


def test_no_process_that_is_started_inherits_the_token(
    runner: Runner, forge: Forge, hub: Hub, propose: Propose, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A git in front of git writes down what it is given, and hands on. Arguments anybody on the machine may read."""
    log, told = runner.folder / "environments", runner.folder / "arguments"
    fake = runner.folder / "bin" / "git"
    fake.parent.mkdir(parents=True)
    fake.write_text(
        f"#!/bin/sh\nenv >> '{log}'\necho \"$*\" >> '{told}'\nPATH='{os.environ['PATH']}' exec git \"$@\"\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    forge.add("beta_v1")
    done = runner.step("check", "pull_request", pull_event(forge, hub, *propose()))
    assert done.code == 0, done.err
    seen = log.read_text()
    assert "GITHUB_REPOSITORY" in seen and runner.token not in seen and "SMOKEGATE_TOKEN" not in seen
    encoded = base64.b64encode(f"x-access-token:{runner.token}".encode()).decode()
    assert encoded in seen and "fetch" in told.read_text()
    assert runner.token not in told.read_text() and encoded not in told.read_text()
