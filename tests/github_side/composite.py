"""The steps of a composite action, one after the other, as GitHub's runner takes them: each in a shell of its own.

Steps that are other people's actions are stood in for by what they leave behind.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

_EXPRESSION = re.compile(r"\$\{\{\s*(.+?)\s*\}\}")
_KEPT = ("PATH", "HOME", "LANG")

Outputs = dict[str, str]


def load(path: Path) -> dict[str, Any]:
    """YAML 1.2, in which `on` is a word."""
    loaded = YAML(typ="safe", pure=True).load(path.read_text("utf-8"))
    assert isinstance(loaded, dict)
    return loaded


@dataclass
class Done:
    code: int = 0
    log: str = ""
    summary: str = ""
    outputs: Outputs = field(default_factory=dict)
    path: str = ""
    """What later steps have on their PATH."""


@dataclass
class Machine:
    """What a runner gives to every step."""

    action: Path
    """The folder with action.yml in it, where the runner put it."""
    work: Path
    environment: Mapping[str, str]
    stood_in: Mapping[str, Outputs] = field(default_factory=dict)
    """By the name of the action: the outputs that it is taken to have left."""

    def run(self, inputs: Mapping[str, str]) -> Done:
        document = load(self.action / "action.yml")
        assert set(inputs) <= set(document["inputs"])
        given = {name: str(one.get("default", "")) for name, one in document["inputs"].items()} | dict(inputs)
        steps: dict[str, Outputs] = {}
        done = Done()
        for number, step in enumerate(document["runs"]["steps"]):
            if not _holds(step.get("if"), given, steps):
                continue
            if "uses" in step:
                outputs = dict(self.stood_in[step["uses"].partition("@")[0]])
            else:
                outputs = self._shell(number, step, given, steps, done)
            if "id" in step:
                steps[step["id"]] = outputs
            if done.code:
                break
        wanted = {name: _filled(one["value"], given, steps) for name, one in document["outputs"].items()}
        done.outputs = {name: value for name, value in wanted.items() if value}
        return done

    def _shell(
        self, number: int, step: Mapping[str, Any], inputs: Mapping[str, str], steps: Mapping[str, Outputs], done: Done
    ) -> Outputs:
        assert step["shell"] == "bash"
        place = self.work / "files" / str(number)
        place.mkdir(parents=True)
        (place / "script.sh").write_text(step["run"])
        files = {"GITHUB_OUTPUT": "output", "GITHUB_STEP_SUMMARY": "summary", "GITHUB_PATH": "path"}
        environment = {
            **{name: os.environ[name] for name in _KEPT if name in os.environ},
            **self.environment,
            **{name: str(place / file) for name, file in files.items()},
            "GITHUB_ACTION_PATH": str(self.action),
            "GITHUB_WORKSPACE": str(self.work),
            "RUNNER_ARCH": "X64",
            "RUNNER_OS": "Linux",
            "RUNNER_TEMP": str(self.work / "temp"),
            **{name: _filled(str(value), inputs, steps) for name, value in step.get("env", {}).items()},
        }
        (self.work / "temp").mkdir(exist_ok=True)
        ran = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(place / "script.sh")],
            cwd=self.work,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        read = {file: (place / file).read_text() if (place / file).exists() else "" for file in files.values()}
        done.code, done.log = ran.returncode, done.log + ran.stdout
        done.summary, done.path = done.summary + read["summary"], done.path + read["path"]
        return outputs_of(read["output"])


def outputs_of(text: str) -> Outputs:
    """As they stand in GITHUB_OUTPUT, in either of its two forms."""
    found, lines = {}, iter(text.splitlines())
    for line in lines:
        name, marker, delimiter = line.partition("<<")
        if not marker or "=" in name:
            name, _, found_value = line.partition("=")
            found[name] = found_value
            continue
        value = []
        for part in lines:
            if part == delimiter:
                break
            value.append(part)
        found[name] = "\n".join(value)
    return found


def _holds(condition: str | None, inputs: Mapping[str, str], steps: Mapping[str, Outputs]) -> bool:
    if condition is None:
        return True
    found = re.fullmatch(r"(\S+) (==|!=) '([^']*)'", condition)
    assert found is not None, condition
    return (_value(found[1], inputs, steps) == found[3]) is (found[2] == "==")


def _filled(text: str, inputs: Mapping[str, str], steps: Mapping[str, Outputs]) -> str:
    return _EXPRESSION.sub(lambda found: _value(found[1], inputs, steps), text)


def _value(name: str, inputs: Mapping[str, str], steps: Mapping[str, Outputs]) -> str:
    match name.split("."):
        case ["inputs", one]:
            return inputs[one]
        case ["steps", step, "outputs", one]:
            return steps.get(step, {}).get(one, "")
        case ["github", "token"]:
            return "ghs_of_the_run"
    raise AssertionError(f"{name} is an expression that no step of ours needs")
