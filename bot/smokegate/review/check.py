"""One review: from what the command line names to the reports."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass

from smokegate.judge.change import RegistryChange
from smokegate.judge.judge import judge
from smokegate.judge.report import Report
from smokegate.judge.side import Graphs, Side
from smokegate.lab.client import Lab
from smokegate.policy import Limits, Policy
from smokegate.registry.document import DocumentFault
from smokegate.review.law import effective_policy, law_of
from smokegate.review.past import lookup
from smokegate.review.registries import registries_of, ungoverned
from smokegate.review.sides import Sides, open_sides
from smokegate.review.standing_in import last_readable
from smokegate.sources.git_tree import GitTree
from smokegate.sources.tree import Tree


@dataclass(frozen=True, slots=True)
class Question:
    """What `smokegate check` was asked."""

    repo: str = "."
    base: str | None = None
    head: str | None = None
    registry: str | None = None
    policy: str | None = None
    deep: bool = False


def check(question: Question, bench: Workbench | None = None) -> list[Report]:
    """A report per registry."""
    with open_sides(question.repo, question.base, question.head, question.registry) as sides:
        registries = registries_of(sides, question.registry, question.policy)
        with nullcontext(bench) if bench else Workbench() as shared:
            return [review(sides, registry, registries, question, shared) for registry in registries]


class Workbench:
    """The laboratories that all reviews of one run share, so that one digest is inspected once."""

    def __init__(self) -> None:
        self._graphs: dict[Limits, Graphs] = {}
        self._labs: list[Lab] = []

    def graphs(self, limits: Limits) -> Graphs:
        if limits not in self._graphs:
            self._labs.append(Lab(limits))
            self._graphs[limits] = Graphs(self._labs[-1])
        return self._graphs[limits]

    def __enter__(self) -> Workbench:
        return self

    def __exit__(self, *_: object) -> None:
        for lab in self._labs:
            lab.close()


def review(sides: Sides, registry: str, registries: list[str], question: Question, bench: Workbench) -> Report:
    effective = effective_policy(sides, registry, question.policy)
    policy = effective.policy
    graphs = bench.graphs(policy.limits)

    def side_of(tree: Tree) -> Side:
        return Side(tree, registry, policy, graphs)

    base, stand_in = _readable_base(sides, side_of(sides.base), registry, policy, graphs)
    change = RegistryChange(base, side_of(sides.head))
    for tree in (sides.base, sides.head):
        if isinstance(tree, GitTree):
            tree.prefetch(change.governed_changes)
    law, notes = law_of(
        sides,
        registry,
        effective,
        registries=registries,
        past=lookup(sides, registry, side_of),
        deep=question.deep,
    )
    change.notes += [*([sides.note] if sides.note else []), *notes, *stand_in]
    change.notes += [
        f"{path} looks like a registry, and no policy governs it"
        for path in ungoverned(sides, registries, change.changed_paths)
    ]
    return judge(change, law)


def _readable_base(sides: Sides, base: Side, registry: str, policy: Policy, graphs: Graphs) -> tuple[Side, list[str]]:
    fault = base.registry
    if not isinstance(fault, DocumentFault):
        return base, []

    def read(tree: Tree) -> Side | None:
        side = Side(tree, registry, policy, graphs)
        return None if side.registry is None or isinstance(side.registry, DocumentFault) else side

    side, note = last_readable(sides, registry, "the registry", fault.message, read)
    return side, [note]
