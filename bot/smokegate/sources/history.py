"""Commits in the order in which the branch itself knew them: along first parents."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from smokegate.sources.command import Git, decoded

_FORMAT = "tformat:%H%x00%P%x00%h%x00%aI%x00%s"
_FIELDS = 5


@dataclass(frozen=True, slots=True)
class Commit:
    oid: str
    short: str
    parent: str | None
    """The first parent; None for a root, and where a shallow clone ends."""
    date: str
    """The author's, ISO 8601. Whoever wrote the commit chose it: it proves nothing."""
    subject: str
    cut: bool = False
    """A shallow clone ends here: what came before is not known, rather than not there."""


def first_parents(
    git: Git,
    oid: str,
    paths: Sequence[str],
    *,
    since: str | None,
    limit: int | None,
    shallow: Collection[str],
) -> Iterator[Commit]:
    """Newest first; only those that touched `paths`, if any are given. `since` and what it knew are left out."""
    arguments = ["log", "-z", "--first-parent", "--no-show-signature", "--no-color", "--no-follow", "--no-patch"]
    arguments += ["--encoding=UTF-8", f"--format={_FORMAT}"]
    if limit is not None:
        arguments.append(f"--max-count={limit}")
    arguments += [oid, *([f"^{since}"] if since else []), "--", *paths]
    record: list[str] = []
    for field in git.fields(*arguments):
        record.append(decoded(field))
        if len(record) == _FIELDS:
            yield _commit(record, shallow)
            record = []


def _commit(record: list[str], shallow: Collection[str]) -> Commit:
    oid, parents, short, date, subject = record
    parent = parents.split(" ")[0] or None
    return Commit(oid, short, parent, date, subject, cut=oid in shallow)
