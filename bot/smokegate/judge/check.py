"""What a check is: a code, a default severity, and a question asked of entries, of a side, or of the change."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol

from smokegate.judge.change import RegistryChange
from smokegate.judge.law import Law
from smokegate.judge.problem import Problems
from smokegate.judge.report import Severity
from smokegate.judge.side import Side
from smokegate.registry.entry import Entry


class AsksEntry(Protocol):
    """A question about one entry on one side; the judge asks it of base too, to tell what was there before."""

    def __call__(self, side: Side, entry: Entry, law: Law) -> Problems: ...


class AsksSide(Protocol):
    """A question about a whole registry on one side."""

    def __call__(self, side: Side, law: Law) -> Problems: ...


class AsksChange(Protocol):
    """A question about the change itself: whatever it finds, the change introduced."""

    def __call__(self, change: RegistryChange, law: Law) -> Problems: ...


class Depth(enum.Enum):
    CHEAP = "cheap"
    """Asked of every entry: reads no file."""
    DEEP = "deep"
    """Asked of what the change touches (of everything with `--all`): reads, hashes, parses or runs."""


class Hardens(enum.Enum):
    """When a problem that is milder than its check's worst becomes a blocking one."""

    NEVER = "never"
    FRESH = "fresh"
    """For an entry that flips, is new, or changes identity in this change."""
    FRESH_PRODUCTION = "fresh-production"
    """The same, where the entry stands in production at head."""


class Cure(enum.Enum):
    EVIDENCE = "evidence"
    OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Check:
    code: str
    name: str
    holds: str
    """What is true of a registry that passes, as one clause."""
    severity: Severity
    entry: AsksEntry | None = None
    side: AsksSide | None = None
    change: AsksChange | None = None
    depth: Depth = Depth.CHEAP
    hardens: Hardens = Hardens.NEVER
    cure: Cure | None = None
    """Who can lift it, where a harness run or an owner's approval can."""
