"""Errors that stop a command. Findings are values; these are raised only when smokegate cannot go on."""

from __future__ import annotations

from typing import ClassVar


class SmokegateError(Exception):
    """What went wrong and, where there is one, the command that mends it."""

    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, *, fix: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message}\n  fix: {self.fix}" if self.fix else self.message


class UsageError(SmokegateError):
    """The command line asks for something that cannot be done."""


class RepositoryError(SmokegateError):
    """The git repository, or a revision in it, cannot be read."""


class MissingObject(RepositoryError):
    """An object that the change needs is not in the clone."""

    def __init__(self, oid: str, path: str | None = None) -> None:
        where = f" ({path})" if path else ""
        super().__init__(
            f"git object {oid}{where} is missing from this clone, so the change cannot be judged",
            fix="git fetch --unshallow --filter=blob:none origin  (or: git fetch origin --refetch)",
        )
        self.oid = oid


class PolicyError(SmokegateError):
    """The policy cannot be read, or does not mean anything."""


class DocumentError(SmokegateError):
    """A document that the command itself needs cannot be read."""
