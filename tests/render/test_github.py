"""Workflow commands, read back by the rules of the Actions runner."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from hypothesis import given

from render.attacks import hostile_text, quick
from render.specimens import BLOCKED, HOSTILE, MANY, PASSED, finding, hostile, report
from smokegate.judge.report import Report, Severity, Verdict
from smokegate.render import github
from smokegate.render.escape import visible


@dataclass(frozen=True)
class Command:
    name: str
    properties: dict[str, str]
    data: str


def obeyed(output: str) -> list[Command]:
    """What the runner does with a log: `::name k=v,k=v::data` at the start of a trimmed line, or `##[...]` anywhere."""
    commands = []
    for line in re.split(r"\r\n|\r|\n", output):
        trimmed = line.lstrip()
        if not trimmed.startswith("::"):
            assert "##[" not in line
            continue
        head, _, data = trimmed[2:].partition("::")
        name, _, pairs = head.partition(" ")
        properties = dict(pair.split("=", 1) for pair in pairs.split(","))
        commands.append(Command(name, {key: _plain(value) for key, value in properties.items()}, _plain(data)))
    return commands


def _plain(text: str) -> str:
    for coded, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        text = text.replace(coded, character)
    return text


def assert_only_ours(one: Report) -> None:
    commands = obeyed(github.render([one]))
    assert [command.name for command in commands] == ["error"] * 2 + ["warning"] + ["notice"] * 3
    assert all(set(command.properties) <= {"file", "line", "col", "title"} for command in commands)
    first, found = commands[0], one.findings[0]
    assert first.properties.get("file", "") == visible(found.path)
    assert first.data.split("\n")[0] == visible(found.message)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_gives_no_command(text: str) -> None:
    assert_only_ours(hostile(text))


@quick
@given(hostile_text)
def test_any_text_gives_no_command(text: str) -> None:
    assert_only_ours(hostile(text))


def test_an_annotation_stands_where_the_fault_is() -> None:
    commands = obeyed(github.render([BLOCKED]))
    assert commands[0] == Command(
        "error",
        {"file": "model/tiny/registry.json", "line": "12", "col": "17", "title": "SG202 digest: vmaf_tiny_v2"},
        f"{BLOCKED.findings[0].message}\nfix: smokegate pin vmaf_tiny_v2",
    )
    assert commands[1].properties == {
        "file": "model/tiny/vmaf tiny v3.onnx",
        "title": "SG202 digest: vmaf_tiny_v3",
    }
    assert [command.name for command in commands].count("notice") == 3 + 1


def _with(level: str, number: int) -> Report:
    introduced, severity = level != "notice", Severity.WARN if level == "warning" else Severity.BLOCK
    found = (
        finding(subject=f"m{index}", introduced=introduced, blocks=severity is Severity.BLOCK)
        for index in range(number)
    )
    return report(Verdict.BLOCK, findings=tuple(found))


@pytest.mark.parametrize("level", ["error", "warning", "notice"])
@pytest.mark.parametrize(
    ("number", "shown", "told"), [(9, 9, None), (10, 10, None), (11, 9, "2 more"), (500, 9, "491 more")]
)
def test_no_more_than_github_shows(level: str, number: int, shown: int, told: str | None) -> None:
    commands = obeyed(github.render([_with(level, number)]))
    assert {command.name for command in commands} == {level}
    placed = [command for command in commands if "file" in command.properties]
    assert len(placed) == shown and len(commands) == min(number, 10)
    if told:
        assert commands[-1].data.startswith(
            f"{told} {level}s, not shown as annotations. To see them all: smokegate check"
        )


def test_the_limit_holds_over_all_registries() -> None:
    names = [command.name for command in obeyed(github.render([MANY, BLOCKED, PASSED]))]
    assert {name: names.count(name) for name in names} == {"error": 10, "warning": 10, "notice": 10}


def test_endless_text_is_cut() -> None:
    output = github.render([hostile("x" * 100_000)])
    assert max(map(len, output.split("\n"))) < 110_000
    assert all(len(command.data) < 10_000 for command in obeyed(output))
