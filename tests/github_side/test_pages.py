"""The pages about GitHub, held to what they speak of."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from github_side.composite import load
from smokegate.cli import smokegate
from smokegate.github.adoption import callers
from smokegate.github.api.requests import TABLE
from smokegate.github.step import settings
from smokegate.judge.table import CHECKS
from smokegate.policy import Policy
from smokegate.policy_github import GitHub, WorkflowFiles

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = ("github.md", "github-app.md", "gpu-runners.md", "hardening.md", "github-trouble.md")
VALUES = ROOT / "runners" / "deploy" / "arc-values.yml"


def text(page: str) -> str:
    return (DOCS / page).read_text("utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", text(page)):
        place = DOCS / (target or page)
        assert place.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", place.read_text("utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}, anchor


def commands(page: str) -> list[list[str]]:
    """Of code on a page, what follows `smokegate`."""
    code = re.findall(r"`([^`\n]+)`", text(page))
    code += [line for block in re.findall(r"```sh\n(.*?)```", text(page), re.DOTALL) for line in block.splitlines()]
    told = [re.search(r"(?:^|\s)smokegate ([a-z].*)", one.partition("#")[0]) for one in code]
    return [one[1].split() for one in told if one]


@pytest.mark.parametrize("page", PAGES)
def test_commands_are_there(page: str) -> None:
    for told in commands(page):
        command: click.Command = smokegate
        words = list(told)
        while isinstance(command, click.Group) and words and words[0].islower():
            found = command.get_command(click.Context(command), words.pop(0))
            assert found is not None, told
            command = found
        known = {name for one in command.params for name in one.opts} | {"--help"}
        assert {one for one in words if one.startswith("--")} <= known, told


def test_commands_are_found_at_all() -> None:
    assert ["github", "doctor", "--app-id", "ID"] in commands("github.md")
    assert sum(len(commands(page)) for page in PAGES) >= 10


@pytest.mark.parametrize("page", PAGES)
def test_files_keys_and_checks_are_there(page: str) -> None:
    said = text(page)
    for path in re.findall(r"`((?:examples|runners/deploy|requirements|docs)/[\w./-]+)`", said):
        assert (ROOT / path).exists(), path
    for name in re.findall(r"`([a-z-]+\.yml)`", said):
        assert name in {one.calls for one in callers.CALLERS}, name
    assert set(re.findall(r"`github\.([a-z_]+)`", said)) - {"token"} <= set(GitHub.model_fields)
    assert set(re.findall(r"\bSG\d{3}\b", said)) <= {one.code for one in CHECKS}
    for name in re.findall(r"`(owners|signatures|unattested)\b", said):
        assert name in Policy.model_fields


@pytest.mark.parametrize("page", PAGES)
def test_variables_are_read_somewhere(page: str) -> None:
    places = [*(ROOT / "bot").rglob("*.py"), *(ROOT / ".github").rglob("*.yml"), ROOT / ".ci" / "action"]
    read = "\n".join(place.read_text("utf-8") for place in places)
    for name in re.findall(r"\b(?:SMOKEGATE|SALIENCY)_[A-Z_]+\b", text(page)):
        assert name in read, name


def test_the_workflows_table_has_them_all() -> None:
    rows = re.findall(r"^\| `([a-z-]+\.yml)` \|", text("github.md"), re.MULTILINE)
    assert rows == [one.calls for one in callers.CALLERS]
    assert WorkflowFiles().harness in rows


def test_the_app_is_given_what_the_requests_need() -> None:
    """And nothing that none of them needs. A write permission reads as well."""
    levels = {"read": 0, "write": 1}
    needed: dict[str, str] = {}
    for row in TABLE.values():
        if row.needs:
            name, _, level = row.needs.partition(": ")
            needed[name] = max(needed.get(name, "read"), level, key=lambda one: levels[one])
    assert needed.pop("members") == "read" and "*Members*, read" in text("github-app.md")
    rows = re.findall(r"^ *\| ([A-Z][a-z ]+) \| (read|write) \|", text("github-app.md"), re.MULTILINE)
    assert {name.lower().replace(" ", "-"): level for name, level in rows} == needed


def test_what_the_ruleset_holds_is_said() -> None:
    said = text("github-app.md")
    (pulls, checks) = (one["parameters"] for one in settings.ruleset("x", 1, ())["rules"] if "parameters" in one)
    for name in ("require_last_push_approval", "dismiss_stale_reviews_on_push"):
        assert pulls[name] is True and f"`{name}`" in said
    assert checks["strict_required_status_checks_policy"] is True
    assert "`strict_required_status_checks_policy`" in said and "`integration_id`" in said


def test_the_values_of_the_runners() -> None:
    values = load(VALUES)
    page = text("gpu-runners.md")
    name = values["runnerScaleSetName"]
    assert f"runner_labels: [{name}]" in page and f"helm install {name}" in page
    spec = values["template"]["spec"]
    (runner,) = spec["containers"]
    assert spec["automountServiceAccountToken"] is False
    assert runner["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert {one["name"] for one in runner["env"]} <= set(re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE))
    newest = tuple(int(part) for part in runner["image"].rpartition(":")[2].split("."))
    assert newest >= (2, 336, 0) and "2.336.0" in page
    assert {one["name"] for one in runner["volumeMounts"]} == {one["name"] for one in spec["volumes"]}
    assert values["githubConfigSecret"] in page


def test_every_environment_and_its_secrets_are_explained() -> None:
    said = text("github-app.md") + text("gpu-runners.md")
    assert all(f"`{name}`" in said for name in settings.ENVIRONMENTS)
    assert callers.APP_KEY in said and settings.APP_ID in said
