"""One evidence file before the judge: what is wrong with it, who signed it, what else is to be said of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from smokegate.evidence.documents import Evidence, Subject, read
from smokegate.evidence.examine import examine
from smokegate.evidence.fault import MEASURE, Fault, Wanted
from smokegate.evidence.gates import evaluate
from smokegate.judge.attested import signing_of
from smokegate.judge.change import RegistryChange, Step
from smokegate.judge.dossier import gate_for, held, identity_of, is_pinned
from smokegate.judge.exhibit import Case, Exhibit
from smokegate.judge.groups import groups
from smokegate.judge.incumbents import budget, is_rolled_back, wanted
from smokegate.judge.law import Law
from smokegate.judge.needs import Need
from smokegate.judge.side import MIB

_MOST_NAMED = 8
_LONGEST_NAME = 60
_TOGETHER = "flip all entries that the evidence names in one change, or bring evidence about those in production alone"


def exhibit(change: RegistryChange, law: Law, path: str, gate: str, cases: Sequence[Case]) -> Exhibit:
    limits = law.policy.limits
    max_bytes = limits.document_mib * MIB
    data = change.head.tree.read(path, max_bytes)
    evidence = read(data, path, max_bytes=max_bytes, max_depth=limits.document_depth)
    if not isinstance(evidence, Evidence):
        raise AssertionError(f"{path} was readable a moment ago: {evidence.message}")  # noqa: TRY004
    needs = tuple(case.need for case in cases)
    again = all(is_rolled_back(change, law, path, need) for need in needs)
    faults = examine(
        evidence,
        law.policy.gates[gate],
        gate,
        law.policy,
        [*_wanted(change, law, gate, needs), *([] if again else _beside(change, law, gate, evidence, needs))],
        incumbent=None if again else _incumbent(evidence, cases),
        unopposed=not again and not any(case.incumbents for case in cases),
    )
    if not again:
        faults += _absent(change, law, gate, evidence)
        faults += _carried_by_others(change, law, gate, evidence)
    vouched = evidence.version == 1 and all(_is_pinned(change, law, evidence, need) for need in needs)
    signing = signing_of(change.head, path, data, law.policy, pinned=vouched)
    return Exhibit(path, evidence, gate, needs, tuple(faults), signing, tuple(_notes(change, law, evidence, needs)))


def _is_pinned(change: RegistryChange, law: Law, evidence: Evidence, need: Need) -> bool:
    return is_pinned(law.policy, need.entry, identity_of(change, need), evidence.sha256)


def _wanted(change: RegistryChange, law: Law, gate: str, needs: Sequence[Need]) -> list[Wanted]:
    """The entries that the file names, and where the gate judges groups, whatever goes up with them."""
    found = {need.step.key: _as_it_goes_up(change, need.step) for need in needs}
    if law.policy.gates[gate].group:
        for key in sorted(_together(change, law, gate, found.keys()) - found.keys()):
            step = change.steps.get(key)
            if step is not None and step.fresh_production and step.after and gate_for(law, step.after) == gate:
                found[key] = _as_it_goes_up(change, step)
    return list(found.values())


def _together(change: RegistryChange, law: Law, gate: str, keys: Collection[str]) -> set[str]:
    """Whom one document speaks for. Ensembles that the policy has flip together have evidence each of its own."""
    own = law.policy.groups if law.policy.gates[gate].shape == "ensemble" else ()
    ours = [one for one in groups(change, law.policy) if one.name not in own and one.members.intersection(keys)]
    return {key for group in ours for key in group.members}


def _beside(change: RegistryChange, law: Law, gate: str, evidence: Evidence, needs: Sequence[Need]) -> list[Wanted]:
    """Members of an ensemble that stay as they are: its spread is that of all who are in production together."""
    if law.policy.gates[gate].shape != "ensemble" or evidence.version == 1:
        return []
    head, keys = change.head, {need.step.key for need in needs}
    together = _together(change, law, gate, keys) | {one.id for one in evidence.subjects if one.id}
    entries = [head.entries[key] for key in sorted(together & head.entries.keys() - keys)]
    staying = [e for e in entries if e.production and gate_for(law, e) == gate and not _rises(change, e.key)]
    return [wanted(head, entry, head.identity(entry)) for entry in staying]


def _absent(change: RegistryChange, law: Law, gate: str, evidence: Evidence) -> Iterator[Fault]:
    """Members of the ensemble that was measured, and that the registry has not in production."""
    if law.policy.gates[gate].shape != "ensemble":
        return
    entries = change.head.entries
    for one in evidence.subjects:
        entry = entries.get(one.id) if one.id else None
        if entry is None or not entry.production:
            lack = "is not in production" if entry else "the registry does not have"
            message = f"the evidence is of an ensemble with `{one.id}`, which {lack}: an ensemble goes as one"
            yield Fault("SG509", ("subjects", one.index, "id"), message, _TOGETHER, one.id if entry else None)


def _carried_by_others(change: RegistryChange, law: Law, name: str, evidence: Evidence) -> Iterator[Fault]:
    """A mean over members is over those that are in production together: no stranger lifts it."""
    gate = law.policy.gates[name]
    entries = evidence.measurements.get("entries")
    if gate.shape != "metrics" or evidence.version == 1 or not isinstance(entries, dict):
        return
    there = [one for one in evidence.subjects if _stands(change, one)]
    if not there or len(there) == len(evidence.subjects):
        return  # none of them: what is wrong is told as the binding's
    own = {key: value for key, value in entries.items() if key in {one.id for one in there}}
    for reason in evaluate(gate, name, {**evidence.measurements, "entries": own}, there).reasons:
        message = f"without those whom it names and who do not go to production, it does not pass: {reason}"
        yield Fault("SG506", ("measurements", "entries"), message, MEASURE)


def _stands(change: RegistryChange, subject: Subject) -> bool:
    entry = change.head.entries.get(subject.id) if subject.id else None
    return entry is not None and entry.production and change.head.identity(entry).digest == subject.identity


def _rises(change: RegistryChange, key: str) -> bool:
    step = change.steps.get(key)
    return step is not None and step.fresh_production


def _as_it_goes_up(change: RegistryChange, step: Step) -> Wanted:
    """A budget that the very change raises, or brings, is not yet the entry's."""
    if step.after is None:
        raise AssertionError(f"{step.key} goes nowhere")
    found = wanted(change.head, step.after, step.identity_after or change.head.identity(step.after))
    return replace(found, int8_budget=min(found.int8_budget, budget(step.before)))


def _incumbent(evidence: Evidence, cases: Sequence[Case]) -> Wanted | None:
    """The one that the evidence names, where that is one of those it may name."""
    allowed = {one.identity: one for case in cases for one in case.incumbents}
    if not allowed:
        return None
    named = (evidence.incumbent or {}).get("identity")
    return allowed.get(named) if isinstance(named, str) and named in allowed else next(iter(allowed.values()))


# -- what is no fault, and is to be said -------------------------------------------------------------------------------


def _notes(change: RegistryChange, law: Law, evidence: Evidence, needs: Sequence[Need]) -> Iterator[str]:
    if evidence.unknown:
        named = ", ".join(_shown(name) for name in evidence.unknown[:_MOST_NAMED])
        more = len(evidence.unknown) - _MOST_NAMED
        rest = f" and {more} more" if more > 0 else ""
        yield f"{evidence.path} has fields that nobody knows, and that count for nothing: {named}{rest}"
    for need in needs:
        for path in held(change.head, need.entry, identity_of(change, need)):
            yield f"{path} holds the very model of {need.step.key} back that {evidence.path} promotes"


def _shown(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"
