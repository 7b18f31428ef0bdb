"""The evidence that a change brings before the judge, examined once for all the checks that speak of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple

from smokegate.judge.change import RegistryChange
from smokegate.judge.checks import sg403_flip, sg404_identity, sg405_new_production
from smokegate.judge.dossier import gate_for, identity_of, naming
from smokegate.judge.exhibit import Case, Exhibit
from smokegate.judge.incumbents import incumbents
from smokegate.judge.law import Law
from smokegate.judge.needs import Need
from smokegate.judge.problem import Problem
from smokegate.policy import Level

if TYPE_CHECKING:
    from smokegate.evidence.fault import Fault


@dataclass(frozen=True, slots=True)
class Docket:
    exhibits: tuple[Exhibit, ...]
    unsigned_passes: bool = False
    """Whether base's policy has the check of signatures (SG508) not block."""

    @property
    def self_attested(self) -> bool:
        """Whether something goes to production on evidence that nobody signed, as base's policy allows."""
        unsigned = [exhibit.signing for exhibit in self.exhibits if exhibit.signing.by is None]
        return any(signing.fault is None or self.unsigned_passes for signing in unsigned)

    def problems(self, code: str) -> Iterator[Problem]:
        found = {
            (exhibit.path, fault.pointer, fault.message): _problem(exhibit, fault)
            for exhibit in self.exhibits
            for fault in exhibit.faults
            if fault.code == code
        }
        yield from found.values()

    @property
    def notes(self) -> list[str]:
        return list(dict.fromkeys(note for exhibit in self.exhibits for note in exhibit.notes))


@lru_cache(maxsize=1)
def docket(change: RegistryChange, law: Law) -> Docket:
    """Of several files that name an entry the best counts: older evidence stays in the tree for ever."""
    cases = list(_cases(change, law))
    if not cases:
        return Docket(())  # as ever: nothing of what follows is even loaded
    from smokegate.judge.examining import exhibit  # noqa: PLC0415

    exhibits: dict[_Key, Exhibit] = {}
    chosen: dict[_Key, Exhibit] = {}
    for case in cases:
        for key in map(partial(_key, case), case.paths):
            if key not in exhibits:
                exhibits[key] = exhibit(change, law, key.path, key.gate, [one for one in cases if key in _keys(one)])
        best = min(_keys(case), key=lambda key: (len(exhibits[key].faults), not exhibits[key].sound, key.path))
        chosen[best] = exhibits[best]
    lenient = law.policy.checks.get("SG508") in {Level.WARN, Level.OFF}
    return Docket(tuple(sorted(chosen.values(), key=lambda one: (one.path, one.gate, one.keys))), lenient)


class _Key(NamedTuple):
    """One file may have to stand for several entries; compared with different incumbents, it is looked at for each."""

    path: str
    gate: str
    incumbents: frozenset[str]


def _key(case: Case, path: str) -> _Key:
    return _Key(path, case.gate, frozenset(one.id for one in case.incumbents))


def _keys(case: Case) -> list[_Key]:
    return [_key(case, path) for path in case.paths]


def needs_of(change: RegistryChange, law: Law) -> list[Need]:
    return [need for check in (sg403_flip, sg404_identity, sg405_new_production) for need in check.needs(change, law)]


def _cases(change: RegistryChange, law: Law) -> Iterator[Case]:
    needs = needs_of(change, law)
    for need in needs:
        gate = gate_for(law, need.entry)
        paths = naming(change.head, need.entry, identity_of(change, need), law.policy).paths
        if gate is not None and paths:
            yield Case(need, gate, paths, incumbents(change, law, gate, need, needs))


def _problem(exhibit: Exhibit, fault: Fault) -> Problem:
    return Problem(
        subject=fault.subject or exhibit.path,
        path=exhibit.path,
        pointer=fault.pointer,
        message=f"`{exhibit.path}`: {fault.message}",
        fix=fault.fix,
        cause=(),
        concerns=exhibit.keys,
    )
