"""What evidence must be about, and what a comparison must be against."""

from __future__ import annotations

from collections.abc import Sequence

from smokegate.evidence.fault import Wanted
from smokegate.evidence.numbers import finite
from smokegate.judge.change import RegistryChange
from smokegate.judge.dossier import gate_for, identity_of
from smokegate.judge.law import Law
from smokegate.judge.needs import Need
from smokegate.judge.side import Side
from smokegate.judge.supersession import superseded_by, supersedes
from smokegate.policy import Gate
from smokegate.registry.entry import Entry
from smokegate.registry.identity import Identity

_BUDGET = 0.01
"""Where the entry names none."""


def incumbents(
    change: RegistryChange, law: Law, gate_name: str, need: Need, needs: Sequence[Need]
) -> tuple[Wanted, ...]:
    """What is in use at base and would be replaced: one of these the evidence must name. None: there is no such entry.

    A model of which another meaning takes the place is its own incumbent. Members of a group go together, and one
    document speaks for them all: the incumbent of any will do.
    """
    gate = law.policy.gates[gate_name]
    if not _compares(gate):
        return ()
    together = [need]
    if gate.group:
        together = [other for other in needs if gate_for(law, other.entry) == gate_name]
    found = {entry.key: entry for one in together for entry in _replaced(change, law, gate_name, one)}
    return tuple(wanted(change.base, entry, change.base.identity(entry)) for entry in found.values())


def _compares(gate: Gate) -> bool:
    return gate.shape == "comparison" or any(bound.max_drop is not None for bound in gate.bounds.values())


def _replaced(change: RegistryChange, law: Law, gate: str, need: Need) -> list[Entry]:
    before = need.step.before
    if need.over is None and before is not None and before.production and need.step.identity_changed:
        return [before]
    base = change.base.entries
    own = {need.step.key, before.key if before else None}
    others = [e for e in base.values() if e.production and e.key not in own and gate_for(law, e) == gate]
    current = [e for e in others if not _is_succeeded(change.base, e, others)]
    named = base.get(need.over) if need.over else None
    if named is not None and named.production and (named in current or not current):
        return [named]
    return current or others


def _is_succeeded(side: Side, entry: Entry, others: Sequence[Entry]) -> bool:
    heir = superseded_by(side, entry)
    return any(other.key == heir or supersedes(side, other) == entry.key for other in others if other is not entry)


def is_rolled_back(change: RegistryChange, law: Law, path: str, need: Need) -> bool:
    """What once was in production goes back there on the evidence of its day, whatever is in use by now."""
    kept = change.base.key(path) == change.head.key(path)
    if not kept or need.over is not None or not need.step.fresh_production:
        return False
    return law.past.once_in_production(need.entry.key, identity_of(change, need).digest)


def wanted(side: Side, entry: Entry, identity: Identity) -> Wanted:
    return Wanted(
        id=entry.id or entry.key,
        identity=identity.digest,
        sha256=identity.graph or "",
        int8_sha256=identity.int8,
        external=dict(identity.external),
        int8_budget=budget(entry),
        onnx=entry.onnx,
    )


def budget(entry: Entry | None) -> float:
    """What the int8 twin may lose of PLCC."""
    said = finite(entry.raw.get("quant_accuracy_budget_plcc")) if entry else None
    return _BUDGET if said is None else said
