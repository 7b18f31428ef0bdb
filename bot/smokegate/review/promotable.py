"""What a promotion can be about: entries of one registry, the gate that judges them, and who goes up with whom."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from smokegate.errors import UsageError
from smokegate.evidence.fault import Wanted
from smokegate.judge.change import RegistryChange, Step
from smokegate.judge.docket import docket, needs_of
from smokegate.judge.dossier import gate_for
from smokegate.judge.groups import groups
from smokegate.judge.incumbents import incumbents
from smokegate.judge.law import Law
from smokegate.judge.needs import Need
from smokegate.judge.side import Side
from smokegate.judge.supersession import predecessor
from smokegate.policy import Gate
from smokegate.policy_file import LoadedPolicy
from smokegate.registry.document import DocumentFault
from smokegate.registry.entry import Entry
from smokegate.review.check import Workbench
from smokegate.review.law import effective_policy, law_of
from smokegate.review.past import lookup
from smokegate.review.registries import registries_of
from smokegate.review.sides import Sides
from smokegate.sources.tree import Tree


@dataclass(frozen=True, slots=True)
class Lot:
    """Entries that go up together, or not at all."""

    gate_name: str
    gate: Gate
    entries: tuple[Entry, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(entry.id or entry.key for entry in self.entries)


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One registry, as a change leaves it."""

    registry: str
    change: RegistryChange
    law: Law
    loaded: LoadedPolicy
    several: bool
    """Whether it is one of several registries."""

    @property
    def touched(self) -> bool:
        return bool(self.change.governed_changes)

    def known(self) -> list[str]:
        """What can be named: entries, and groups that stand for their members."""
        named = (entry.id for entry in self.change.head.entries.values() if entry.id)
        return [*named, *(group.name for group in groups(self.change, self.law.policy))]

    def named(self, ids: Iterable[str]) -> list[Entry]:
        """Those that are known, in the order of the registry."""
        entries = self.change.head.entries
        wanted: set[str] = set()
        members = {group.name: group.at_head for group in groups(self.change, self.law.policy)}
        for one in ids:
            wanted |= {one} if one in entries else set(members.get(one, ()))
        return [entry for key, entry in entries.items() if key in wanted and entry.named]

    def waiting(self) -> list[Entry]:
        """Entries of this change that go to production, or change there, and want evidence that is not there yet."""
        wanted = {need.entry.key for need in needs_of(self.change, self.law)}
        sound = (exhibit for exhibit in docket(self.change, self.law).exhibits if exhibit.sound)
        wanted -= {need.entry.key for exhibit in sound for need in exhibit.needs}
        return [entry for key, entry in self.change.head.entries.items() if key in wanted and entry.named]

    def stands(self, entry: Entry) -> bool:
        """Whether it is in production on both sides, and computes the same."""
        before, step = self.change.base.entries.get(entry.key), self.change.steps.get(entry.key)
        fresh = step is not None and step.fresh
        return entry.production and before is not None and before.production and not fresh

    def gate_of(self, entry: Entry) -> str | None:
        return gate_for(self.law, entry)

    def lots(self, entries: Sequence[Entry]) -> Iterator[Lot]:
        """Each with the whole of its group, of entries that one gate judges."""
        done: set[str] = set()
        for entry in entries:
            name = self.gate_of(entry)
            if entry.key in done or name is None:
                continue
            gate = self.law.policy.gates[name]
            together = self._together(entry) if gate.group or gate.shape == "ensemble" else {entry.key}
            found = tuple(one for key, one in self.change.head.entries.items() if key in together)
            done |= together
            yield Lot(name, gate, found)

    def _together(self, entry: Entry) -> set[str]:
        over = [group.at_head for group in groups(self.change, self.law.policy) if entry.key in group.at_head]
        return {entry.key}.union(*over) & self.change.head.entries.keys()

    def incumbents(self, lot: Lot, entry: Entry) -> tuple[Wanted, ...]:
        """What is in production at base and would be replaced; of it the judge takes any one."""
        before = self.change.base.entries.get(self.change.renames.get(entry.key, entry.key))
        step = self.change.steps.get(entry.key) or Step(entry.key, before, entry)
        need = Need(step, entry, "", at="smoke", otherwise="", over=predecessor(self.change, step))
        return incumbents(self.change, self.law, lot.gate_name, need, [need])


def views(sides: Sides, bench: Workbench, *, registry: str | None = None, policy: str | None = None) -> list[View]:
    """Every registry that can be read on both sides; where none can, why."""
    registries = registries_of(sides, registry, policy)
    found: list[View] = []
    broken: list[DocumentFault] = []
    for one in registries:
        view = _view(sides, one, registries, bench, policy)
        faults = [side.registry for side in (view.change.base, view.change.head)]
        broken += [fault for fault in faults if isinstance(fault, DocumentFault)]
        if not any(isinstance(fault, DocumentFault) for fault in faults):
            found.append(view)
    if not found and broken:
        fault = broken[0]
        where = f"{fault.path}:{fault.line}:{fault.column}" if fault.line else fault.path
        raise UsageError(f"{where}: {fault.message}", fix=f"mend {fault.path} first")
    return found


def _view(sides: Sides, registry: str, registries: Collection[str], bench: Workbench, policy: str | None) -> View:
    effective = effective_policy(sides, registry, policy)
    graphs = bench.graphs(effective.policy.limits)

    def side_of(tree: Tree) -> Side:
        return Side(tree, registry, effective.policy, graphs)

    past = lookup(sides, registry, side_of)
    law, _ = law_of(sides, registry, effective, registries=registries, past=past, deep=False)
    change = RegistryChange(side_of(sides.base), side_of(sides.head))
    return View(registry, change, law, effective.loaded, len(registries) > 1)
