"""What is set up: files as they should be, settings as GitHub describes them, and nothing overwritten."""

from __future__ import annotations

import importlib.metadata
import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from forge import Forge
from github_side.openapi import description
from smokegate import cli
from smokegate.errors import PolicyError, UsageError
from smokegate.github.adoption import callers, setup
from smokegate.github.step import settings, whereabouts
from smokegate.policy import POLICY_NAME
from smokegate.policy_file import parse
from smokegate.policy_github import WorkflowFiles

COMMIT = "0123456789" * 4
SOURCE = f"acme/smokegate@{COMMIT}"
AT = callers.source(SOURCE, "0.1.0")
ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(sys.executable).parent


@pytest.fixture
def repo(forge: Forge) -> Path:
    forge.add("alpha_v1")
    forge.start()
    forge.git("remote", "add", "origin", "git@github.com:acme/models.git")
    return forge.root


def planned(repo: Path, *, branch: str | None = None, **wished: Any) -> setup.Plan:
    return setup.plan(setup.target(str(repo), "acme/models", branch), setup.Wish(AT, **{"app_id": 42, **wished}))


def test_everything_is_planned(repo: Path) -> None:
    plan = planned(repo)
    workflows = [f"{callers.FOLDER}/{one.calls}" for one in callers.CALLERS]
    rules = [".github/smokegate/environment.json", ".github/smokegate/ruleset.json"]
    assert [one.path for one in plan.files] == [POLICY_NAME, *workflows, *rules]
    assert plan.target.branch == "main"
    assert [one.text for one in plan.files[1:-2]] == list(callers.whole(AT, WorkflowFiles()).values())


def test_jobs_with_a_key_are_the_repositorys_own(repo: Path) -> None:
    """A called workflow of another owner is not given an environment's secrets, whoever names them."""
    for file in planned(repo).files[1:-2]:
        ours = (ROOT / file.path).read_text()
        assert file.text == ours.replace("$/.github/actions/smokegate", f"acme/smokegate@{COMMIT} # v0.1.0")
        assert "$/" not in file.text


def test_one_may_call_instead(repo: Path) -> None:
    for one, file in zip(callers.CALLERS, planned(repo, call=True).files[1:-2], strict=True):
        assert f"acme/smokegate/.github/workflows/{one.calls}@{COMMIT} # v0.1.0" in file.text


def test_another_owners_workflows_are_not_called(repo: Path) -> None:
    away = callers.source(f"elsewhere/smokegate@{COMMIT}", "0.1.0")
    at = setup.target(str(repo), "acme/models", None)
    with pytest.raises(UsageError, match="gets no runner and no environment's secret of acme"):
        setup.plan(at, setup.Wish(away, call=True))
    assert setup.plan(at, setup.Wish(away)).files


def test_what_is_written_is_without_fault(repo: Path) -> None:
    plan = planned(repo)
    setup.write(plan)
    told = [str(TOOLS / "zizmor"), "--offline", "--strict-collection", "--no-progress", "--quiet", ".github"]
    subprocess.run(told, cwd=repo, check=True, timeout=120)
    files = [one.path for one in plan.files if one.path.startswith(callers.FOLDER)]
    told = [str(TOOLS / "check-jsonschema"), "--quiet", "--builtin-schema", "vendor.github-workflows", *files]
    subprocess.run(told, cwd=repo, check=True, timeout=120)


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


def test_owners_are_named_in_a_new_policy(repo: Path) -> None:
    """Without one, the first change of the policy after this can never be merged."""
    assert planned(repo).missing_owners
    plan = planned(repo, owners=("ana", "acme/model-owners"))
    setup.write(plan)
    assert parse((repo / POLICY_NAME).read_bytes(), POLICY_NAME).policy.owners == ("ana", "acme/model-owners")
    assert not plan.missing_owners and not planned(repo).missing_owners


def test_an_owner_that_is_none_is_refused(repo: Path) -> None:
    with pytest.raises(PolicyError, match="owners"):
        planned(repo, owners=("x]\nunattested: allow\n#",))


def test_a_policy_beside_the_registry_is_the_one(repo: Path) -> None:
    place = repo / "model" / "tiny" / POLICY_NAME
    place.write_text("schema_version: 1\nowners: [ana]\n")
    plan = planned(repo)
    assert not plan.missing_owners and POLICY_NAME not in [one.path for one in plan.files]


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
    assert "# The policy names no owners" in out
    assert f"--write would write {callers.FOLDER}/registry-check.yml: " in out
    assert not (repo / callers.FOLDER).exists()


def test_the_command_writes(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = ["github", "setup", "--repo", str(repo), "--source", SOURCE, "--repository", "acme/models", "--write"]
    assert cli.run([*told, "--owner", "ana", "--owner", "acme/model-owners"]) == 0
    assert "wrote .github/workflows/registry-verdict.yml" in (out := capsys.readouterr().out)
    assert "names no owners" not in out
    assert (repo / POLICY_NAME).is_file()
    assert cli.run(told) == 0
    assert ".github/workflows/registry-verdict.yml is as it should be" in (out := capsys.readouterr().out)
    assert "wrote" not in out


def test_what_is_printed_is_a_script_that_sets_it_all(
    repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = ["github", "setup", "--repo", str(repo), "--source", SOURCE, "--repository", "acme/models"]
    assert cli.run([*told, "--app-id", "42", "--branch", "a'$(touch pwned)`id`"]) == 0
    fake = tmp_path / "gh"
    fake.write_text('#!/bin/sh\necho "$@" >> asked\ncat > /dev/null\n')
    fake.chmod(0o755)
    (tmp_path / "app.private-key.pem").write_text("")
    script = capsys.readouterr().out
    ran = subprocess.run(
        ["sh", "-e"],
        input=script,
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    asked = (tmp_path / "asked").read_text().splitlines()
    assert ran.stdout + ran.stderr == "" and not (tmp_path / "pwned").exists()
    assert [one.split()[0] for one in asked] == ["api"] * 6 + ["secret"]


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
