"""What the bot's own refs stand on: a commit has to have a tree, and one that changes no file asks for no permission
over workflows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ground:
    """A commit that is on GitHub, as a rule the default branch's tip."""

    commit: str
    tree: str
