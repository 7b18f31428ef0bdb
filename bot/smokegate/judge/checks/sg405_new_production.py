"""SG405: a new production entry carries evidence, unless it is restored or carried on under a new id."""

from __future__ import annotations

from smokegate.judge.change import RegistryChange, Step
from smokegate.judge.dossier import carried_on, gate_for, is_restored, unmet
from smokegate.judge.law import Law
from smokegate.judge.needs import Needs, need
from smokegate.judge.problem import Problems
from smokegate.judge.retiring import command, gets_its_name
from smokegate.judge.supersession import predecessor


def change(change: RegistryChange, law: Law) -> Problems:
    return unmet(needs(change, law), change, law)


def needs(change: RegistryChange, law: Law) -> Needs:
    for step in change.steps.values():
        after = step.after
        if after is None or not after.production or not (step.added or step.renamed) or step.flipped:
            continue
        elsewhere = _under_another_gate(step, law)
        if (carried_on(change, step) and elsewhere is None) or is_restored(change, step, law):
            continue
        said, otherwise = "enters production as a new entry", 'write "smoke": true'
        if elsewhere is not None:
            said += f" (the model of `{elsewhere}`, which another gate judges)"
            otherwise = "take an id that the same gate matches"
        elif old := _unrecorded(step):
            said += f" (the model of `{old}`, whose retirement does not name it as the successor)"
            otherwise = command(change, law, old, step.key)
        yield from need(step, said, at="smoke", otherwise=otherwise, over=predecessor(change, step))


def _under_another_gate(step: Step, law: Law) -> str | None:
    """A new name must not be a way to an easier gate. Where none judges it any more, it stays what it is for good."""
    before, after = step.before, step.after
    if not step.renamed or before is None or after is None or not before.production or gets_its_name(step):
        return None
    return before.key if gate_for(law, after) not in {gate_for(law, before), None} else None


def _unrecorded(step: Step) -> str | None:
    """The id under which the very same model stood in production before."""
    return step.before.key if step.before and step.renamed and not step.identity_changed else None
