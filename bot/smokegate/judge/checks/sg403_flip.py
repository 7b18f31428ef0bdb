"""SG403: a flip carries passing evidence, and so does an entry that becomes the one in use."""

from __future__ import annotations

from collections.abc import Iterator

from smokegate.judge.change import RegistryChange, Step
from smokegate.judge.dossier import gate_for, wants_evidence
from smokegate.judge.law import Law
from smokegate.judge.problem import Problems
from smokegate.judge.side import Side
from smokegate.judge.supersession import supersedes
from smokegate.registry.card import claims_default
from smokegate.registry.entry import Entry


def change(change: RegistryChange, law: Law) -> Problems:
    for step in change.steps.values():
        if step.flipped:
            said = "goes from smoke to production"
            if step.after and "smoke" not in step.after.raw:
                said += " (by leaving out `smoke`)"
            yield from wants_evidence(change, step, law, said, "smoke")
        elif gained := _gained_standing(change, step, law):
            yield from wants_evidence(change, step, law, gained, "supersedes")


def _gained_standing(change: RegistryChange, step: Step, law: Law) -> str | None:
    """Taking over from another entry is a promotion too, where a gate has a say."""
    after = step.after
    if after is None or not after.production or gate_for(law, after) is None:
        return None
    successor_of = supersedes(change.head, after)
    if successor_of and successor_of != (supersedes(change.base, step.before) if step.before else None):
        return f"takes over from `{successor_of}`"
    was_default = step.before is not None and any(map(claims_default, _prose(change.base, step.before)))
    if not was_default and any(map(claims_default, _prose(change.head, after))):
        return "is now called the default"
    return None


def _prose(side: Side, entry: Entry) -> Iterator[str]:
    for field in ("description", "notes"):
        if text := entry.text(field):
            yield text
    for path in side.card_paths(entry):
        yield side.text(path) or ""
