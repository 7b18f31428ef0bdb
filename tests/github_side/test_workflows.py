"""The workflows: held to the rules for workflows, to the code that they start, and to the callers of other people."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from github_side.composite import load
from smokegate.commands.github_harness import OUT
from smokegate.commands.github_judge import VERDICT
from smokegate.errors import UsageError
from smokegate.github.adoption import callers
from smokegate.github.comments import reply
from smokegate.github.flips.finish import ARTIFACT
from smokegate.github.promotions import promotion
from smokegate.github.promotions.acts import VERDICT_WORKFLOW
from smokegate.github.schedule import refresh
from smokegate.github.step import settings
from smokegate.github.verdicts.asking import PULL_INPUT
from smokegate.policy_github import GitHub as Settings
from smokegate.policy_github import WorkflowFiles
from smokegate.render.markdown import MARKER

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".github" / "workflows"
NAMES = [one.calls for one in callers.CALLERS]
FILES = [
    *FOLDER.iterdir(),
    ROOT / "action.yml",
    *(ROOT / "examples").iterdir(),
    *(ROOT / "runners/deploy").glob("*matrix*"),
]
OURS = "$/.github/actions/smokegate"
AT = callers.source(f"OWNER/smokegate@{'0' * 40}", "0.1.0")
LEVELS = ("read", "write")


def workflow(name: str) -> dict[str, Any]:
    return load(FOLDER / name)


def jobs(name: str) -> dict[str, dict[str, Any]]:
    found = workflow(name)["jobs"]
    assert isinstance(found, dict)
    return found


EVERY_JOB = [(name, job) for name in NAMES for job in jobs(name)]


def test_there_are_six() -> None:
    assert sorted(one.name for one in FOLDER.iterdir()) == sorted(NAMES)
    assert len(NAMES) == 6


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_may_do_nothing_but_what_its_jobs_say(name: str) -> None:
    found = workflow(name)
    assert found["permissions"] == {}
    assert "workflow_call" in found["on"]
    assert found["name"] == name.removesuffix(".yml")
    assert set(found["concurrency"]) == {"group", "cancel-in-progress"}


@pytest.mark.parametrize("name", NAMES)
def test_a_caller_may_have_a_group_of_its_own(name: str) -> None:
    """`github.workflow` is the caller's name here: with nothing before it, the group would be the one that a caller
    has as likely as not, and GitHub cancels a run whose two levels wait for each other."""
    assert workflow(name)["concurrency"]["group"].startswith("smokegate ${{ github.workflow }}")


@pytest.mark.parametrize(("name", "job"), EVERY_JOB)
def test_a_job_is_bounded_in_time_and_rights(name: str, job: str) -> None:
    found = jobs(name)[job]
    assert found["timeout-minutes"]
    assert found["permissions"] and set(found["permissions"].values()) <= set(LEVELS)


@pytest.mark.parametrize(("name", "job"), EVERY_JOB)
def test_a_job_that_reads_what_strangers_wrote_fills_no_cache(name: str, job: str) -> None:
    """What lies in the default branch's, any other workflow of the repository may build from."""
    found = jobs(name)[job]
    own = found["runs-on"] != "ubuntu-latest"
    # Of a pull request's own run, the cache is the pull request's own.
    wanted = None if name in {callers.CHECK, callers.SWEEP} else "none" if own else "read"
    assert found.get("cache-mode") == wanted


@pytest.mark.parametrize(("name", "job"), EVERY_JOB)
def test_secrets_are_for_jobs_of_the_default_branch(name: str, job: str) -> None:
    """A workflow that somebody pushes to a branch gets no key: the environment refuses the branch."""
    found = jobs(name)[job]
    secret = "secrets." in json.dumps(found)
    environment = found.get("environment", {"name": None})
    if secret:
        assert environment == {"name": settings.ENVIRONMENT, "deployment": False}
    if "self-hosted" in found["runs-on"] or "runner_labels" in found["runs-on"]:
        assert environment == {"name": settings.GPU_ENVIRONMENT, "deployment": False}
        assert not secret
        assert set(found["permissions"].values()) == {"read"}


def test_the_jobs_that_parse_what_a_stranger_wrote_can_only_read() -> None:
    for name, job in ((callers.CHECK, "check"), (callers.VERDICT, "judge"), (callers.HARNESS, "harness")):
        found = jobs(name)[job]
        assert set(found["permissions"].values()) == {"read"}
        assert "secrets." not in json.dumps(found)
    assert set(jobs(callers.CHECK)["check"]["permissions"]) == {"contents"}


def test_the_verdict_is_found_by_one_job_and_written_by_another() -> None:
    judge, publish = (jobs(callers.VERDICT)[one] for one in ("judge", "publish"))
    assert publish["needs"] == "judge"
    (up,) = (step for step in judge["steps"] if step["uses"].startswith("actions/upload-artifact@"))
    (down,) = (step for step in publish["steps"] if step["uses"].startswith("actions/download-artifact@"))
    assert up["with"]["name"] == down["with"]["name"]
    assert up["with"]["path"] == str(VERDICT)
    # Of this very run: what the pull request's own run left is nobody's verdict.
    assert set(down["with"]) == {"name"}


def test_only_default_branch_code_is_ever_checked_out() -> None:
    """A pull request's bytes are fetched with git as data, and lie in no working folder."""
    checkouts = [
        (name, job, step)
        for name, job in EVERY_JOB
        for step in jobs(name)[job]["steps"]
        if step.get("uses", "").startswith("actions/checkout@")
    ]
    assert [(name, job) for name, job, _ in checkouts] == [(callers.REFRESH, "batch")]
    assert all(step["with"] == {"persist-credentials": False} for _, _, step in checkouts)
    assert not {"pull_request", "workflow_run", "issue_comment"} & set(workflow(callers.REFRESH)["on"])


def test_no_workflow_runs_with_rights_on_a_strangers_terms() -> None:
    assert not any("pull_request_target" in (FOLDER / name).read_text() for name in NAMES)


@pytest.mark.parametrize("file", FILES, ids=lambda one: str(one.relative_to(ROOT)))
def test_nothing_is_interpolated_into_a_shell(file: Path) -> None:
    scripts = [step["run"] for step in _steps(load(file)) if "run" in step]
    assert all("${{" not in script for script in scripts)


def _steps(document: dict[str, Any]) -> list[dict[str, Any]]:
    runs = document.get("runs", {})
    return [
        *runs.get("steps", []),
        *(step for job in document.get("jobs", {}).values() for step in job.get("steps", [])),
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda one: str(one.relative_to(ROOT)))
def test_what_is_used_is_named_by_its_commit(file: Path) -> None:
    used = re.findall(r"^\s*(?:- )?uses: (.+)$", file.read_text(), re.MULTILINE)
    assert used or "runs" not in load(file)
    for one in used:
        assert one == OURS or re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one), one


def test_one_action_has_one_commit() -> None:
    pins: dict[str, set[str]] = {}
    for file in (one for one in FILES if "examples" not in one.parts and "deploy" not in one.parts):
        for action, pin in re.findall(r"uses: ([\w./-]+)@(\S+ # \S+)", file.read_text()):
            pins.setdefault(action, set()).add(pin)
    assert pins and all(len(found) == 1 for found in pins.values()), pins


@pytest.mark.parametrize(("name", "job"), EVERY_JOB)
def test_every_job_takes_smokegate_from_its_own_commit(name: str, job: str) -> None:
    steps = [step for step in jobs(name)[job]["steps"] if step.get("uses") == OURS]
    assert steps and all("mode" in step["with"] for step in steps)
    inputs = set(load(ROOT / "action.yml")["inputs"])
    assert all(set(step["with"]) <= inputs for step in steps)


def test_no_link_keeps_the_runner_from_unpacking_us() -> None:
    """`$/` fails where any link of the repository leads nowhere: https://github.com/actions/runner/issues/4626"""
    told = subprocess.run(["git", "ls-files", "--stage"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "action.yml" in told.stdout
    assert not [line for line in told.stdout.splitlines() if line.startswith("120000")]


def test_a_verdict_is_found_anew_when_it_may_have_changed() -> None:
    on = workflow(callers.CHECK)["on"]
    assert {"opened", "reopened", "synchronize", "edited"} == set(on["pull_request"]["types"])
    assert {"submitted", "dismissed"} == set(on["pull_request_review"]["types"])
    assert on["merge_group"]["types"] == ["checks_requested"]
    verdict = workflow(callers.VERDICT)
    assert verdict["on"]["workflow_run"] == {"workflows": ["registry-check"], "types": ["completed"]}
    assert set(verdict["on"]["workflow_dispatch"]["inputs"]) == {PULL_INPUT}
    listed = re.search(r"fromJSON\('(.+)'\)", verdict["jobs"]["judge"]["if"])
    assert listed and set(json.loads(listed[1])) == set(on) - {"workflow_call"}


def test_the_harness_is_dispatched_as_the_code_does_it() -> None:
    found = workflow(callers.HARNESS)
    request = promotion.Request(
        repository="acme/models",
        pr=1,
        base_ref="main",
        base_sha="a" * 40,
        head_sha="b" * 40,
        registry="registry.json",
        ids=("one",),
        harness="ensemble",
        gate="ensemble-plcc",
        policy_sha256="c" * 64,
        actor="keeper",
        comment=1,
        nonce="d" * 32,
        asked_at="2026-01-01T00:00:00Z",
    )
    assert set(found["on"]["workflow_dispatch"]["inputs"]) == set(promotion.inputs(request, Settings()))
    assert found["run-name"] == promotion.RUN_NAME
    harness, finish = found["jobs"]["harness"], found["jobs"]["finish"]
    assert harness["runs-on"] == "${{ fromJSON(github.event.inputs.runner_labels) }}"
    assert harness["timeout-minutes"] == "${{ fromJSON(github.event.inputs.timeout_minutes) }}"
    kept = harness["steps"][-1]["with"]
    assert (kept["name"], kept["path"]) == (ARTIFACT, f"{OUT}/")
    assert (finish["needs"], finish["if"]) == ("harness", "always()")


def test_the_refresh_is_dispatched_as_the_code_does_it() -> None:
    found = workflow(callers.REFRESH)
    assert set(found["on"]["workflow_dispatch"]["inputs"]) == {refresh.MANIFEST, refresh.NONCE}
    assert refresh.run_name("{0}") in found["run-name"]
    hand_over = found["jobs"]["batch"]["steps"][-1]["with"]
    take_over = found["jobs"]["report"]["steps"][0]["with"]
    assert hand_over["name"] == take_over["name"]
    script = (ROOT / ".ci" / "action").read_text()
    assert f"--report {hand_over['path']} --manifest" in script
    assert f"--report-json {hand_over['path']}" in found["jobs"]["batch"]["steps"][2]["run"]


def test_our_own_comments_start_no_machine() -> None:
    """An App's comments are events too; the sticky one changes with every verdict."""
    condition = jobs(callers.PROMOTE)["command"]["if"]
    assert (
        condition
        == "contains(github.event.comment.body, '/') && !contains(github.event.comment.body, '<!-- smokegate:')"
    )
    answer = reply.put_together(["x"], reply.comment_key(1))
    assert "<!-- smokegate:" in answer and MARKER.startswith("<!-- smokegate:")


def test_the_names_that_the_code_dispatches_are_there() -> None:
    names = Settings().workflows
    assert {VERDICT_WORKFLOW, names.harness, names.refresh} <= set(NAMES)


# -- callers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", callers.files(AT, WorkflowFiles()))
def test_the_examples_are_what_setup_writes(path: str) -> None:
    example = ROOT / "examples" / path.rpartition("/")[2]
    assert example.read_text() == callers.files(AT, WorkflowFiles())[path]


def test_there_is_no_other_example() -> None:
    assert sorted(one.name for one in (ROOT / "examples").glob("*.yml")) == sorted(NAMES)


def test_one_can_begin_with_ten_lines() -> None:
    assert len((ROOT / "examples" / callers.CHECK).read_text().splitlines()) == 10


@pytest.mark.parametrize("caller", callers.CALLERS, ids=lambda one: one.calls)
def test_a_caller_grants_what_the_jobs_ask_for_and_no_more(caller: callers.Caller) -> None:
    """Less, and GitHub refuses to start the run; more, and a job could be given it one day."""
    wanted: dict[str, str] = {}
    for job in jobs(caller.calls).values():
        for name, level in job["permissions"].items():
            wanted[name] = max(wanted.get(name, "read"), level, key=LEVELS.index)
    assert caller.permissions == wanted


@pytest.mark.parametrize("caller", callers.CALLERS, ids=lambda one: one.calls)
def test_a_caller_starts_when_the_workflow_does(caller: callers.Caller) -> None:
    ours, theirs = workflow(caller.calls), load(ROOT / "examples" / caller.calls)
    called = ours["on"].pop("workflow_call") or {}
    assert _bare(theirs["on"]) == _bare(ours["on"])
    assert theirs.get("run-name") == ours.get("run-name")
    assert theirs["name"] == ours["name"]
    (job,) = theirs["jobs"].values()
    assert set(job.get("secrets", {})) == set(called.get("secrets", {}))
    assert all(value == f"${{{{ secrets.{name} }}}}" for name, value in job.get("secrets", {}).items())
    told = set(re.findall(r"secrets\.(\w+)", json.dumps(ours["jobs"])))
    assert told == set(called.get("secrets", {}))


def _bare(value: Any) -> Any:
    """Triggers without what is written about their inputs for people."""
    if isinstance(value, dict):
        return {key: _bare(one) for key, one in value.items() if key not in {"description", "default"}}
    return value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "smokegate",
        "OWNER/smokegate@main",
        f"a/b@{'A' * 40}",
        f"a/b/c@{'0' * 40}",
        f"a/b@{'0' * 40}\n",
        f"$(id)/b@{'0' * 40}",
    ],
)
def test_a_source_that_may_move_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="does not say where smokegate is"):
        callers.source(text, "0.1.0")
