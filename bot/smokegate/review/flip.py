"""Taking entries from smoke to production: verified by the judge before a byte is written, and once more after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from smokegate.errors import RepositoryError, UsageError
from smokegate.evidence.attestation import signature_paths
from smokegate.evidence.documents import Evidence
from smokegate.judge.change import RegistryChange
from smokegate.judge.dossier import gate_for
from smokegate.judge.judge import verdict
from smokegate.judge.law import Law
from smokegate.judge.report import Finding, Report
from smokegate.judge.shell import word
from smokegate.judge.side import MIB, Graphs, Side
from smokegate.registry.document import DocumentFault
from smokegate.registry.entry import Entry
from smokegate.review.check import Question, Workbench, review
from smokegate.review.flip_drafts import Drafts
from smokegate.review.flip_evidence import bring, placed
from smokegate.review.flip_names import named, title
from smokegate.review.flip_overlay import Overlay
from smokegate.review.flip_plan import Planner, superseding
from smokegate.review.flip_verify import newly_blocking, refusals, unreadable
from smokegate.review.law import effective_policy, law_of
from smokegate.review.locate import the_one
from smokegate.review.past import lookup
from smokegate.review.registries import registries_of
from smokegate.review.replacement import Draft, Replacement
from smokegate.review.sides import Sides, open_sides
from smokegate.sources.git_tree import GitTree
from smokegate.sources.tree import Tree


@dataclass(frozen=True, slots=True)
class Asked:
    """What `smokegate flip` was asked."""

    words: Sequence[str]
    """Ids, globs on ids, ensembles and groups."""
    evidence: Path
    repo: str = "."
    base: str | None = None
    registry: str | None = None
    policy: str | None = None
    supersedes: str | None = None
    dry_run: bool = False

    def question(self, registry: str) -> Question:
        return Question(self.repo, self.base, None, registry, self.policy)


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


def flip(asked: Asked, bench: Workbench | None = None) -> Flipped:
    with nullcontext(bench) if bench else Workbench() as shared:
        with open_sides(asked.repo, asked.base, None, asked.registry) as sides:
            desk = _Desk(asked, sides, shared)
            planned, before = desk.planned(), desk.before
            store = desk.store
        if planned.refused or asked.dry_run or not planned.drafts:
            return planned
        return _carried_out(asked, planned, before, store, shared)


class _Desk:
    """One flip as far as it goes without writing."""

    def __init__(self, asked: Asked, sides: Sides, bench: Workbench) -> None:
        self._asked = asked
        self._sides = sides
        self._bench = bench
        if sides.repo is None or sides.repo.top is None or not isinstance(sides.head, GitTree):
            raise UsageError("this needs a git repository with a working tree", fix="run it in a clone")
        self.top = sides.repo.top
        self.store = sides.repo.git_dir
        self._worktree = sides.head
        self._registries = registries_of(sides, asked.registry, asked.policy)
        self._registry = the_one(self._registries)
        effective = effective_policy(sides, self._registry, asked.policy)
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
        self._now = RegistryChange(self._side(sides.base), self._side(sides.head))
        self.before = self._judged(sides.head)

    def planned(self) -> Flipped:
        side = self._now.head
        self._readable(side)
        entries, notes = self._rising(named(self._now, self._policy, self._asked.words))
        ids = tuple(entry.key for entry in entries)
        old = superseding(side, entries, self._asked.supersedes) if self._asked.supersedes else None
        brought = bring(self._asked.evidence, self._policy.limits.document_mib * MIB)
        if not isinstance(brought.read, Evidence):
            return self._refused([unreadable(brought.read, str(brought.path))], ids)
        drafts = Drafts(self.top)
        place = placed(brought, side, drafts, title(self._now, self._policy, ids))
        planner = Planner(side, self._law.schema, drafts, brought.read, place)
        planner.flip(entries, {entry.key: gate_for(self._law, entry) or "" for entry in entries}, old)
        return self._verified(entries, place, drafts, notes)

    def _verified(self, entries: Sequence[Entry], place: str, drafts: Drafts, notes: Sequence[str]) -> Flipped:
        changed = drafts.changed(self._registry)
        written: dict[str, bytes | None] = {draft.path: draft.now for draft in changed}
        after = Overlay(self._worktree, written)
        ids = tuple(entry.key for entry in entries)
        self._same_identities(ids, after)
        alone = Overlay(self._worktree, {**written, **self._other_evidence(place, after)})
        against = refusals(RegistryChange(self._side(self._sides.base), self._side(alone)), self._law, ids, place)
        if against:
            return self._refused(against, ids)
        report = self._judged(after)
        if newly_blocking(report.findings, self.before.findings):
            return Flipped(report, refused=True, ids=ids, notes=tuple(notes))
        return Flipped(report, ids=ids, drafts=tuple(changed), top=self.top, notes=tuple(notes))

    # -- what it is about -------------------------------------------------------------------------------------------

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
        question = self._asked.question(self._registry)
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


# -- carrying it out -----------------------------------------------------------------------------------------------


class _Undone(Exception):
    def __init__(self, report: Report) -> None:
        self.report = report


def _carried_out(asked: Asked, planned: Flipped, before: Report, store: Path, bench: Workbench) -> Flipped:
    """Judged again as git would really store it: filters and ignored paths are nothing that a plan knows of."""
    try:
        with Replacement(planned.top, store, planned.drafts) as replacement:
            replacement.apply()
            report = _judged_as_it_is(asked, planned, before, bench)
    except _Undone as undone:
        note = "what the flip wrote was taken back: the judge blocks it as git would store it"
        return replace(planned, report=undone.report, refused=True, drafts=(), notes=(*planned.notes, note))
    return replace(planned, report=report)


def _judged_as_it_is(asked: Asked, planned: Flipped, before: Report, bench: Workbench) -> Report:
    with open_sides(asked.repo, asked.base, None, asked.registry) as sides:
        _all_seen(planned, sides.head)
        registries = registries_of(sides, asked.registry, asked.policy)
        report = review(sides, before.registry, registries, asked.question(before.registry), bench)
    if newly_blocking(report.findings, before.findings):
        raise _Undone(report)
    return report


def _all_seen(planned: Flipped, head: Tree) -> None:
    for draft in planned.drafts:
        if head.node(draft.path) is None:
            raise RepositoryError(
                f"git ignores {draft.path}, so the flip would lose it; everything was taken back",
                fix=f"git check-ignore -v {word(draft.path)} names the rule: take it out of the way",
            )
