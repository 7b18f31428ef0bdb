"""The whole story, against the emulator, with every step a process of its own, as the workflows run them."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from forge import Forge
from github_side.emulator import ACTIONS, APP_ID, BOT, OWNER, REPOSITORY, TOKENS, Emulator
from github_side.exchange import Forward, Request, Response, answer, request
from github_side.git_server import serving
from github_side.hub import Hub, Served
from github_side.memory import InRepository, Memory
from github_side.promotions import MEMBERS, NAME, POLICY, with_corpus
from github_side.still_clock import StillClock
from github_side.stub import Stub
from github_side.test_steps import FILE_KEEPS, Ran, _outputs, run_event
from github_side.world import REPO
from smokegate.github.api import times
from smokegate.github.flips.finish import ARTIFACT
from smokegate.github.promotions.promotion import from_inputs


class OfOneRepository(Stub):
    """Git's data is that of the repository which git serves, so that what is written by the API can be fetched."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.git = Memory(InRepository(root), StillClock())
        self.git.stub = self
        self.git.people["A Maintainer"] = "writer"
        self.workflows |= {"registry-verdict.yml"}

    def answer(self, asked: Request, forward: Forward) -> Response | None:
        def on(asked: Request) -> Response:
            return self.git.forward(asked) if _of_git(asked) else forward(asked)

        if _of_git(asked):
            return self.git.forward(asked)
        if asked.verb == "GET" and asked.path.startswith(f"{REPO}/issues/comments/"):
            reply = forward(asked)
            return answer(200, _unedited(reply.data)) if reply.status == 200 else reply
        if (asked.verb, asked.path) == ("POST", f"{REPO}/pulls"):
            self._branched(asked, forward)
        return super().answer(asked, on)

    def _branched(self, asked: Request, forward: Forward) -> None:
        """The emulator opens no pull request of a branch that it does not know."""
        tip = forward(Request("GET", f"{REPO}/git/ref/heads/main", {}, asked.headers)).data["object"]["sha"]
        body = f'{{"ref": "refs/heads/{asked.data["head"]}", "sha": "{tip}"}}'.encode()
        headers = {"authorization": f"Bearer {TOKENS[OWNER]}", "content-type": "application/json"}
        forward(request("POST", f"{REPO}/git/refs", headers, body))


def _unedited(comment: dict[str, Any]) -> dict[str, Any]:
    """The emulator asks its clock twice, and GitHub once."""
    made, changed = (times.seconds(comment[name]) for name in ("created_at", "updated_at"))
    return {**comment, "updated_at": comment["created_at"]} if changed - made < 0.5 else comment


def _of_git(asked: Request) -> bool:
    return asked.path.startswith((f"{REPO}/git/", f"{REPO}/compare/"))


@dataclass
class Runners:
    folder: Path
    forge: Forge
    hub: Hub
    api_url: str
    git_url: str
    key: str
    steps: int = 0
    said: list[str] = field(default_factory=list)

    def step(
        self, mode: str, event: str, payload: dict[str, Any], *arguments: str, run: int = 7, app: bool = True
    ) -> Ran:
        """With the App's key where it may act for the App; on the GPU machine with the run's own token alone."""
        self.steps += 1
        here = self.folder / f"step-{self.steps}"
        here.mkdir(parents=True)
        (here / "event.json").write_text(json.dumps(payload))
        given = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": "keeper",
            "GITHUB_API_URL": self.api_url,
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(here / "event.json"),
            "GITHUB_OUTPUT": str(here / "output"),
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_RUN_ID": str(run),
            "GITHUB_SERVER_URL": self.git_url,
            "GITHUB_SHA": "0" * 40,
            "GITHUB_STEP_SUMMARY": str(here / "summary"),
            "GITHUB_TOKEN": TOKENS[ACTIONS],
            **({"SMOKEGATE_APP_ID": str(APP_ID), "SMOKEGATE_PRIVATE_KEY": self.key} if app else {}),
        }
        kept = {name: os.environ[name] for name in FILE_KEEPS if name in os.environ}
        done = subprocess.run(
            [sys.executable, "-m", "smokegate", "github", mode, *arguments],
            cwd=self.folder,
            env={**kept, **given},
            capture_output=True,
            text=True,
            check=False,
            timeout=500,
        )
        read = {name: (here / name).read_text() if (here / name).exists() else "" for name in ("output", "summary")}
        told = done.stdout + done.stderr + "".join(read.values())
        assert TOKENS[ACTIONS] not in told and "PRIVATE KEY" not in told
        return Ran(done.returncode, done.stdout, done.stderr, read["summary"], _outputs(read["output"]))

    def verdict(self, head: str) -> str:
        for pull in self.hub.as_(OWNER, "GET", f"{REPO}/pulls").data:
            self.forge.git("update-ref", f"refs/pull/{pull['number']}/head", pull["head"]["sha"])
        done = self.step("verdict", "workflow_run", run_event(head))
        assert done.code == 0, done.err
        return done.outputs["verdict"]

    def comment(self, pull: int, login: str, body: str) -> Ran:
        """At least a second after the verdict that it is about."""
        time.sleep(1.1)
        made = self.hub.as_(login, "POST", f"{REPO}/issues/{pull}/comments", {"body": body}).data
        made = _unedited(made)
        payload = {
            "action": "created",
            "repository": {"id": 1, "full_name": REPOSITORY, "default_branch": "main"},
            "sender": made["user"],
            "comment": {**made, "performed_via_github_app": None},
            "issue": {"number": pull, "state": "open", "pull_request": {"url": "x"}},
        }
        return self.step("command", "issue_comment", payload)

    def answers(self, pull: int) -> list[str]:
        """The bot's, but for its verdict."""
        found = self.hub.as_(OWNER, "GET", f"{REPO}/issues/{pull}/comments").data
        return [one["body"] for one in found if one["user"]["login"] == BOT and "smokegate:answer" in one["body"]]

    def dispatched(self, at: int) -> tuple[dict[str, Any], int]:
        one = self.hub.stub.dispatches[at]
        payload = {
            "repository": {"id": 1, "full_name": REPOSITORY, "default_branch": "main"},
            "sender": {"login": BOT, "id": 12, "type": "Bot"},
            "ref": "refs/heads/main",
            "workflow": ".github/workflows/gpu-harness.yml",
            "inputs": dict(one.inputs),
        }
        return payload, one.run_id

    def push(self) -> str:
        return self.forge.commit("one more")


@pytest.fixture
def runners(forge: Forge, served: Served, emulator: Emulator, tmp_path: Path) -> Iterator[Runners]:
    with_corpus(forge)
    forge.git("config", "uploadpack.allowAnySHA1InWant", "true")
    forge.add("old_v0")
    forge.write_json("/.smokegate.yml", POLICY)
    forge.start()
    hub = served.hub
    stub = OfOneRepository(forge.root)
    stub.store = hub.stub.store
    hub.stub = stub
    place = tmp_path / "served" / REPOSITORY
    place.parent.mkdir(parents=True)
    place.symlink_to(forge.root / ".git")
    with serving(tmp_path / "served", TOKENS[ACTIONS]) as git:
        yield Runners(tmp_path / "runner", forge, hub, served.url, git.url, emulator.private_key)


def zipped(folder: Path) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in sorted(folder.iterdir()):
            archive.write(one, one.name)
    return data.getvalue()


def test_from_a_pull_request_to_production(runners: Runners) -> None:
    forge, hub = runners.forge, runners.hub
    main = forge.git("rev-parse", "main")

    # An ensemble is proposed for production, and nothing shows that it is good.
    forge.git("switch", "-q", "-c", "topic")
    for member in MEMBERS:
        forge.add(member, smoke=False)
    forge.write_json(f"{NAME}.json", forge.manifest(NAME, *MEMBERS))
    head = forge.commit("an ensemble, for production at once")
    pull = int(
        hub.as_("writer", "POST", f"{REPO}/pulls", {"title": "An ensemble", "head": "topic", "base": "main"}).data[
            "number"
        ]
    )
    assert runners.verdict(head) == "needs-evidence"
    (check,) = hub.stub.checks.values()
    assert (check["conclusion"], check["app"]["id"], check["head_sha"]) == ("action_required", APP_ID, head)

    # Who may only read may not ask.
    assert runners.comment(pull, "reader", "/promote").code == 0
    assert "It takes the role `maintain`" in runners.answers(pull)[0] and hub.stub.dispatches == []

    # A maintainer may.
    done = runners.comment(pull, "keeper", f"The curves look right.\n\n/promote {NAME}\n")
    assert done.code == 0, done.err
    assert "Started" in runners.answers(pull)[1]
    event, run = runners.dispatched(0)
    assert from_inputs(event["inputs"]).ids == MEMBERS and hub.stub.dispatches[0].login == BOT

    # The harness trains for real, on a runner that has no key.
    hub.stub.start(run)
    measured = runners.step("harness", "workflow_dispatch", event, "--out", "left", run=run, app=False)
    assert (measured.code, measured.outputs["verdict"]) == (0, "promote"), measured.err + measured.out
    hub.stub.upload(run, ARTIFACT, zipped(runners.folder / "left"))
    told = runners.step("finish", "workflow_dispatch", event, run=run)
    assert (told.code, told.outputs["verdict"]) == (0, "promote"), told.err
    hub.stub.finish(run)
    outcome = runners.answers(pull)[2]
    assert "**PROMOTE**" in outcome and "xychart-beta" in outcome

    # The flip is one pull request of the bot's, which starts at the judged head, and never on main.
    (flip,) = [one for one in hub.as_(OWNER, "GET", f"{REPO}/pulls").data if one["number"] != pull]
    branch = f"smokegate/flip/{NAME}"
    assert (flip["user"]["login"], flip["head"]["ref"], flip["base"]["ref"]) == (BOT, branch, "main")
    assert f"/pull/{flip['number']}" in outcome and forge.git("rev-parse", f"{branch}^") == head
    assert forge.git("rev-parse", "main") == main

    # Its verdict passes but for another pair of eyes, as the bot opened it.
    flipped = forge.git("rev-parse", branch)
    assert runners.verdict(flipped) == "needs-owner"
    report = forge.check(head=branch)
    assert report.verdict.value == "pass" and report.self_attested

    # A push to the first pull request during a second promotion voids it.
    assert runners.comment(pull, "keeper", "/promote").code == 0
    assert "Started" in runners.answers(pull)[3]
    event, run = runners.dispatched(1)
    hub.stub.start(run)
    forge.git("switch", "-q", "topic")
    runners.push()
    refused = runners.step("harness", "workflow_dispatch", event, "--out", "again", run=run, app=False)
    assert refused.code == 2 and "the head is" in refused.err and "Could not go on" in refused.summary
    told = runners.step("finish", "workflow_dispatch", event, run=run)
    assert told.outputs["verdict"] == "void"
    assert "**Void" in runners.answers(pull)[4] and len(runners.answers(pull)) == 5
    assert not [ref for ref in InRepository(forge.root).refs() if ref.startswith("refs/smokegate/locks")]
    assert len(hub.as_(OWNER, "GET", f"{REPO}/pulls").data) == 2

    # Nothing is left to sweep.
    swept = runners.step("sweep", "schedule", {"repository": event["repository"], "schedule": "0 * * * *"})
    assert swept.code == 0 and "Nothing is under way" in swept.summary
