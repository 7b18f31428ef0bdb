"""Which commits are about one entry, through its renames, along first parents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from smokegate.judge.change import RegistryChange
from smokegate.registry.document import DocumentFault
from smokegate.sources.history import Commit


@dataclass(frozen=True, slots=True)
class Touch:
    """What one commit touched, by key; cheap to find and small to keep."""

    commit: Commit
    keys: frozenset[str]
    gone: frozenset[str]
    renames: dict[str, str]
    """New id -> old id."""
    fault: str | None = None
    """Why the registry of this commit cannot be read."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A commit that is about the entry, and the ids under which it is known there."""

    commit: Commit
    ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Lineage:
    last: str
    """The id that it bears now, or bore last."""
    ids: tuple[str, ...]
    """Oldest first."""
    passages: tuple[Passage, ...]


def touch(commit: Commit, change: RegistryChange) -> Touch:
    if isinstance(change.head.registry, DocumentFault):
        return Touch(commit, frozenset(), frozenset(), {}, change.head.registry.message)
    base, head = change.base.entries, change.head.entries
    both = base.keys() & head.keys()
    # by their text, for Python takes 1 for true: a row that is only spelled otherwise is sorted out later
    edited = {key for key in both if repr(base[key].raw) != repr(head[key].raw)}
    reached = {key for key in both - edited if change.reach.of(key)}
    return Touch(
        commit,
        frozenset((base.keys() ^ head.keys()) | edited | reached),
        frozenset(base.keys() - head.keys()),
        change.renames,
    )


def lineage(touches: Sequence[Touch], asked: str, at_head: Callable[[str], bool]) -> Lineage | None:
    """`touches` are newest first. None where no commit knows the id."""
    last = asked if at_head(asked) else _last_id(touches, asked)
    ids, known, passages = [last], {last}, []
    for one in touches:
        now = known & one.keys
        older = [old for new, old in one.renames.items() if new in known]
        if now:
            passages.append(Passage(one.commit, frozenset({*known, *older})))
        ids += [old for old in older if old not in known]
        known |= set(older)
    return Lineage(last, tuple(reversed(ids)), tuple(reversed(passages))) if passages else None


def _last_id(touches: Iterable[Touch], asked: str) -> str:
    """An id that is gone may have gone on under another name, and that one too."""
    later: list[Touch] = []
    for one in touches:
        if asked in one.gone:
            heir = next((new for new, old in one.renames.items() if old == asked), None)
            return asked if heir is None else _last_id(later, heir)
        if asked in one.keys:
            return asked
        later.append(one)
    return asked
