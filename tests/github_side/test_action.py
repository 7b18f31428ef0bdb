"""action.yml: held to the code and the docs, and its steps run in a shell as GitHub's runner runs them."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from forge import Forge
from github_side.composite import Machine, load, outputs_of
from github_side.emulator import ACTIONS, REPOSITORY, TOKENS
from github_side.git_server import serving
from github_side.hub import Hub, Served
from github_side.test_steps import pull_event, run_event
from github_side.world import open_pull
from smokegate.commands.github import command as github_command
from smokegate.github.flips import signing
from smokegate.github.measuring.harness import VERDICTS
from smokegate.github.verdicts import workplace

ROOT = Path(__file__).resolve().parents[2]
INNER = ROOT / ".github" / "actions" / "smokegate"
SCRIPT = ROOT / ".ci" / "action"
ACTION = load(ROOT / "action.yml")
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
LOCAL = {"doctor", "setup"}
"""Commands for a person at a terminal."""


def test_the_action_is_one_in_both_places() -> None:
    assert (ROOT / "action.yml").read_bytes() == (INNER / "action.yml").read_bytes()


def test_inputs_and_outputs_are_those_of_the_contract() -> None:
    assert list(ACTION["inputs"]) == ["mode", "registry", "policy", "token", "app-id", "private-key", "python-version"]
    assert list(ACTION["outputs"]) == ["verdict", "report", "evidence"]
    assert all(one["description"] for one in (*ACTION["inputs"].values(), *ACTION["outputs"].values()))


def test_every_input_reaches_a_step() -> None:
    told = json.dumps([{**step, "run": ""} for step in STEPS])
    assert set(re.findall(r"inputs\.([\w-]+)", told)) == set(ACTION["inputs"])


def test_what_the_steps_are_told_is_read_by_the_code() -> None:
    run = next(step for step in STEPS if step.get("id") == "run")
    read = {workplace.TOKEN, workplace.APP_ID, workplace.PRIVATE_KEY, workplace.REGISTRY, workplace.POLICY}
    read.add(workplace.WORKFLOW_TOKEN)
    assert set(run["env"]) == read | {"SMOKEGATE_MODE"}
    script = SCRIPT.read_text()
    others = {name for step in STEPS for name in step.get("env", {})} - read
    assert others == {"SMOKEGATE_MODE", "SMOKEGATE_PYTHON", "SMOKEGATE_PYTHON_VERSION"}
    assert all(name in script for name in others)


def test_every_output_is_written_by_the_code() -> None:
    written = set()
    places = [*(ROOT / "bot/smokegate/commands").glob("github_*.py"), ROOT / "bot/smokegate/github/verdicts/judging.py"]
    for place in places:
        for node in ast.walk(ast.parse(place.read_text())):
            if isinstance(node, ast.Dict):
                keys = {key.value for key in node.keys if isinstance(key, ast.Constant)}
                written |= keys & set(ACTION["outputs"])
            if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
                written |= {node.slice.value} & set(ACTION["outputs"])
    assert written == set(ACTION["outputs"])
    assert {f"steps.run.outputs.{name}" for name in ACTION["outputs"]} == {
        one["value"].strip("${ }") for one in ACTION["outputs"].values()
    }


def test_modes_are_the_commands() -> None:
    commands = set(github_command.list_commands(click.Context(github_command))) - LOCAL
    listed = re.findall(r"^((?:[a-z]+ \| )*[a-z]+)\) lock=", SCRIPT.read_text(), re.MULTILINE)
    assert set(" | ".join(listed).split(" | ")) == commands | {"install"}
    said = set(re.findall(r"[a-z]+", ACTION["inputs"]["mode"]["description"]))
    assert commands | {"install"} <= said


def test_the_page_says_what_the_action_takes_and_gives() -> None:
    page = (ROOT / "docs" / "github.md").read_text("utf-8")
    takes, gives = re.findall(r"^\| (?:input|output) \|.*\n\| --- .*\n((?:\|.*\n)+)", page, re.MULTILINE)
    assert re.findall(r"^\| `([\w-]+)`", takes, re.MULTILINE) == list(ACTION["inputs"])
    assert re.findall(r"^\| `([\w-]+)`", gives, re.MULTILINE) == list(ACTION["outputs"])
    defaults = dict(re.findall(r"^\| `([\w-]+)` \|\s*`?([^|`]*?)`?\s*\|", takes, re.MULTILINE))
    told = {name: str(one["default"]).replace("${{ ", "").replace(" }}", "") for name, one in ACTION["inputs"].items()}
    assert defaults == told


def test_python_and_the_cache_are_those_of_the_plan() -> None:
    """Steps that are others' actions are stood in for below; what they are told is held here."""
    told = {step["uses"].partition("@")[0]: step for step in STEPS if "uses" in step}
    assert told["actions/setup-python"]["with"] == {
        "python-version": "${{ inputs.python-version }}",
        "update-environment": False,
    }
    assert told["actions/cache"]["with"] == {
        "path": "${{ steps.plan.outputs.wheels }}",
        "key": "${{ steps.plan.outputs.key }}",
    }
    plan = next(step for step in STEPS if step.get("id") == "plan")
    assert plan["env"]["SMOKEGATE_PYTHON_VERSION"] == "${{ inputs.python-version }}"


def test_nothing_is_interpolated_into_a_shell() -> None:
    assert all("${{" not in step.get("run", "") for step in STEPS)


# -- end to end ----------------------------------------------------------------------------------------------------

PIP = r"""#!/bin/sh
# Python, but for pip: what is locked is here already, and no network is.
case "$1 $2" in
"-m pip") ;;
*'"pip"'*) exit 0 ;;
*) exec "{python}" "$@" ;;
esac
echo "$*" >> "{log}"
for last; do :; done
case " $* " in
*" --python "*) packages=$("{python}" -c 'import glob; print(glob.glob("{venv}/lib/python3*/site-packages")[0])') ;;
esac
case " $* " in
*" download "*) touch "$(echo "$*" | sed 's/.*--dest \([^ ]*\) .*/\1/')/one.whl" ;;
*" --require-hashes "*) [ -e "{wheels}/one.whl" ] && echo "{site}" > "$packages/locked.pth" ;;
*) printf '%s\n' "$last/bot" "$last/runners" > "$packages/ours.pth" ;;
esac
"""


@pytest.fixture
def machine(forge: Forge, served: Served, tmp_path: Path) -> Iterator[Machine]:
    forge.add("alpha_v1")
    forge.start()
    place = tmp_path / "served" / REPOSITORY
    place.parent.mkdir(parents=True)
    place.symlink_to(forge.root / ".git")
    work = tmp_path / "work"
    (work / "bin").mkdir(parents=True)
    temp = work / "temp"
    python = work / "bin" / "python"
    python.write_text(
        PIP.format(
            python=sys.executable,
            log=work / "pip.log",
            venv=temp / "smokegate-venv",
            wheels=temp / "smokegate-wheels",
            site=sysconfig.get_paths()["purelib"],
        )
    )
    python.chmod(0o755)
    # As the runner unpacks it: the repository, with nothing around it.
    action = tmp_path / "_actions" / "smokegate"
    action.mkdir(parents=True)
    for name in (
        "action.yml",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        ".ci",
        ".github",
        "bot",
        "runners",
        "requirements",
        "schemas",
    ):
        (action / name).symlink_to(ROOT / name)
    with serving(tmp_path / "served", TOKENS[ACTIONS]) as git:
        environment = {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": "writer",
            "GITHUB_API_URL": served.url,
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_RUN_ID": "7",
            "GITHUB_SERVER_URL": git.url,
            "GITHUB_SHA": "0" * 40,
        }
        stood_in = {"actions/setup-python": {"python-path": str(python)}, "actions/cache": {"cache-hit": ""}}
        yield Machine(action, work, environment, stood_in)


def on(machine: Machine, event: str, payload: dict[str, Any], **more: str) -> None:
    file = machine.work / "event.json"
    file.write_text(json.dumps(payload))
    machine.environment = {
        **machine.environment,
        "GITHUB_EVENT_NAME": event,
        "GITHUB_EVENT_PATH": str(file),
        **more,
    }


def proposed(forge: Forge, hub: Hub) -> tuple[int, str]:
    forge.save()
    forge.git("switch", "-q", "-c", "topic")
    head = forge.commit("proposal")
    number = open_pull(hub)
    hub.stub.heads[number] = head
    forge.git("update-ref", f"refs/pull/{number}/head", head)
    return number, head


def inputs(mode: str, **more: str) -> dict[str, str]:
    return {"mode": mode, "token": TOKENS[ACTIONS], **more}


def test_the_check_end_to_end(machine: Machine, forge: Forge, hub: Hub) -> None:
    forge.add("beta_v1")
    on(machine, "pull_request", pull_event(forge, hub, *proposed(forge, hub)))
    done = machine.run(inputs("check"))
    assert done.code == 0, done.log
    assert done.outputs == {"verdict": "pass", "report": "smokegate-report.json"}
    assert json.loads((machine.work / "smokegate-report.json").read_text())["verdict"] == "pass"
    assert "new smoke entry" in done.summary
    assert TOKENS[ACTIONS] not in done.log + done.summary


def test_a_bad_change_turns_the_step_red_and_still_gives_its_outputs(machine: Machine, forge: Forge, hub: Hub) -> None:
    forge.registry["models"][0]["sha256"] = "0" * 64
    on(machine, "pull_request", pull_event(forge, hub, *proposed(forge, hub)))
    done = machine.run(inputs("check"))
    assert (done.code, done.outputs["verdict"]) == (1, "block"), done.log
    assert "::error file=model/tiny/registry.json" in done.log


def test_nothing_is_imported_from_the_working_folder(machine: Machine, forge: Forge, hub: Hub) -> None:
    """An earlier step may have checked out a pull request there, and the last step has tokens."""
    marker = machine.work / "imported"
    for name in ("smokegate", "click", "pip", "venv", "ensurepip", "json", "importlib", "hatchling"):
        (machine.work / name).mkdir()
        (machine.work / name / "__init__.py").write_text(f"open({str(marker)!r}, 'a').write({name!r})\n")
        (machine.work / name / "__main__.py").write_text("")
    forge.add("beta_v1")
    on(machine, "pull_request", pull_event(forge, hub, *proposed(forge, hub)))
    done = machine.run(inputs("check"))
    assert (done.code, done.outputs["verdict"]) == (0, "pass"), done.log
    assert not marker.exists(), marker.read_text()


def test_two_jobs_with_an_artifact_between_them(machine: Machine, forge: Forge, hub: Hub) -> None:
    """From the copy of the action that our own workflows reach."""
    machine.action = machine.action / ".github" / "actions" / "smokegate"
    forge.add("beta_v1")
    _, head = proposed(forge, hub)
    on(machine, "workflow_run", run_event(head))
    judged = machine.run(inputs("judge"))
    assert (judged.code, judged.outputs) == (0, {"report": "smokegate-verdict.json"}), judged.log
    machine.work.joinpath("files").rename(machine.work / "files-of-judge")
    told = machine.run(inputs("publish"))
    assert (told.code, told.outputs) == (0, {"verdict": "pass"}), told.log
    assert [one["conclusion"] for one in hub.stub.checks.values()] == ["success"]


@pytest.mark.parametrize(
    ("name", "verdict"), [("model/tiny/registry.json", "pass"), ("elsewhere/registry.json", "cannot-judge")]
)
def test_one_registry_is_named(machine: Machine, forge: Forge, hub: Hub, name: str, verdict: str) -> None:
    forge.add("beta_v1")
    on(machine, "pull_request", pull_event(forge, hub, *proposed(forge, hub)))
    done = machine.run(inputs("check", registry=name))
    assert done.outputs["verdict"] == verdict and name in done.log


def test_a_policy_of_the_operators_own(machine: Machine, forge: Forge, hub: Hub) -> None:
    forge.registry["models"][0]["sha256"] = "0" * 64
    (machine.work / "lax.yml").write_text("schema_version: 1\nchecks: {SG202: warn}\n")
    on(machine, "pull_request", pull_event(forge, hub, *proposed(forge, hub)))
    done = machine.run(inputs("check", policy="lax.yml"))
    assert "SG202" in done.summary and "::error file=model/tiny/registry.json" not in done.log


# -- the script ----------------------------------------------------------------------------------------------------


def test_install_puts_the_command_on_the_path_and_runs_nothing(machine: Machine) -> None:
    done = machine.run(inputs("install"))
    assert (done.code, done.outputs) == (0, {}), done.log
    assert done.path == f"{machine.work}/temp/smokegate-venv/bin\n"


def test_what_only_judges_is_not_built(machine: Machine) -> None:
    machine.run(inputs("check"))
    assert "ours" not in [kind(one) for one in asked_of_pip(machine)]
    (path,) = (machine.work / "temp" / "smokegate-venv" / "lib").glob("python3*/site-packages/smokegate.pth")
    assert path.read_text().split() == [str(machine.action / "bot"), str(machine.action / "runners")]


@pytest.mark.parametrize("mode", ["install", "harness"])
def test_what_measures_is_installed_with_its_version(machine: Machine, mode: str) -> None:
    """Evidence names it, by `importlib.metadata`."""
    machine.run(inputs(mode))
    assert [kind(one) for one in asked_of_pip(machine)][-1] == "ours"


def test_wheels_are_fetched_by_digest_and_once(machine: Machine) -> None:
    machine.run(inputs("install"))
    first = asked_of_pip(machine)
    assert [kind(one) for one in first] == ["install", "download", "install", "ours"]
    machine.work.joinpath("files").rename(machine.work / "files-before")
    machine.run(inputs("install"))
    assert [kind(one) for one in asked_of_pip(machine)[len(first) :]] == ["install", "ours"]
    for one in asked_of_pip(machine):
        assert "--no-deps" in one
        assert "--require-hashes" in one or kind(one) == "ours"
        assert "--no-index" in one or kind(one) == "download"


def test_a_folder_of_wheels_that_cannot_be_filled_is_said(machine: Machine) -> None:
    (machine.work / "wheels").write_text("no folder")
    machine.environment = {**machine.environment, "SMOKEGATE_WHEELS": str(machine.work / "wheels")}
    done = machine.run(inputs("check"))
    assert done.code == 2 and "lacks packages, and cannot be written to" in done.log


def asked_of_pip(machine: Machine) -> list[str]:
    return (machine.work / "pip.log").read_text().splitlines()


def kind(asked: str) -> str:
    if " download " in asked:
        return "download"
    return "install" if "--require-hashes" in asked else "ours"


@pytest.mark.parametrize(
    ("mode", "lock", "cached"),
    [("check", "action", "true"), ("harness", "runners", "false"), ("install", "runners", "false")],
)
def test_the_lock_fits_the_mode(machine: Machine, mode: str, lock: str, cached: str) -> None:
    plan = plan_of(machine, {"SMOKEGATE_MODE": mode})
    assert plan["cache"] == cached
    assert plan["key"].startswith("smokegate-Linux-X64-3.12-")
    machine.run(inputs(mode))
    assert any(one.endswith(f"requirements/{lock}.lock") for one in asked_of_pip(machine))


def test_a_machine_may_keep_wheels_of_its_own(machine: Machine) -> None:
    plan = plan_of(machine, {"SMOKEGATE_MODE": "check", "SMOKEGATE_WHEELS": "/opt/wheels"})
    assert (plan["cache"], plan["wheels"]) == ("false", "/opt/wheels")


def plan_of(machine: Machine, environment: dict[str, str]) -> dict[str, str]:
    """What a plan comes to, by the outputs of the very step."""
    work = machine.work / "plan"
    work.mkdir()
    subprocess.run(
        ["sh", str(SCRIPT), "plan"],
        env={
            "PATH": os.environ["PATH"],
            "RUNNER_TEMP": str(work),
            "RUNNER_OS": "Linux",
            "RUNNER_ARCH": "X64",
            "SMOKEGATE_PYTHON_VERSION": "3.12",
            "GITHUB_OUTPUT": str(work / "output"),
            **environment,
        },
        check=True,
    )
    return outputs_of((work / "output").read_text())


@pytest.mark.parametrize("mode", ["", "nonsense", "check; id", "$(id)", "--help", "setup"])
def test_a_mode_that_is_none_is_refused(machine: Machine, mode: str) -> None:
    done = machine.run(inputs(mode))
    assert done.code == 2 and "there is no such mode" in done.log and "uid=" not in done.log


def test_an_interpreter_that_does_not_run_is_said(machine: Machine) -> None:
    machine.stood_in = {"actions/setup-python": {"python-path": "/nonexistent/python"}, "actions/cache": {}}
    done = machine.run(inputs("check"))
    assert done.code == 2 and "/nonexistent/python does not run" in done.log


def test_an_interpreter_without_pip_is_said(machine: Machine) -> None:
    bare = machine.work / "bin" / "bare"
    bare.write_text('#!/bin/sh\ncase "$2" in *pip*) exit 1 ;; esac\n')
    bare.chmod(0o755)
    machine.stood_in = {"actions/setup-python": {"python-path": str(bare)}, "actions/cache": {}}
    done = machine.run(inputs("check"))
    assert done.code == 2 and f"{bare} has no pip" in done.log and "apt install python3-pip" in done.log


def test_harness_outputs_are_what_the_action_says() -> None:
    described = ACTION["outputs"]["verdict"]["description"].lower()
    assert all(verdict.lower() in described for verdict in VERDICTS)


def test_signing_keys_are_handed_on_by_name() -> None:
    """Inputs of an action are for what everybody needs; these two go through the environment of the one step."""
    workflow = (ROOT / ".github/workflows/gpu-harness.yml").read_text()
    for name in (signing.KEY, signing.PASSPHRASE):
        assert f"{name}: ${{{{ secrets.{name} }}}}" in workflow
