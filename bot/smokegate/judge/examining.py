"""One evidence file before the judge: what is wrong with it, who signed it, what else is to be said of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from smokegate.evidence.documents import Evidence, read
from smokegate.evidence.examine import examine
from smokegate.evidence.fault import Wanted
from smokegate.judge.attested import signing_of
from smokegate.judge.change import RegistryChange, Step
from smokegate.judge.dossier import held, identity_of, is_pinned
from smokegate.judge.exhibit import Case, Exhibit
from smokegate.judge.groups import groups
from smokegate.judge.incumbents import budget, is_rolled_back, wanted
from smokegate.judge.law import Law
from smokegate.judge.needs import Need
from smokegate.judge.side import MIB

_MOST_NAMED = 8
_LONGEST_NAME = 60


def exhibit(change: RegistryChange, law: Law, path: str, gate: str, cases: Sequence[Case]) -> Exhibit:
    limits = law.policy.limits
    max_bytes = limits.document_mib * MIB
    data = change.head.tree.read(path, max_bytes)
    evidence = read(data, path, max_bytes=max_bytes, max_depth=limits.document_depth)
    if not isinstance(evidence, Evidence):
        raise AssertionError(f"{path} was readable a moment ago: {evidence.message}")  # noqa: TRY004
    needs = tuple(case.need for case in cases)
    faults = examine(
        evidence,
        law.policy.gates[gate],
        gate,
        law.policy,
        _wanted(change, law, gate, needs),
        incumbent=_incumbent(change, law, evidence, cases),
    )
    vouched = evidence.version == 1 and all(_is_pinned(change, law, evidence, need) for need in needs)
    signing = signing_of(change.head, path, data, law.policy, pinned=vouched)
    return Exhibit(path, evidence, gate, needs, tuple(faults), signing, tuple(_notes(change, law, evidence, needs)))


def _is_pinned(change: RegistryChange, law: Law, evidence: Evidence, need: Need) -> bool:
    return is_pinned(law.policy, need.entry, identity_of(change, need), evidence.sha256)


def _wanted(change: RegistryChange, law: Law, gate: str, needs: Sequence[Need]) -> list[Wanted]:
    """The entries that the file names, and where the gate judges groups, whatever goes up with them."""
    found = {need.step.key: _as_it_goes_up(change, need.step) for need in needs}
    if law.policy.gates[gate].group:
        for group in groups(change, law.policy):
            if group.members.intersection(found):
                for key in group.members.difference(found):
                    step = change.steps.get(key)
                    if step is not None and step.fresh_production and step.after is not None:
                        found[key] = _as_it_goes_up(change, step)
    return list(found.values())


def _as_it_goes_up(change: RegistryChange, step: Step) -> Wanted:
    """A budget that the very change raises is not yet the entry's."""
    if step.after is None:
        raise AssertionError(f"{step.key} goes nowhere")
    found = wanted(change.head, step.after, step.identity_after or change.head.identity(step.after))
    return replace(found, int8_budget=min(found.int8_budget, budget(step.before))) if step.before else found


def _incumbent(change: RegistryChange, law: Law, evidence: Evidence, cases: Sequence[Case]) -> Wanted | None:
    """The one that the evidence names, where that is one of those it may name."""
    allowed = {one.identity: one for case in cases for one in case.incumbents}
    if not allowed or all(is_rolled_back(change, law, evidence.path, case.need) for case in cases):
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
