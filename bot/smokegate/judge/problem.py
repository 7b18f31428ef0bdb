"""What a check says, before the judge decides whether the change introduced it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from smokegate.judge.report import Severity
from smokegate.registry.document import Pointer


@dataclass(frozen=True, slots=True)
class Problem:
    subject: str
    """An entry's key, a manifest's id or a path."""
    path: str
    message: str
    fix: str
    cause: tuple[Any, ...]
    """Every value that the message was drawn from: equal causes on both sides make the finding a standing one."""
    pointer: Pointer | None = None
    """Where in the JSON document at `path`; None when a line would say nothing."""
    line: int | None = None
    column: int | None = None
    concerns: tuple[str, ...] = ()
    """Keys of the entries it is about, where they are not the subject itself."""
    restores: str | None = None
    """A file that may be wrong: where base holds other bytes at that path, the fix says how to have them back."""
    curable: bool = True
    """False where evidence or an owner's word, which lift such problems as a rule, cannot lift this one."""
    severity: Severity | None = None
    """Where it departs from the check's own."""

    @property
    def entries(self) -> tuple[str, ...]:
        return self.concerns or (self.subject,)


Problems = Iterator[Problem]
