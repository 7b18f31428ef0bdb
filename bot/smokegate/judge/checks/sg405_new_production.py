"""SG405: a new production entry carries evidence, unless it is restored or carried on under a new id."""

from __future__ import annotations

from smokegate.judge.change import RegistryChange
from smokegate.judge.dossier import carried_on, is_restored, wants_evidence
from smokegate.judge.law import Law
from smokegate.judge.problem import Problems


def change(change: RegistryChange, law: Law) -> Problems:
    for step in change.steps.values():
        after = step.after
        if after is None or not after.production or not (step.added or step.renamed) or step.flipped:
            continue
        if carried_on(change, step) or (step.added and is_restored(change, step, law)):
            continue
        yield from wants_evidence(change, step, law, "enters production as a new entry", "smoke")
