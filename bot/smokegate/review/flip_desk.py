"""One flip as far as it goes without writing: in a working tree, or in trees that are nowhere checked out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from smokegate.errors import UsageError
from smokegate.evidence.attestation import signature_paths
from smokegate.evidence.documents import Evidence
from smokegate.judge.change import RegistryChange
from smokegate.judge.dossier import gate_for
from smokegate.judge.judge import verdict
from smokegate.judge.law import Law
from smokegate.judge.report import Finding, Report
from smokegate.judge.side import Graphs, Side
from smokegate.registry.document import DocumentFault
from smokegate.registry.entry import Entry
from smokegate.review.check import Question, Workbench, review
from smokegate.review.flip_drafts import Current, Drafts
from smokegate.review.flip_evidence import Brought, placed
from smokegate.review.flip_exports import Exports, take_up
from smokegate.review.flip_names import named, title
from smokegate.review.flip_overlay import Overlay
from smokegate.review.flip_plan import Planner, superseding
from smokegate.review.flip_verify import newly_blocking, refusals, unreadable
from smokegate.review.law import effective_policy, law_of
from smokegate.review.locate import the_one
from smokegate.review.past import lookup
from smokegate.review.registries import registries_of
from smokegate.review.replacement import Draft
from smokegate.review.sides import Sides
from smokegate.sources.git_tree import GitTree
from smokegate.sources.tree import Tree


@dataclass(frozen=True, slots=True)
class Order:
    words: Sequence[str]
    """Ids, globs on ids, ensembles and groups."""
    evidence: Callable[[int], Brought]
    """Brings it; at most so many MiB."""
    registry: str | None = None
    policy: str | None = None
    """The operator's own, in place of base's."""
    supersedes: str | None = None
    exports: Exports | None = None
    """What a harness trained: it takes the place of what the entries are at head."""


@dataclass(frozen=True, slots=True)
class Flipped:
    report: Report
    """The judge's, on the tree with the flip in it; where it is refused, with what speaks against it."""
    refused: bool = False
    ids: tuple[str, ...] = ()
    drafts: tuple[Draft, ...] = ()
    """What was written, or would be."""
    top: Path = Path()
    notes: tuple[str, ...] = ()
    evidence: str | None = None
    """Where the evidence lies, or would lie."""
    objects: Mapping[str, bytes] = field(default_factory=dict)
    """By path, what goes to git-lfs by the attributes of the tree; git gets a pointer, which may be there already."""


class Desk:
    """`head` is that of `sides`; `current` gives a file as it stands there, None where there is none."""

    def __init__(self, order: Order, sides: Sides, head: GitTree, bench: Workbench, current: Current) -> None:
        self._order = order
        self._sides = sides
        self._bench = bench
        self._head = head
        self._drafts = Drafts(current)
        self._registries = registries_of(sides, order.registry, order.policy)
        self._registry = the_one(self._registries)
        effective = effective_policy(sides, self._registry, order.policy)
        self._policy = effective.policy
        self._graphs: Graphs = bench.graphs(self._policy.limits)
        self._law: Law = law_of(
            sides,
            self._registry,
            effective,
            registries=self._registries,
            past=lookup(sides, self._registry, self._side),
            deep=False,
        )[0]
        self.before = self._judged(head)
        self._now = RegistryChange(self._side(sides.base), self._trained(self._side(head)))

    def planned(self) -> Flipped:
        side = self._now.head
        entries, notes = self._rising(named(self._now, self._policy, self._order.words))
        ids = tuple(entry.key for entry in entries)
        old = superseding(side, entries, self._order.supersedes) if self._order.supersedes else None
        brought = self._order.evidence(self._policy.limits.document_mib)
        if not isinstance(brought.read, Evidence):
            return self._refused([unreadable(brought.read, str(brought.path))], ids)
        place = placed(brought, side, self._drafts, title(self._now, self._policy, ids))
        planner = Planner(side, self._law.schema, self._drafts, brought.read, place)
        planner.flip(entries, {entry.key: gate_for(self._law, entry) or "" for entry in entries}, old)
        return self._verified(entries, place, notes)

    def _verified(self, entries: Sequence[Entry], place: str, notes: Sequence[str]) -> Flipped:
        changed = self._drafts.changed(self._registry)
        written: dict[str, bytes | None] = {draft.path: draft.now for draft in changed}
        after = Overlay(self._head, written)
        changed = [draft for draft in changed if after.stored(draft.path) != draft.was]
        ids = tuple(entry.key for entry in entries)
        self._same_identities(ids, after)
        alone = Overlay(self._head, {**written, **self._other_evidence(place, after)})
        against = refusals(RegistryChange(self._side(self._sides.base), self._side(alone)), self._law, ids, place)
        if against:
            return self._refused(against, ids)
        report = self._judged(after)
        if newly_blocking(report.findings, self.before.findings):
            return Flipped(report, refused=True, ids=ids, notes=tuple(notes))
        objects = after.objects
        return Flipped(report, ids=ids, drafts=tuple(changed), notes=tuple(notes), evidence=place, objects=objects)

    # -- what it is about -------------------------------------------------------------------------------------------

    def _trained(self, side: Side) -> Side:
        """Head with the exports in it, where there are any."""
        self._readable(side)
        if self._order.exports is None:
            return side
        take_up(side, self._drafts, self._order.exports)
        now = self._side(Overlay(self._head, self._drafts.now))
        self._readable(now)
        return now

    def _readable(self, side: Side) -> None:
        fault = side.registry
        if isinstance(fault, DocumentFault):
            where = f"{fault.path}:{fault.line}:{fault.column}" if fault.line else fault.path
            raise UsageError(f"{where}: {fault.message}", fix=f"mend {fault.path} first")

    def _rising(self, entries: Sequence[Entry]) -> tuple[list[Entry], list[str]]:
        """Less what stands in production at base with the very same meaning: that needs no evidence any more."""
        steps = self._now.steps
        there = [e for e in entries if self._stands(e, steps.get(e.key) is None or not steps[e.key].fresh)]
        notes = [f"`{entry.key}` is in production already, and stays as it is" for entry in there]
        rising = [entry for entry in entries if entry not in there]
        if not rising:
            names = ", ".join(entry.key for entry in there)
            raise UsageError(f"in production already: {names}", fix="name an entry whose stage is smoke")
        return rising, notes

    def _stands(self, entry: Entry, unchanged: bool) -> bool:
        before = self._now.base.entries.get(entry.key)
        return unchanged and entry.production and before is not None and before.production

    # -- judging ----------------------------------------------------------------------------------------------------

    def _side(self, tree: Tree) -> Side:
        return Side(tree, self._registry, self._policy, self._graphs)

    def _judged(self, head: Tree) -> Report:
        question = Question(registry=self._registry, policy=self._order.policy)
        return review(replace(self._sides, head=head), self._registry, self._registries, question, self._bench)

    def _other_evidence(self, place: str, after: Tree) -> Mapping[str, None]:
        ours = {place, *signature_paths(place).values()}
        return {path: None for path in self._side(after).evidence_paths if path not in ours}

    def _same_identities(self, ids: Sequence[str], after: Tree) -> None:
        """Stage, pins and records are no part of what a model means."""
        was, now = self._now.head, self._side(after)
        for key in ids:
            old, new = was.identity(was.entries[key]), now.identity(now.entries[key])
            if old.digest != new.digest:
                raise AssertionError(f"the flip would change what `{key}` is: {', '.join(old.differences(new))}")

    def _refused(self, against: list[Finding], ids: tuple[str, ...]) -> Flipped:
        report = replace(self.before, verdict=verdict(against), findings=tuple(against), changes=(), notes=())
        return Flipped(report, refused=True, ids=ids)
