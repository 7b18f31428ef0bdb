"""`smokegate github`: what the action runs, one command for each of its modes."""

from __future__ import annotations

import importlib
from typing import ClassVar

import click


class _Modes(click.Group):
    """Each is loaded when it is called: of the GitHub side, a step needs the part that it is."""

    modes: ClassVar[tuple[str, ...]] = (
        "check",
        "command",
        "doctor",
        "finish",
        "harness",
        "judge",
        "publish",
        "refresh",
        "setup",
        "sweep",
        "verdict",
    )

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(self.modes)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in self.modes:
            return None
        module = importlib.import_module(f"smokegate.commands.github_{cmd_name}")
        command: click.Command = module.command
        return command


@click.group("github", cls=_Modes)
def command() -> None:
    """Work on GitHub: check pull requests, publish verdicts, promote.

    `setup` and `doctor` are for people. The others are steps of workflows, which `action.yml` runs, and read their
    environment.
    """
