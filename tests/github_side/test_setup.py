"""What is set up: files as they should be, settings as GitHub describes them, and nothing overwritten."""

from __future__ import annotations

import importlib.metadata
import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from forge import Forge
from github_side.openapi import description
from smokegate import cli
from smokegate.errors import UsageError
from smokegate.github import callers, settings, setup, whereabouts
from smokegate.policy import POLICY_NAME

COMMIT = "0123456789" * 4
SOURCE = f"acme/smokegate@{COMMIT}"


@pytest.fixture
def repo(forge: Forge) -> Path:
    forge.add("alpha_v1")
    forge.start()
    forge.git("remote", "add", "origin", "git@github.com:acme/models.git")
    return forge.root


def planned(repo: Path, *, app_id: int | None = 42, branch: str | None = None) -> setup.Plan:
    target = setup.target(str(repo), "acme/models", branch)
    return setup.plan(target, callers.source(SOURCE, "0.1.0"), app_id, None)


def test_everything_is_planned(repo: Path) -> None:
    plan = planned(repo)
    workflows = [f"{callers.FOLDER}/{one.calls}" for one in callers.CALLERS]
    rules = [".github/smokegate/environment.json", ".github/smokegate/ruleset.json"]
    assert [one.path for one in plan.files] == [POLICY_NAME, *workflows, *rules]
    assert plan.target.branch == "main"
    assert all(
        f"acme/smokegate/.github/workflows/{one.calls}@{COMMIT} # v0.1.0" in text
        for one, text in zip(callers.CALLERS, [file.text for file in plan.files[1:-2]], strict=True)
    )


def test_every_request_is_as_github_describes_it(repo: Path) -> None:
    (repo / POLICY_NAME).write_text("schema_version: 1\ngithub: {protected_bases: ['release/*']}\n")
    calls = planned(repo).calls
    assert len(calls) == 6
    for call in calls:
        assert description().faults_of_request(call.verb, f"/{call.path}", {}, call.body) == [], call.path


def test_the_rules_require_the_apps_check_on_the_latest_base(repo: Path) -> None:
    (repo / POLICY_NAME).write_text(
        "schema_version: 1\ngithub: {protected_bases: ['release/*'], check_name: registry}\n"
    )
    body: Any = next(call.body for call in planned(repo).calls if call.path.endswith("/rulesets"))
    rules = {rule["type"]: rule.get("parameters", {}) for rule in body["rules"]}
    assert body["conditions"]["ref_name"]["include"] == ["~DEFAULT_BRANCH", "refs/heads/release/*"]
    assert rules["required_status_checks"] == {
        "strict_required_status_checks_policy": True,
        "required_status_checks": [{"context": "registry", "integration_id": 42}],
    }
    assert rules["pull_request"]["require_last_push_approval"] is True
    assert rules["pull_request"]["dismiss_stale_reviews_on_push"] is True
    assert rules["pull_request"]["required_approving_review_count"] == 1
    assert (body["enforcement"], body["bypass_actors"]) == ("active", [])


def test_settings_are_files_as_well(repo: Path) -> None:
    plan = planned(repo)
    setup.write(plan)
    bodies = {call.path.rpartition("/")[2]: call.body for call in plan.calls}
    assert json.loads((repo / ".github/smokegate/ruleset.json").read_text()) == bodies["rulesets"]
    assert json.loads((repo / ".github/smokegate/environment.json").read_text()) == bodies[settings.GPU_ENVIRONMENT]


def test_without_an_app_nothing_is_required(repo: Path) -> None:
    plan = planned(repo, app_id=None)
    assert not any(one.path.endswith("ruleset.json") for one in plan.files)
    assert plan.missing_app
    assert {call.path.rpartition("/")[2] for call in plan.calls} == {
        *settings.ENVIRONMENTS,
        "deployment-branch-policies",
    }


def test_each_environment_is_one_branchs_alone(repo: Path) -> None:
    calls = [call for call in planned(repo, branch="trunk").calls if "/environments/" in call.path]
    for name in settings.ENVIRONMENTS:
        mine = [call for call in calls if name in call.path.split("/") and "variables" not in call.path]
        assert [call.body for call in mine] == [settings.ONE_BRANCH, {"name": "trunk", "type": "branch"}]


def test_names_of_workflows_are_the_policys(repo: Path) -> None:
    (repo / POLICY_NAME).write_text("schema_version: 1\ngithub: {workflows: {harness: mine.yml}}\n")
    paths = [one.path for one in planned(repo).files]
    assert f"{callers.FOLDER}/mine.yml" in paths
    assert f"{callers.FOLDER}/{callers.HARNESS}" not in paths
    assert POLICY_NAME not in paths


def test_a_shell_takes_a_body_as_it_is(tmp_path: Path) -> None:
    """Somebody's branch is called that, and the command is pasted into a terminal."""
    fake = tmp_path / "gh"
    fake.write_text("#!/bin/sh\nshift\nprintf '%s\\n' \"$@\"\ncat\n")
    fake.chmod(0o755)
    hostile = "$(touch pwned) `id` '; id\n\nJSON\nid\n"
    call = setup.Call("why", "POST", "repos/a/b$(id)/x", {"name": hostile})
    ran = subprocess.run(
        ["bash", "-c", call.command()],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    *told, body = ran.stdout.partition("{")[::2]
    assert shlex.join(told[0].split()) == shlex.join(["--method", "POST", "repos/a/b$(id)/x", "--input", "-"])
    assert json.loads("{" + body) == {"name": hostile}
    assert not (tmp_path / "pwned").exists()


# -- writing -------------------------------------------------------------------------------------------------------


def test_files_are_written_once_and_nothing_is_touched(repo: Path) -> None:
    mine = repo / callers.FOLDER / callers.PROMOTE
    mine.parent.mkdir(parents=True)
    mine.write_text("mine\n")
    written = setup.write(planned(repo))
    assert mine.read_text() == "mine\n" and f"{callers.FOLDER}/{callers.PROMOTE}" not in written
    assert len(written) == len(callers.CALLERS) + 2
    assert setup.write(planned(repo)) == []
    assert [one.path for one in planned(repo).files if one.there] == [f"{callers.FOLDER}/{callers.PROMOTE}"]
    assert not list(repo.rglob("*.part"))


def test_a_link_leads_nowhere_else(repo: Path, tmp_path: Path) -> None:
    (repo / ".github").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(UsageError, match="is a link"):
        setup.write(planned(repo))
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_dangling_link_is_there_already(repo: Path, tmp_path: Path) -> None:
    place = repo / callers.FOLDER / callers.SWEEP
    place.parent.mkdir(parents=True)
    place.symlink_to(tmp_path / "nowhere")
    assert f"{callers.FOLDER}/{callers.SWEEP}" not in setup.write(planned(repo))
    assert not (tmp_path / "nowhere").exists()


# -- the command ---------------------------------------------------------------------------------------------------


def test_the_command_prints(repo: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    assert cli.run(["github", "setup", "--repo", str(repo), "--source", SOURCE, "--app-id", "42"]) == 0
    out = capsys.readouterr().out
    assert "gh api --method POST repos/acme/models/rulesets" in out
    assert f"# {callers.FOLDER}/registry-check.yml\nname: registry-check" in out
    assert not (repo / callers.FOLDER).exists()


def test_the_command_writes(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = ["github", "setup", "--repo", str(repo), "--source", SOURCE, "--repository", "acme/models", "--write"]
    assert cli.run(told) == 0
    assert "wrote .github/workflows/registry-verdict.yml" in capsys.readouterr().out
    assert (repo / POLICY_NAME).is_file()
    assert cli.run(told) == 0
    assert "wrote" not in capsys.readouterr().out


def test_where_smokegate_is_must_be_said(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["github", "setup", "--repo", str(repo), "--source", "acme/smokegate@main"]) == 2
    assert "--source OWNER/smokegate@COMMIT" in capsys.readouterr().err


# -- whereabouts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "git@github.com:acme/models.git",
        "ssh://git@github.com/acme/models",
        "https://github.com/acme/models.git",
        "https://token@github.com/acme/models/",
        "git@ghe.acme.example:acme/models",
    ],
)
def test_origin_says_which_repository(repo: Path, address: str) -> None:
    subprocess.run(["git", "-C", str(repo), "remote", "set-url", "origin", address], check=True)
    assert whereabouts.origin(str(repo)) == "acme/models"


@pytest.mark.parametrize(
    "address", ["/srv/models.git", "https://github.com/models", "../a/b", "https://github.com/a/b/c", "x"]
)
def test_an_origin_that_is_none_is_said(repo: Path, address: str) -> None:
    subprocess.run(["git", "-C", str(repo), "remote", "set-url", "origin", address], check=True)
    with pytest.raises(UsageError) as caught:
        whereabouts.origin(str(repo))
    assert caught.value.fix == "--repository OWNER/NAME"


@pytest.mark.parametrize("name", ["acme", "acme/..", "acme/models/x", "$(id)/x", "acme/models\n", "-x/y"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="no repository on GitHub"):
        whereabouts.checked(name)


def test_an_installation_from_git_says_where_it_is_from(monkeypatch: pytest.MonkeyPatch) -> None:
    said: dict[str, Any] = {"url": "https://github.com/acme/smokegate.git", "vcs_info": {"commit_id": COMMIT}}

    class Installed:
        def read_text(self, name: str) -> str | None:
            assert name == "direct_url.json"
            return json.dumps(said)

    monkeypatch.setattr(importlib.metadata, "distribution", lambda _: Installed())
    assert whereabouts.installed_from() == SOURCE
    for broken in ({}, {"url": "file:///srv/smokegate", "dir_info": {}}, {"url": 3, "vcs_info": {"commit_id": COMMIT}}):
        said.clear()
        said.update(broken)
        with pytest.raises(UsageError, match="does not say which repository"):
            whereabouts.installed_from()
