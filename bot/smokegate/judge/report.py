"""The verdict as a value: what changed, what is wrong with it, and what that comes to."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Severity(enum.Enum):
    BLOCK = "block"
    WARN = "warn"


class Verdict(enum.Enum):
    PASS = "pass"  # noqa: S105 - a verdict
    BLOCK = "block"
    NEEDS_EVIDENCE = "needs-evidence"
    NEEDS_OWNER = "needs-owner"


class What(enum.Enum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    FLIPPED = "flipped"
    DEMOTED = "demoted"
    RENAMED = "renamed"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened to one entry; an entry may have several (flipped and changed)."""

    id: str
    what: What
    fields: tuple[str, ...] = ()
    """Entry fields, and `sidecar.x`, `bytes`, `external_data`, `int8`, `manifest`, that differ."""
    was: str | None = None
    """For a rename: the id at base."""
    stage_before: str | None = None
    stage_after: str | None = None
    """`smoke`, `production`, or None where the entry does not exist on that side."""
    identity_before: str | None = None
    identity_after: str | None = None
    """Filled where the change made the judge work the identities out."""
    identity_changed: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    code: str
    check: str
    severity: Severity
    introduced: bool
    subject: str
    path: str
    line: int | None
    column: int | None
    message: str
    fix: str
    curable: bool = True
    """Whether what cures its check as a rule (a harness run, an owner) can cure this one."""

    @property
    def blocks(self) -> bool:
        return self.introduced and self.severity is Severity.BLOCK


@dataclass(frozen=True, slots=True)
class Report:
    verdict: Verdict
    base: str
    head: str
    registry: str
    policy_sha256: str
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    """What the reader must know about how this was judged: a stand-in base, self-governed paths, ..."""
    self_attested: bool = False
    entries_before: int = 0
    entries_after: int = 0

    @property
    def blocking(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.blocks)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Introduced findings that do not block."""
        return tuple(f for f in self.findings if f.introduced and f.severity is Severity.WARN)

    @property
    def debt(self) -> tuple[Finding, ...]:
        """Standing findings: there before this change."""
        return tuple(f for f in self.findings if not f.introduced)
