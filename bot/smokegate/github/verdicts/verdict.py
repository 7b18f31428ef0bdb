"""A pull request judged: the target's tip against what merging head into it gives.

Runs with a token that can read and nothing else. What it found goes to another job, which publishes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from smokegate.errors import RepositoryError, SmokegateError
from smokegate.evidence.documents import Evidence, read
from smokegate.github.verdicts.lfs import Objects
from smokegate.github.verdicts.store import Store
from smokegate.globs import matches_any
from smokegate.judge.report import Report, Verdict
from smokegate.policy import Policy
from smokegate.policy_github import GitHub as Settings
from smokegate.registry.paths import parent
from smokegate.review.check import Question, Workbench, review
from smokegate.review.law import effective_policy
from smokegate.review.registries import NoRegistry, registries_of
from smokegate.review.sides import Sides
from smokegate.sources.git import GitRepo
from smokegate.sources.tree import Kind, Pointer, Tree

_SHORT = 12
_ROUNDS = 4
_LONGEST_EVIDENCE = 64 << 20
_LONGEST_LOGIN = 100
PULL_OF = re.compile(r"([A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100})#([1-9][0-9]{0,9})", re.ASCII)
_REALLY_SEEN = "SG210"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be judged. A group of a merge queue is no pull request's head, and brings its own base and result."""

    head: str
    base_ref: str
    number: int | None = None
    queue_base: str | None = None
    queued: int | None = None
    """The pull request that the group is named after."""


@dataclass(frozen=True, slots=True)
class Part:
    """One registry's report, who may lift what only an owner can, and by whom and where evidence says that it was asked
    for."""

    report: Report
    owners: tuple[str, ...] = ()
    asked_by: tuple[str, ...] = ()
    asked_on: tuple[str, ...] = ()
    """Pull requests, as `owner/name#7`."""


@dataclass(frozen=True, slots=True)
class Judged:
    asked: Asked
    base_tip: str
    protected: bool
    """Whether the default branch's policy has this base protected: only then does the required check speak of it."""
    parts: tuple[Part, ...] = ()
    cannot: str | None = None
    """Why there is no verdict, with the command that mends it."""
    queued_head: str | None = None
    """Of the queued pull request, where the group is the merge of it and nothing else: whoever approved it there need
    not do so again."""

    @property
    def reports(self) -> tuple[Report, ...]:
        return tuple(part.report for part in self.parts)

    @property
    def touches(self) -> bool:
        """Whether anything that a registry's meaning rests on differs; of the rest nothing is said."""
        return self.cannot is not None or any(_touched(report) for report in self.reports)


def _touched(report: Report) -> bool:
    return bool(report.changes) or report.verdict is not Verdict.PASS or bool(report.warnings)


def settings_of(store: Store, default_branch: str) -> Settings:
    """How this repository uses GitHub is the default branch's word, whatever a pull request is aimed at."""
    with _repo(store) as repo:
        tip = store.tip(default_branch)
        tree = repo.tree(tip)
        return effective_policy(Sides(tree, tree, repo, tip), "", None).policy.github


@dataclass(frozen=True, slots=True)
class Court:
    """Where verdicts of one repository are found."""

    store: Store
    default_branch: str
    settings: Settings
    bench: Workbench
    lfs: Objects | None = None
    question: Question = field(default_factory=Question)
    """Whether one registry alone is meant, or a policy of the operator's own."""

    def judge(self, asked: Asked) -> Judged:
        """Never raises for what is wrong with the change: then there is no verdict, and that is said."""
        tip = asked.queue_base or ""
        try:
            tip = tip or self.store.tip(asked.base_ref)
            self.store.fetch(tip, asked.head)
            merged = asked.head if asked.queue_base else self.store.merged(tip, asked.head)
            parts = _seen(lambda: self._judged(tip, merged, asked.head), self.lfs)
        except SmokegateError as error:
            return Judged(asked, tip, self.protects(asked.base_ref), cannot=str(error))
        wanting = any(part.report.verdict is Verdict.NEEDS_OWNER for part in parts)
        queued_head = self._queued_head(asked) if wanting else None
        return Judged(asked, tip, self.protects(asked.base_ref), parts, queued_head=queued_head)

    def _queued_head(self, asked: Asked) -> str | None:
        """Held to what is in git, whichever way the queue merges."""
        if asked.queue_base is None or asked.queued is None:
            return None
        try:
            head = self.store.pull_head(asked.queued)
            same = self.store.tree(self.store.merged(asked.queue_base, head)) == self.store.tree(asked.head)
        except RepositoryError:
            return None
        return head if same else None

    def _judged(self, tip: str, merged: str, head: str) -> tuple[list[Part], Unseen]:
        with _repo(self.store) as repo:
            sides = Sides(repo.tree(tip), repo.tree(merged, head[:_SHORT]), repo, tip)
            try:
                registries = registries_of(sides, self.question.registry, self.question.policy)
            except NoRegistry:
                return [], {}
            parts = [_part(sides, registry, registries, self) for registry in registries]
            return parts, dict(_unseen(sides.head, parts))

    def protects(self, branch: str) -> bool:
        return branch == self.default_branch or matches_any(self.settings.protected_bases, branch)


Unseen = dict[str, Pointer]
"""By path: what stands for bytes that the judge says it has to see."""


def _seen(look: Callable[[], tuple[list[Part], Unseen]], lfs: Objects | None) -> tuple[Part, ...]:
    """Judged again once those bytes are there; a graph may lead to more of them."""
    notes: dict[str, str] = {}
    tried: set[Pointer] = set()
    for _ in range(_ROUNDS):
        parts, unseen = look()
        new = set(unseen.values()) - tried
        if lfs is None or not new:
            break
        failed = dict(lfs.bring(sorted(new, key=lambda one: one.oid)))
        notes |= {path: failed[one] for path, one in unseen.items() if one in failed}
        tried |= new
        if new <= failed.keys():
            break
    said = tuple(f"{path}: its LFS object was not fetched: {why}" for path, why in notes.items())
    return tuple(replace(part, report=replace(part.report, notes=(*part.report.notes, *said))) for part in parts)


def _part(sides: Sides, registry: str, registries: list[str], court: Court) -> Part:
    report = review(sides, registry, registries, court.question, court.bench)
    policy = effective_policy(sides, registry, court.question.policy).policy
    requests = list(_requests(sides, registry, policy, report))
    asked_by = {actor[:_LONGEST_LOGIN] for one in requests if isinstance(actor := one.get("actor"), str) and actor}
    asked_on = {f"{one.get('repository')}#{one.get('pr')}" for one in requests}
    known = {one for one in asked_on if PULL_OF.fullmatch(one)}
    return Part(report, policy.owners, tuple(sorted(asked_by)), tuple(sorted(known)))


def _requests(sides: Sides, registry: str, policy: Policy, report: Report) -> Iterator[dict[str, Any]]:
    """Of evidence that says PROMOTE: what the change brings, and what stands there already for something that rises.
    Whoever wrote it chose what it says here; it can only take a vote away."""
    folder = parent(registry)
    rising = {(one.id, one.identity_after) for one in report.changes if one.stage_after == "production"}
    brought = sides.head.differs_from(sides.base)
    for path in sides.head.paths(folder) if rising else brought:
        name = path.removeprefix(f"{folder}/") if folder else path
        node = sides.head.node(path)
        if node is None or node.kind is not Kind.FILE or not matches_any(policy.evidence, name):
            continue
        found = read(sides.head.read(path, _LONGEST_EVIDENCE), path)
        if not isinstance(found, Evidence) or found.verdict != "PROMOTE":
            continue
        named = {(one.id, one.identity) for one in found.subjects}
        request = found.fields.get("request") if path in brought or named & rising else None
        if isinstance(request, dict):
            yield request


def _unseen(head: Tree, parts: Sequence[Part]) -> Iterator[tuple[str, Pointer]]:
    for finding in (one for part in parts for one in part.report.blocking if one.code == _REALLY_SEEN):
        pointer = head.content(finding.path).pointer
        if pointer is not None:
            yield finding.path, pointer


@contextmanager
def _repo(store: Store) -> Iterator[GitRepo]:
    with GitRepo.discover(store.folder) as repo:
        yield repo
