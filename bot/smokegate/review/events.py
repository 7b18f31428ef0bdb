"""What one step of the judge's does to an entry, as an audit trail tells it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from smokegate.judge.change import RegistryChange, Step
from smokegate.judge.retiring import gets_its_name
from smokegate.judge.side import Side
from smokegate.registry.entry import Entry
from smokegate.registry.identity import Identity
from smokegate.render.life import Event
from smokegate.render.words import is_file


class Past:
    """What the entry was when it was last seen, to tell a return from an arrival."""

    def __init__(self) -> None:
        self._gone: dict[str, tuple[str, str]] = {}
        self._retired: set[str] = set()

    def learn(self, change: RegistryChange, step: Step) -> None:
        self._retired |= {one.id for one in change.head.retirements}
        if step.removed and step.before is not None:
            self._gone[step.key] = (step.before.stage, change.base.identity(step.before).digest)

    def of(self, key: str) -> tuple[str, str] | None:
        return self._gone.get(key)

    def retired(self, key: str) -> bool:
        return key in self._retired


def events_of(change: RegistryChange, step: Step, past: Past, *, cut: bool) -> Iterator[Event]:
    before, after = step.before, step.after
    was, now = _identity(change.base, before, step.identity_before), _identity(change.head, after, step.identity_after)
    parts = was.differences(now) if was and now else ()
    common: dict[str, Any] = {
        "id": step.key,
        "stage_before": before.stage if before else None,
        "stage_after": after.stage if after else None,
        "identity_before": was.digest if was else None,
        "identity_after": now.digest if now else None,
        "bytes_before": was.graph if was else None,
        "bytes_after": now.graph if now else None,
    }
    for one in change.changes():
        if one.id != step.key or is_file(one):
            continue
        what = one.what.value
        event = Event(what=what, was=one.was, fields=one.fields, parts=parts if what == "changed" else (), **common)
        if what == "added":
            event = _arrival(event, past, cut=cut)
        elif what in {"removed", "retired"}:
            event = _departure(event, change, step)
        elif what == "renamed" and before is not None:
            event = _record(event, change, before)
        yield event


def _identity(side: Side, entry: Entry | None, known: Identity | None) -> Identity | None:
    return known or (side.identity(entry) if entry else None)


def _arrival(event: Event, past: Past, *, cut: bool) -> Event:
    if cut:
        return replace(event, what="known")
    gone = past.of(event.id)
    if gone is None:
        return event
    if past.retired(event.id):
        return replace(event, notes=("it had been retired",))
    if gone == (event.stage_after, event.identity_after):
        return replace(event, what="restored", notes=("the same model at the same stage as before",))
    differs = "the stage" if gone[1] == event.identity_after else "the model"
    return replace(event, notes=(f"an entry of this id was there before, and {differs} is another one",))


def _departure(event: Event, change: RegistryChange, step: Step) -> Event:
    if step.before is None:
        return event
    event = _record(event, change, step.before)
    return event if event.reason else replace(event, notes=("no record says why",))


def _record(event: Event, change: RegistryChange, gone: Entry) -> Event:
    """What the retirement record says, where there is one."""
    for one in change.head.retirements:
        if one.id == gone.id:
            return replace(event, reason=one.reason or None, superseded_by=one.superseded_by or None)
    return event


def goes_up(step: Step) -> bool:
    """Whether something new runs in production after it, be it under a new name alone."""
    if step.after is None or not step.after.production:
        return False
    return step.fresh or (step.renamed and not gets_its_name(step))
