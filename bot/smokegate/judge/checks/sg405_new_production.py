"""SG405: a new production entry carries evidence, unless it is restored or carried on under a new id."""

from __future__ import annotations

from smokegate.judge.change import RegistryChange, Step
from smokegate.judge.dossier import carried_on, is_restored, unmet
from smokegate.judge.law import Law
from smokegate.judge.needs import Needs, need
from smokegate.judge.problem import Problems
from smokegate.judge.retiring import command
from smokegate.judge.supersession import predecessor


def change(change: RegistryChange, law: Law) -> Problems:
    return unmet(needs(change, law), change, law)


def needs(change: RegistryChange, law: Law) -> Needs:
    for step in change.steps.values():
        after = step.after
        if after is None or not after.production or not (step.added or step.renamed) or step.flipped:
            continue
        if carried_on(change, step) or is_restored(change, step, law):
            continue
        said, otherwise = "enters production as a new entry", 'write "smoke": true'
        if old := _unrecorded(step):
            said += f" (the model of `{old}`, whose retirement does not name it as the successor)"
            otherwise = command(change, law, old, step.key)
        yield from need(step, said, at="smoke", otherwise=otherwise, over=predecessor(change, step))


def _unrecorded(step: Step) -> str | None:
    """The id under which the very same model stood in production before."""
    return step.before.key if step.before and step.renamed and not step.identity_changed else None
