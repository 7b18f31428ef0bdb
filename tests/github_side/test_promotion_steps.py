"""The steps of a promotion as processes that meet what they cannot do: exit 2, and it stands on the step's page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forge import Forge
from github_side.emulator import ACTIONS, OWNER, REPOSITORY
from github_side.git_server import GitServer
from github_side.hub import Hub, Served
from github_side.test_steps import FILE_KEEPS, Runner, server  # noqa: F401 - a fixture
from github_side.world import REPO, open_pull
from smokegate.commands.github import command as group

HERE = {"id": 1, "full_name": REPOSITORY, "default_branch": "main"}
ANA = {"login": "keeper", "id": 5, "type": "User"}


@pytest.fixture
def runner(server: GitServer, served: Served, tmp_path: Path) -> Iterator[Runner]:  # noqa: F811
    yield Runner(tmp_path / "runner", server.url, served.url)


def comment(body: str, number: int = 7, made_as: int = 99) -> dict[str, Any]:
    made = {
        "id": made_as,
        "body": body,
        "user": ANA,
        "html_url": "https://github.com/x",
        "performed_via_github_app": None,
    }
    when = {"created_at": "2026-05-01T10:00:00Z", "updated_at": "2026-05-01T10:00:00Z"}
    issue = {"number": number, "state": "open", "title": "x", "pull_request": {"url": "x"}}
    return {"action": "created", "repository": HERE, "sender": ANA, "comment": {**made, **when}, "issue": issue}


def dispatched(**inputs: str) -> dict[str, Any]:
    return {"repository": HERE, "sender": ANA, "ref": "refs/heads/main", "workflow": "x.yml", "inputs": inputs}


def test_what_is_no_command_costs_no_request(runner: Runner, hub: Hub, server: GitServer) -> None:  # noqa: F811
    done = runner.step("command", "issue_comment", comment("looks good"))
    assert (done.code, done.out.strip()) == (0, "no command")
    assert hub.asked == [] and server.seen == []


def test_where_the_policy_cannot_be_read_whoever_asked_hears_that(runner: Runner, hub: Hub, forge: Forge) -> None:
    number = open_pull(hub)
    forge.write("/.smokegate.yml", "gates: [")
    forge.commit("a policy that is none")
    asked = hub.as_(OWNER, "POST", f"{REPO}/issues/{number}/comments", {"body": "/promote"}).data["id"]
    for _ in range(2):
        done = runner.step("command", "issue_comment", comment("/promote", number, asked))
        assert done.code == 2 and "## Could not go on" in done.summary
    assert hub.stub.reactions == [(asked, "eyes", ACTIONS)]
    _, said = [one["body"] for one in hub.as_(OWNER, "GET", f"{REPO}/issues/{number}/comments").data]
    assert "**Could not go on** with this comment" in said and ".smokegate.yml" in said and "/actions/runs/7" in said
    assert runner.step("command", "issue_comment", comment("thanks", number)).out.strip() == "no command"


def test_a_forged_request_stops_on_the_runner(runner: Runner, hub: Hub) -> None:
    request = {
        "schema": "smokegate-promotion-v1",
        "repository": "mallory/models",
        "pr": 7,
        "base_ref": "main",
        "base_sha": "a" * 40,
        "head_sha": "b" * 40,
        "registry": "model/tiny/registry.json",
        "ids": ["alpha_v1"],
        "harness": "ensemble",
        "gate": "g",
        "policy_sha256": "0" * 64,
        "actor": "keeper",
        "comment": 99,
        "nonce": "0" * 32,
        "asked_at": "2026-05-01T10:00:00Z",
    }
    inputs = {"request": json.dumps(request), "nonce": "0" * 32, "harness": "ensemble"}
    for mode in ("harness", "finish"):
        done = runner.step(mode, "workflow_dispatch", dispatched(**inputs))
        assert done.code == 2 and "is about mallory/models, and this is acme/models" in done.err
        assert "## Could not go on" in done.summary and "mallory/models" in done.summary
    assert not [asked for asked in hub.asked if asked.verb != "GET" and asked.path != "/graphql"]


@pytest.mark.parametrize(
    ("mode", "event", "payload", "told"),
    [
        ("command", "schedule", {"repository": HERE, "schedule": "x"}, "this event is no comment"),
        ("harness", "schedule", {"repository": HERE, "schedule": "x"}, "asks for no promotion"),
        ("finish", "workflow_dispatch", dispatched(), "dispatched without a request"),
        ("finish", "workflow_dispatch", {**dispatched(), "ref": "refs/heads/topic"}, "by the code of main"),
    ],
)
def test_another_event_is_refused(runner: Runner, mode: str, event: str, payload: dict[str, Any], told: str) -> None:
    done = runner.step(mode, event, payload)
    assert done.code == 2 and told in done.err


def test_a_report_and_its_manifest_go_together(runner: Runner) -> None:
    done = runner.step("refresh", "workflow_dispatch", dispatched(), "--report", "x.json")
    assert done.code == 2 and "--report and --manifest go together" in done.err


def test_a_report_that_is_not_there_is_told(runner: Runner, hub: Hub, forge: Forge) -> None:
    forge.write_json("/.smokegate.yml", {"github": {"refresh": ["batches/corpora.json"]}})
    forge.commit("what is refreshed")
    arguments = ("--report", "smokegate-refresh.json", "--manifest", "batches/corpora.json")
    done = runner.step("refresh", "workflow_dispatch", dispatched(), *arguments)
    assert done.code == 1 and "The batch left none" in done.summary, done.err
    (issue,) = hub.as_(OWNER, "GET", f"{REPO}/issues", None).data
    assert issue["title"] == "Saliency coverage: batches/corpora.json" and issue["html_url"] in done.out


def test_a_refresh_without_manifests_starts_nothing(runner: Runner, hub: Hub) -> None:
    done = runner.step("refresh", "workflow_dispatch", dispatched())
    assert done.code == 0, done.err
    assert "No manifest is listed" in done.summary and hub.stub.dispatches == []


def test_a_repository_that_cannot_be_fetched_is_said(runner: Runner) -> None:
    runner.token = "ghp_nobody_has_this_one_000000000"  # noqa: S105
    done = runner.step("sweep", "schedule", {"repository": HERE, "schedule": "x"})
    assert done.code == 2 and "could not be fetched" in done.err and "could not be fetched" in done.summary
    assert "::error" in done.out


def test_a_broken_signing_key_is_said_and_not_shown(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("github_side.test_steps.FILE_KEEPS", (*FILE_KEEPS, "SMOKEGATE_SIGNING_KEY"))
    monkeypatch.setenv(
        "SMOKEGATE_SIGNING_KEY", "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANtellnobody\n-----END PRIVATE KEY-----"
    )
    done = runner.step("finish", "workflow_dispatch", dispatched())
    told = done.out + done.err + done.summary
    assert done.code == 2 and "SMOKEGATE_SIGNING_KEY cannot be used" in done.summary
    assert "tellnobody" not in told and "BEGIN" not in told


def test_every_mode_is_a_command() -> None:
    modes = group.list_commands(None)  # type: ignore[arg-type]
    assert {"command", "harness", "finish", "refresh", "sweep"} <= set(modes) and modes == sorted(modes)
    for mode in modes:
        found = group.get_command(None, mode)  # type: ignore[arg-type]
        assert found is not None and found.help and "Exit code 0" in found.help
