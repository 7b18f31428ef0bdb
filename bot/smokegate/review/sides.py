"""The two trees that a review compares, from what the command line names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from smokegate.errors import UsageError
from smokegate.policy import POLICY_NAME
from smokegate.registry.paths import join, parent
from smokegate.sources.directory import DirectoryTree
from smokegate.sources.git import GitRepo
from smokegate.sources.tree import Tree
from smokegate.sources.worktree import WorkTree

_FOLDER_PREFIX = "dir:"


@dataclass(frozen=True, slots=True)
class Sides:
    base: Tree
    head: Tree
    repo: GitRepo | None
    base_commit: str | None
    """Where first-parent history starts for look-ups; None where base is a folder, or nothing at all."""


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
            head_tree = stack.enter_context(WorkTree.snapshot(repo, _governed_places(repo, commit, registry)))
        yield Sides(repo.tree(commit), head_tree, repo, commit)


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


def _governed_places(repo: GitRepo, commit: str | None, registry: str | None) -> list[str] | None:
    """What of the working tree can matter, so that a snapshot does not take in gigabytes of video beside it."""
    known = repo.tree(commit).paths() if commit else ()
    candidates = [*WorkTree.candidates(repo), *known]
    folders = {parent(p) for p in candidates if p.endswith(".json") and p.rpartition("/")[2] == "registry.json"}
    folders |= {parent(p) for p in candidates if p.endswith(POLICY_NAME)} - {""}
    if registry is not None:
        folders.add(parent(registry))
    folders |= _listed_folders(repo, commit, candidates)
    if "" in folders:
        return None
    places = {*folders, POLICY_NAME, ".github/workflows", *(join(f, POLICY_NAME) for f in folders)}
    there = set(candidates)
    return sorted(p for p in places if p in there or any(c.startswith(f"{p}/") for c in candidates))


def _listed_folders(repo: GitRepo, commit: str | None, candidates: list[str]) -> set[str]:
    """Folders of registries that base's policy names otherwise than by `registry.json`."""
    from smokegate.review.law import policy_at  # noqa: PLC0415 - policies are parsed only when there is one
    from smokegate.globs import matches_any

    tree = repo.tree(commit) if commit else None
    if tree is None or tree.node(POLICY_NAME) is None:
        return set()
    globs = policy_at(tree, "").policy.registries
    return {parent(p) for p in candidates if matches_any(globs, p)}
