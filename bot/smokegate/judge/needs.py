"""A step that wants evidence, as the lifecycle checks state it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from smokegate.judge.change import Step
from smokegate.registry.entry import Entry


@dataclass(frozen=True, slots=True)
class Need:
    step: Step
    entry: Entry
    """The entry as it stands at head."""
    said: str
    """What it does that wants evidence."""
    at: str
    """The field of the entry to point to."""
    otherwise: str
    """What the author may do instead of bringing evidence."""
    over: str | None = None
    """Key at base of the entry that it takes over from, where it says so."""


Needs = Iterator[Need]


def need(step: Step, said: str, *, at: str, otherwise: str, over: str | None = None) -> Needs:
    if step.after is not None:
        yield Need(step, step.after, said, at, otherwise, over)
