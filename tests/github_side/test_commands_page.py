"""The page about the commands, held to the commands."""

from __future__ import annotations

import re
from pathlib import Path

from smokegate.github.comments.grammar import MOST_COMMANDS, MOST_IDS, USAGE, read
from smokegate.github.verdicts.check_run import CONCLUSION
from smokegate.policy_github import ROLES, GitHub

PAGE = (Path(__file__).parents[2] / "docs" / "github-commands.md").read_text("utf-8")


def test_every_command_is_there_with_its_role() -> None:
    roles = GitHub().roles.model_dump()
    rows = dict(re.findall(r"^\| `(/.*?)` \| (\w+) \|", PAGE, re.MULTILINE))
    assert rows == {usage: roles[name] for name, usage in USAGE.items()}


def test_the_example_is_read_as_it_says() -> None:
    (example,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    asked = read(example)
    assert [command.name for command in asked.commands] == ["promote", "retire"]
    assert asked.mistakes == ()


def test_every_conclusion_is_there() -> None:
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (\w+) \|", PAGE, re.MULTILINE))
    assert rows == {verdict.value: conclusion for verdict, conclusion in CONCLUSION.items()}


def test_roles_numbers_and_keys_are_the_codes() -> None:
    assert f"{', '.join(ROLES)}." in PAGE
    assert (MOST_COMMANDS, MOST_IDS) == (10, 50)
    assert "at most ten" in PAGE
    assert "at most fifty" in PAGE
    assert set(re.findall(r"`github\.(\w+)`", PAGE)) <= set(GitHub.model_fields)
