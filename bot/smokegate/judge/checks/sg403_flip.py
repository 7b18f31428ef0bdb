"""SG403: a flip carries passing evidence, and so does an entry that becomes the one in use."""

from __future__ import annotations

from smokegate.judge.change import RegistryChange, Step
from smokegate.judge.dossier import carried_on, gate_for, restored_from, unmet
from smokegate.judge.law import Law
from smokegate.judge.needs import Needs, need
from smokegate.judge.problem import Problems
from smokegate.judge.supersession import Claim, claim, predecessor, superseded_by, supersedes

_STAY = 'keep "smoke": true'


def change(change: RegistryChange, law: Law) -> Problems:
    return unmet(needs(change, law), change, law)


def needs(change: RegistryChange, law: Law) -> Needs:
    told = set()
    for step in change.steps.values():
        if step.flipped:
            said = "goes from smoke to production"
            if step.after and "smoke" not in step.after.raw:
                said += " (by leaving out `smoke`)"
            found = need(step, said, at="smoke", otherwise=_STAY, over=predecessor(change, step))
        elif gained := _gains(change, step, law):
            said, field = gained
            found = need(step, said, at=field, otherwise="take that back", over=predecessor(change, step))
        else:
            continue
        told.add(step.key)
        yield from found
    yield from _named_as_successors(change, law, told)


def _gains(change: RegistryChange, step: Step, law: Law) -> tuple[str, str] | None:
    """Taking over from another entry is a promotion too, where a gate has a say."""
    after = step.after
    if after is None or not after.production or gate_for(law, after) is None:
        return None
    before = _claimed_before(change, step, law)
    if before is None:
        return None  # new in production: SG405 wants the evidence
    now = claim(change.head, after)
    known = _is_own_past(change, step, now) or _is_one(change, before.supersedes, now.supersedes)
    if now.supersedes and not known:
        return f"takes over from `{now.supersedes}`", "supersedes"
    if now.default and not before.default:
        return "is now called the default", "notes"
    return None


def _claimed_before(change: RegistryChange, step: Step, law: Law) -> Claim | None:
    if step.before is not None:
        return claim(change.base, step.before)
    past = restored_from(change, step, law)
    return past.claim if past else None


def _is_one(change: RegistryChange, old: str | None, new: str | None) -> bool:
    """The same entry, if need be under its new id."""
    return old is not None and new is not None and old in {new, change.renames.get(new)}


def _is_own_past(change: RegistryChange, step: Step, now: Claim) -> bool:
    return step.before is not None and now.supersedes == step.before.id and carried_on(change, step)


def _named_as_successors(change: RegistryChange, law: Law, told: set[str]) -> Needs:
    """`superseded_by` in the old entry promotes the new one as much as `supersedes` in the new one does."""
    for step in list(change.steps.values()):
        heir = _newly_named(change, step)
        if heir is None or heir in told:
            continue
        before, after = change.base.entries.get(change.renames.get(heir, heir)), change.head.entries[heir]
        if before is None or not (before.production and after.production) or gate_for(law, after) is None:
            continue  # on its way up by itself, or not in production at all
        known = supersedes(change.base, before)
        if step.after and step.after.id and _is_one(change, known, step.after.id):
            continue
        told.add(heir)
        said = f"is named by `{step.key}` as its successor"
        heirs = change.steps.get(heir) or Step(heir, before, after)
        old = step.before.key if step.before else None
        yield from need(heirs, said, at="id", otherwise=f"take that back from `{step.key}`", over=old)


def _newly_named(change: RegistryChange, step: Step) -> str | None:
    if step.after is None:
        return None
    now = superseded_by(change.head, step.after)
    was = superseded_by(change.base, step.before) if step.before else None
    return now if now in change.head.entries and now and not _is_one(change, was, now) else None
