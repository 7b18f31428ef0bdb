"""The doctor: a repository that is set up as `setup` says is well; each thing taken away is missed."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forge import Forge
from github_side.conftest import ClientOf
from github_side.emulator import APP_ID, OWNER, REPOSITORY, TOKENS
from github_side.hub import Hub, Served
from smokegate import cli
from smokegate.github.adoption import callers, doctor
from smokegate.github.adoption.doctor import Patient, State, Told
from smokegate.github.api.faults import GitHubError
from smokegate.github.step import settings
from smokegate.policy_file import parse
from smokegate.policy_github import WorkflowFiles
from smokegate.sources.git import GitRepo

POLICY = """\
schema_version: 1
owners: [guild/owners]
github:
  corpora: {ensemble-plcc: corpus.jsonl}
"""
AT = callers.source(f"guild/smokegate@{'a' * 40}", "0.1.0")
CALLING = callers.files(AT, WorkflowFiles())
Break = Callable[[Hub, Path], None]


def set_up(hub: Hub, root: Path) -> None:
    """As `setup` says, and an admin did."""
    body = settings.ruleset("smokegate", APP_ID, ())
    hub.stub.rules["main"] = copy.deepcopy(body["rules"])
    for name in settings.ENVIRONMENTS:
        hub.stub.environments[name] = dict(settings.ONE_BRANCH)
        hub.stub.branch_policies[name] = ["main"]
    for path, text in callers.whole(AT, WorkflowFiles()).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (root / ".smokegate.yml").write_text(POLICY)


@pytest.fixture
def root(forge: Forge, hub: Hub) -> Path:
    forge.add("alpha_v1")
    forge.start()
    set_up(hub, forge.root)
    return forge.root


Examine = Callable[..., list[Told]]


@pytest.fixture
def examine(forge: Forge, root: Path, client_of: ClientOf) -> Examine:
    def examined(**changed: Any) -> list[Told]:
        _saved(forge)
        with GitRepo.discover(root) as repo:
            policy = parse((root / ".smokegate.yml").read_bytes(), ".smokegate.yml").policy
            patient = Patient(client_of("boss"), "main", repo.tree("HEAD"), policy, APP_ID)
            return list(doctor.examine(dataclasses.replace(patient, **changed)))

    return examined


def _saved(forge: Forge) -> None:
    forge.git("add", "-A")
    forge.git("commit", "-q", "--allow-empty", "-m", "as it is")


def lacking(found: list[Told]) -> list[Told]:
    return [one for one in found if one.state is not State.OK]


def test_a_repository_that_is_set_up_is_well(examine: Examine) -> None:
    found = examine()
    assert lacking(found) == []
    assert len(found) >= 12


def rule(kind: str, **parameters: object) -> Break:
    def broken(hub: Hub, root: Path) -> None:
        del root
        (found,) = (one for one in hub.stub.rules["main"] if one["type"] == kind)
        found["parameters"].update(parameters)

    return broken


def without(kind: str) -> Break:
    def broken(hub: Hub, root: Path) -> None:
        del root
        hub.stub.rules["main"] = [one for one in hub.stub.rules["main"] if one["type"] != kind]

    return broken


def environment(name: str, branches: list[str], **policy: bool) -> Break:
    def broken(hub: Hub, root: Path) -> None:
        del root
        hub.stub.branch_policies[name] = branches
        if policy:
            hub.stub.environments[name] = {"deployment_branch_policy": policy}

    return broken


def open_to_all(hub: Hub, root: Path) -> None:
    del root
    hub.stub.environments[settings.ENVIRONMENT] = {"deployment_branch_policy": None}


def gone(hub: Hub, root: Path) -> None:
    del root
    del hub.stub.environments[settings.GPU_ENVIRONMENT]


def evaluating(hub: Hub, root: Path) -> None:
    del root
    hub.stub.rulesets = [{"id": 1, "name": settings.RULESET, "enforcement": "evaluate", "source": REPOSITORY}]


def file(name: str, text: str | None) -> Break:
    def broken(hub: Hub, root: Path) -> None:
        del hub
        place = root / callers.FOLDER / name
        place.unlink()
        if text is not None:
            place.write_text(text)

    return broken


def policy(text: str) -> Break:
    def broken(hub: Hub, root: Path) -> None:
        del hub
        (root / ".smokegate.yml").write_text(text)

    return broken


CHECKS = "required_status_checks"
CASES: dict[str, tuple[Break, str]] = {
    "required of nobody": (
        rule(CHECKS, required_status_checks=[{"context": "smokegate"}]),
        "any workflow can write it",
    ),
    "of another app": (
        rule(CHECKS, required_status_checks=[{"context": "smokegate", "integration_id": 7}]),
        "is required of the App 7",
    ),
    "another name": (
        rule(CHECKS, required_status_checks=[{"context": "other", "integration_id": APP_ID}]),
        "does not require the check `smokegate`",
    ),
    "no checks": (without(CHECKS), "does not require the check `smokegate`"),
    "not strict": (rule(CHECKS, strict_required_status_checks_policy=False), "outlives the base"),
    "no pull requests": (without("pull_request"), "without a pull request"),
    "stale approvals": (rule("pull_request", dismiss_stale_reviews_on_push=False), "outlives the commit"),
    "last pusher approves": (rule("pull_request", require_last_push_approval=False), "who pushed last"),
    "no approvals": (rule("pull_request", required_approving_review_count=0), "no approval is required"),
    "deletion": (without("deletion"), "can be deleted"),
    "rewriting": (without("non_fast_forward"), "can be rewritten"),
    "evaluate only": (evaluating, "the ruleset smokegate is evaluate"),
    "environment for all": (open_to_all, "every branch may use the environment smokegate"),
    "for protected ones": (
        environment("smokegate", ["main"], protected_branches=True, custom_branch_policies=False),
        "every protected branch may use",
    ),
    "for one more": (environment("smokegate", ["main", "topic/*"]), "open to topic/* as well"),
    "for another": (environment("smokegate", ["master"]), "main may not use the environment smokegate"),
    "no environment": (gone, "there is no environment smokegate-gpu"),
    "no sweep": (file("sweep.yml", None), "there is no .github/workflows/sweep.yml on main"),
    "not pinned": (
        file("promote.yml", "jobs:\n  a:\n    uses: acme/smokegate/.github/workflows/promote.yml@main\n"),
        "takes acme/smokegate/.github/workflows/promote.yml from 'main'",
    ),
    "an action not pinned": (
        file(
            "sweep.yml", f"jobs:\n  a:\n    steps:\n      - uses: acme/smokegate@{'a' * 40}\n      - uses: 'b/c@v1'\n"
        ),
        "takes b/c from 'v1'",
    ),
    "a key for another owner's workflow": (
        file("sweep.yml", CALLING[f"{callers.FOLDER}/sweep.yml"]),
        "gets no runner and no environment's secret of acme",
    ),
    "no owners": (policy(POLICY.replace("owners: [guild/owners]\n", "")), "names no owners"),
    "self-attested": (policy(f"unattested: allow\n{POLICY}"), "evidence may vouch for itself"),
    "no corpus": (policy(POLICY.partition("github:")[0]), "no gate has a corpus"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_missing_is_said_with_what_mends_it(case: str, hub: Hub, root: Path, examine: Examine) -> None:
    broken, said = CASES[case]
    broken(hub, root)
    (found,) = lacking(examine())
    assert said in found.what
    assert found.fix


# -- a classic rule ----------------------------------------------------------------------------------------------------


def classically(app: int | None = APP_ID, **otherwise: object) -> dict[str, Any]:
    """What `setup`'s ruleset says, by a classic rule."""
    checks = {"strict": True, "contexts": ["smokegate"], "checks": [{"context": "smokegate", "app_id": app}]}
    reviews = {
        "dismiss_stale_reviews": True,
        "require_code_owner_reviews": False,
        "require_last_push_approval": True,
        "required_approving_review_count": 1,
    }
    return {
        "required_status_checks": checks,
        "required_pull_request_reviews": reviews,
        "allow_deletions": {"enabled": False},
        "allow_force_pushes": {"enabled": False},
        **otherwise,
    }


def test_a_classic_rule_does_as_well(hub: Hub, examine: Examine) -> None:
    hub.stub.rules.clear()
    assert lacking(examine())
    hub.stub.classic["main"] = classically()
    assert lacking(examine()) == []


@pytest.mark.parametrize("app", [None, -1])
def test_a_classic_rule_may_require_the_check_of_anybody(hub: Hub, examine: Examine, app: int | None) -> None:
    hub.stub.rules.clear()
    hub.stub.classic["main"] = classically(app)
    (found,) = lacking(examine())
    assert "any workflow can write it" in found.what


def test_what_a_classic_rule_allows_is_missed(hub: Hub, examine: Examine) -> None:
    hub.stub.rules.clear()
    hub.stub.classic["main"] = classically(allow_force_pushes={"enabled": True})
    del hub.stub.classic["main"]["required_pull_request_reviews"]
    assert [one.what for one in lacking(examine())] == [
        "main can be pushed to without a pull request",
        "main, and the evidence in its history, can be rewritten",
    ]


def test_who_is_no_admin_is_told_of_its_checks_alone(hub: Hub, examine: Examine, client_of: ClientOf) -> None:
    hub.stub.rules.clear()
    hub.stub.classic["main"] = classically()
    found = examine(hub=client_of("writer"))
    assert any(one.what == "`smokegate` is required, of one App alone" for one in found)
    (unknown,) = lacking(found)
    assert unknown.state is State.UNKNOWN and "only an admin is told" in unknown.what


def test_a_refresh_is_wanted_only_where_the_policy_names_manifests(root: Path, examine: Examine) -> None:
    (root / callers.FOLDER / callers.REFRESH).unlink()
    assert lacking(examine()) == []
    (root / ".smokegate.yml").write_text(f"{POLICY}  refresh: [batch.yml]\n")
    (found,) = lacking(examine())
    assert "saliency-refresh.yml" in found.what


def test_callers_are_fine_where_no_key_goes_to_another_owner(root: Path, examine: Examine) -> None:
    check = f"{callers.FOLDER}/{callers.CHECK}"
    (root / check).write_text(CALLING[check])
    nearby = callers.files(callers.source(f"{OWNER.title()}/smokegate@{'a' * 40}", "0.1.0"), WorkflowFiles())
    verdict = f"{callers.FOLDER}/{callers.VERDICT}"
    (root / verdict).write_text(nearby[verdict])
    assert lacking(examine()) == []


def test_a_workflow_of_ones_own_is_fine(root: Path, examine: Examine) -> None:
    (root / callers.FOLDER / callers.CHECK).write_text("jobs: {check: {runs-on: ubuntu-latest}}\n")
    assert lacking(examine()) == []


def test_without_an_app_that_is_said(examine: Examine) -> None:
    (found,) = lacking(examine(app_id=None))
    assert found.state is State.MISSING and "advisory" in found.what


def test_what_github_does_not_tell_is_not_known(hub: Hub, root: Path, forge: Forge, client_of: ClientOf) -> None:
    _saved(forge)
    client = client_of("boss")

    class Closed:
        def __getattr__(self, name: str) -> Any:
            return getattr(client, name)

        def rules_of_branch(self, branch: str) -> Any:
            raise GitHubError(f"403 for {branch}", fix="a token that may")

    with GitRepo.discover(root) as repo:
        patient = Patient(Closed(), "main", repo.tree("HEAD"), parse(POLICY.encode(), "p").policy, APP_ID)
        (found,) = lacking(list(doctor.examine(patient)))
    assert (found.state, found.what, found.fix) == (State.UNKNOWN, "403 for main", "a token that may")


def test_the_command(
    served: Served, root: Path, forge: Forge, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _saved(forge)
    monkeypatch.setenv("GITHUB_API_URL", served.url)
    monkeypatch.setenv("GH_TOKEN", TOKENS["boss"])
    told = ["github", "doctor", "--repo", str(root), "--repository", REPOSITORY]
    assert cli.run([*told, "--app-id", str(APP_ID)]) == 0
    assert "nothing is missing" in capsys.readouterr().out
    served.hub.stub.environments.clear()
    assert cli.run([*told, "--app-id", str(APP_ID)]) == 1
    out = capsys.readouterr().out
    assert "missing there is no environment smokegate\n        fix: smokegate github setup" in out
    assert "2 missing, 0 not known" in out and TOKENS["boss"] not in out


def test_the_command_wants_a_token(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SMOKEGATE_TOKEN", "GH_TOKEN", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    assert cli.run(["github", "doctor", "--repo", str(root), "--repository", REPOSITORY]) == 2
    assert "gh auth token" in capsys.readouterr().err
