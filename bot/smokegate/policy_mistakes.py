"""Mistakes in a policy file, each with its place, what was found, and what was expected; all of them at once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from smokegate.errors import PolicyError

_SHOWN = 50


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Line and column, both from one."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Mistake:
    place: Place
    key: str
    """Dotted path from the top, `gates.mine.match[0]`; empty where there is none."""
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{f'{self.key}: ' if self.key else ''}found {self.found}; expected {self.expected}"


class PolicyFileError(PolicyError):
    """A policy file that cannot be read, or does not mean anything."""

    def __init__(self, name: str, mistakes: Iterable[Mistake]) -> None:
        self.name = name
        self.mistakes = tuple(sorted(mistakes, key=lambda mistake: mistake.place))
        lines = [f"  {name}:{m.place.line}:{m.place.column}: {m}" for m in self.mistakes[:_SHOWN]]
        if len(self.mistakes) > _SHOWN:
            lines.append(f"  ... and {len(self.mistakes) - _SHOWN} more")
        count = "a mistake" if len(self.mistakes) == 1 else f"{len(self.mistakes)} mistakes"
        super().__init__(
            "\n".join([f"the policy {name} has {count}:", *lines]),
            fix=f"edit {name}, then read it back with `smokegate policy show`",
        )


def dotted(parts: Iterable[str | int]) -> str:
    """`gates.mine.match[0]`; a key that is no plain word is quoted."""
    path = ""
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += (
                f"{'.' if path else ''}{part if re.fullmatch(r'[A-Za-z0-9_-]{1,64}', part) else json.dumps(part[:64])}"
            )
    return path


def excerpt(text: str, limit: int = 60) -> str:
    """Text from the file as one short, printable, quoted line."""
    cut = text if len(text) <= limit else text[: limit - 3] + "..."
    if cut.isprintable() and "`" not in cut:
        return f"`{cut}`"
    return json.dumps(cut)
