"""SG404: a production entry's identity changes only with fresh evidence."""

from __future__ import annotations

from smokegate.judge.change import RegistryChange
from smokegate.judge.dossier import unmet
from smokegate.judge.law import Law
from smokegate.judge.needs import Needs, need
from smokegate.judge.problem import Problems


def change(change: RegistryChange, law: Law) -> Problems:
    return unmet(needs(change, law), change, law)


def needs(change: RegistryChange, law: Law) -> Needs:
    del law
    for step in change.steps.values():
        before, after = step.before, step.after
        if before is None or after is None or not (before.production and after.production):
            continue
        if step.identity_changed and step.identity_before and step.identity_after:
            parts = ", ".join(step.identity_before.differences(step.identity_after))
            said = f"changes what production runs ({parts})"
            yield from need(step, said, at="sha256", otherwise="put back what it ran before")
