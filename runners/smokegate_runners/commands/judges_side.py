"""What the command line keeps of the judge's side for commands of runners, which know nothing of it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import click

from smokegate.errors import UsageError

JUDGE = "judge"
"""Under this name there is what opens it."""


def judge_of(command: str) -> AbstractContextManager[Any]:
    """What `command` asks of the judge: the protocols of its package say what that is."""
    tools = click.get_current_context().find_root().obj
    if not isinstance(tools, dict) or JUDGE not in tools:
        raise UsageError("this command needs the judge beside it", fix=f"run it as: smokegate {command}")
    opened: AbstractContextManager[Any] = tools[JUDGE]()
    return opened
