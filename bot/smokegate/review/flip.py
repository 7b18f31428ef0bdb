"""Taking entries from smoke to production: verified by the judge before a byte is written, and once more after."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from smokegate.errors import RepositoryError, UsageError
from smokegate.judge.report import Report
from smokegate.judge.shell import word
from smokegate.judge.side import MIB
from smokegate.review.check import Question, Workbench, review
from smokegate.review.flip_desk import Desk, Flipped, Order
from smokegate.review.flip_evidence import bring
from smokegate.review.flip_exports import Exports
from smokegate.review.flip_verify import newly_blocking
from smokegate.review.registries import registries_of
from smokegate.review.replacement import Replacement, current
from smokegate.review.sides import open_sides
from smokegate.sources.git import GitRepo
from smokegate.sources.git_tree import GitTree
from smokegate.sources.tree import Tree

__all__ = ["Asked", "Flipped", "flip"]


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
    exports: Exports | None = None
    """What a harness trained, to be taken up in the same go."""

    def question(self, registry: str) -> Question:
        return Question(self.repo, self.base, None, registry, self.policy)

    def order(self) -> Order:
        return Order(
            self.words,
            lambda mebibytes: bring(self.evidence, mebibytes * MIB),
            self.registry,
            self.policy,
            self.supersedes,
            self.exports,
        )


def flip(asked: Asked, bench: Workbench | None = None) -> Flipped:
    with nullcontext(bench) if bench else Workbench() as shared:
        with open_sides(asked.repo, asked.base, None, asked.registry) as sides:
            if sides.repo is None or sides.repo.top is None or not isinstance(sides.head, GitTree):
                raise UsageError("this needs a git repository with a working tree", fix="run it in a clone")
            top, store = sides.repo.top, sides.repo.git_dir
            desk = Desk(asked.order(), sides, sides.head, shared, lambda path: current(top, path))
            planned, before = replace(desk.planned(), top=top), desk.before
            _require_git_lfs(sides.repo, planned)
        if planned.refused or asked.dry_run or not planned.drafts:
            return planned
        return _carried_out(asked, planned, before, store, shared)


def _require_git_lfs(repo: GitRepo, planned: Flipped) -> None:
    """git passes by a filter that it was told nothing of, and would take the bytes themselves."""
    told = (repo.git.ask("config", "--get", f"filter.lfs.{one}").code == 0 for one in ("process", "clean"))
    kept = [draft.path for draft in planned.drafts if draft.path in planned.objects]
    if kept and not any(told):
        raise UsageError(
            f"`.gitattributes` gives {min(kept)} to git-lfs, which is not set up here: `git add` would put "
            "the bytes themselves into git",
            fix="install git-lfs, then: git lfs install",
        )


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
