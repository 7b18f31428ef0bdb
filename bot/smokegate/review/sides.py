"""The two trees that a review compares, from what the command line names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from smokegate.errors import PolicyError, RepositoryError, UsageError
from smokegate.globs import matches_any
from smokegate.policy import POLICY_NAME, Policy
from smokegate.policy_file import default_policy, parse
from smokegate.registry.paths import parent
from smokegate.review.policies import LONGEST_POLICY, policy_at
from smokegate.sources.directory import DirectoryTree
from smokegate.sources.files import open_beneath
from smokegate.sources.git import GitRepo
from smokegate.sources.tree import Tree
from smokegate.sources.worktree import WorkTree

_FOLDER_PREFIX = "dir:"
_LITERAL = re.compile(r"[^*?\[{]*")


@dataclass(frozen=True, slots=True)
class Sides:
    base: Tree
    head: Tree
    repo: GitRepo | None
    base_commit: str | None
    """Where first-parent history starts for look-ups; None where base is a folder, or nothing at all."""
    note: str | None = None
    """What the reader has to know of how the two lie to each other."""


@contextmanager
def open_sides(repo_path: str, base: str | None, head: str | None, registry: str | None) -> Iterator[Sides]:
    """`REV`, or `dir:PATH` for a plain folder; no head is the working tree, no base the fork point."""
    with ExitStack() as stack:
        if _is_folder(base) or _is_folder(head):
            yield _folders(base, head)
            return
        repo = stack.enter_context(GitRepo.discover(repo_path))
        commit = _base_commit(repo, base, head)
        if head is not None:
            head_tree: Tree = repo.tree(head)
        else:
            head_tree = stack.enter_context(WorkTree.snapshot(repo, _places_of_new_files(repo, commit, registry)))
        note = _parted(repo, commit, head or "HEAD") if base and commit else None
        yield Sides(repo.tree(commit), head_tree, repo, commit, note)


def _is_folder(name: str | None) -> bool:
    return name is not None and name.startswith(_FOLDER_PREFIX)


def _folders(base: str | None, head: str | None) -> Sides:
    if not (_is_folder(base) and _is_folder(head)):
        raise UsageError("a folder can only be compared with a folder: give --base dir:PATH and --head dir:PATH")
    trees = []
    for name in (base, head):
        path = Path(str(name).removeprefix(_FOLDER_PREFIX))
        if not path.is_dir():
            raise UsageError(f"{path} is not a folder")
        trees.append(DirectoryTree(path))
    return Sides(trees[0], trees[1], None, None)


def _base_commit(repo: GitRepo, base: str | None, head: str | None) -> str | None:
    if base is not None:
        return repo.resolve(base)
    if head is None and not repo.has_commits():
        return None
    return repo.merge_base(head or "HEAD", repo.default_branch())


def _parted(repo: GitRepo, base: str, head: str) -> str | None:
    """Of a base that moved on, head seems to take away whatever is new in it."""
    with suppress(RepositoryError):  # unrelated, or cut off: then there is nothing better to name
        fork = repo.merge_base(base, head)
        if fork != base:
            return (
                f"head does not contain base: what came to base since they parted at {fork[:12]} looks taken away. "
                f"Merge base into head, or leave --base out to compare with where they parted"
            )
    return None


def _places_of_new_files(repo: GitRepo, commit: str | None, registry: str | None) -> list[str] | None:
    """Where what git does not know yet can matter; the gigabytes of video beside it cannot. None: anywhere."""
    base = repo.tree(commit)
    candidates = {*WorkTree.candidates(repo), *base.paths()}
    policies = list(_policies(repo, base))
    globs = {glob for policy in policies for glob in policy.registries}
    registries = {p for p in candidates if p.endswith(".json") and matches_any(globs, p)}
    folders = {parent(path) for path in (*registries, *([registry] if registry else []))}
    folders |= {parent(path) for path in candidates if path.endswith(f"/{POLICY_NAME}")}
    if "" in folders:
        return None
    cards = {template for policy in policies for template in policy.cards if template.startswith("/")}
    return sorted({*folders, POLICY_NAME, ".github/workflows", *filter(None, map(_folder_of_cards, cards))})


def _policies(repo: GitRepo, base: Tree) -> Iterator[Policy]:
    """Base's, and where it has none also the one that is about to be adopted."""
    yield default_policy().policy
    with suppress(PolicyError):  # whoever judges by it will say so
        yield policy_at(base, "").policy
    if repo.top is not None and base.node(POLICY_NAME) is None:
        with suppress(PolicyError, OSError), open_beneath(repo.top, POLICY_NAME) as file:
            yield parse(file.read(LONGEST_POLICY), POLICY_NAME).policy


def _folder_of_cards(template: str) -> str:
    """The folder up to where a template stops being literal."""
    literal = _LITERAL.match(template, 1)
    return parent(literal[0]) if literal else ""
