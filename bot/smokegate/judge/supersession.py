"""Who succeeds whom, and who is called the default: said in the entry, in its sidecar, or in prose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from smokegate.judge.change import RegistryChange, Step
from smokegate.judge.side import Side
from smokegate.registry.card import claims_default
from smokegate.registry.entry import Entry


@dataclass(frozen=True, slots=True)
class Claim:
    """What an entry says of its place among the others."""

    supersedes: str | None = None
    default: bool = False


def claim(side: Side, entry: Entry) -> Claim:
    return Claim(supersedes(side, entry), any(map(claims_default, prose(side, entry))))


def supersedes(side: Side, entry: Entry) -> str | None:
    return entry.text("supersedes") or in_sidecar(side, entry, "supersedes")


def superseded_by(side: Side, entry: Entry) -> str | None:
    return entry.text("superseded_by") or in_sidecar(side, entry, "superseded_by")


def predecessor(change: RegistryChange, step: Step) -> str | None:
    """Key at base of the entry that one says, at head, to supersede."""
    named = supersedes(change.head, step.after) if step.after else None
    return change.renames.get(named, named) if named else None


def in_sidecar(side: Side, entry: Entry, field: str) -> str | None:
    """Where supersession is said if the repo's own schema admits no further field in an entry."""
    value = side.sidecar(entry).value.get(field)
    return value if isinstance(value, str) else None


def prose(side: Side, entry: Entry) -> Iterator[str]:
    """What is written for people: in the row, and in the cards."""
    for field in ("description", "notes"):
        if text := entry.text(field):
            yield text
    for path in side.card_paths(entry):
        if text := side.text(path):
            yield text
