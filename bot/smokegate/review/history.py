"""Replaying a registry's past: every commit that touched it, parent against commit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from smokegate.errors import SmokegateError
from smokegate.judge.report import Report
from smokegate.policy import POLICY_NAME
from smokegate.registry.paths import parent
from smokegate.review.check import Question, Workbench, review
from smokegate.review.registries import registries_of
from smokegate.review.sides import Sides
from smokegate.sources.git import GitRepo
from smokegate.sources.history import Commit


@dataclass(frozen=True, slots=True)
class Replayed:
    """One commit's reports, or why it cannot be judged."""

    commit: Commit
    reports: tuple[Report, ...]
    fault: str | None = None


def history(question: Question, *, since: str | None = None) -> Iterator[Replayed]:
    """Oldest first, along first parents of head: a merge counts as the one change that it brought."""
    with GitRepo.discover(question.repo) as repo, Workbench() as bench:
        tip = question.head or "HEAD"
        now = Sides(repo.tree(None), repo.tree(tip), repo, None)
        registries = registries_of(now, question.registry, question.policy)
        for commit in repo.commits_touching(tip, _places(registries), since=since):
            if commit.cut:
                yield Replayed(commit, (), "the clone is shallow and ends here: git fetch --unshallow")
            else:
                yield _replay(repo, commit, registries, question, bench)


def _places(registries: list[str]) -> list[str]:
    folders = {parent(registry) for registry in registries}
    return ["."] if "" in folders else sorted({*folders, POLICY_NAME})


def _replay(repo: GitRepo, commit: Commit, registries: list[str], question: Question, bench: Workbench) -> Replayed:
    sides = Sides(repo.tree(commit.parent), repo.tree(commit.oid), repo, commit.parent)
    there = [r for r in registries if any(tree.node(r) is not None for tree in (sides.base, sides.head))]
    try:
        return Replayed(commit, tuple(review(sides, registry, there, question, bench) for registry in there))
    except SmokegateError as error:
        return Replayed(commit, (), error.message)
