"""Bytes of git trees as plain files, for a harness that reads files: data, never run, and no link is ever made."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable
from pathlib import Path

from smokegate.errors import RepositoryError, UsageError
from smokegate.github.verdicts.lfs import Objects
from smokegate.sources.command import Git
from smokegate.sources.git import GitRepo
from smokegate.sources.lfs import POINTER_BOUND, parse_pointer
from smokegate.sources.tree import Kind, Pointer, Tree

DATA = "SMOKEGATE_DATA"


def lay_out(tree: Tree, paths: Iterable[str], folder: Path, lfs: Objects | None) -> None:
    """Files with what they mean: of an LFS pointer, the object."""
    found = _plain(tree, paths)
    if lfs is not None:
        bring(_pointers(tree, found), lfs)
    for path in found:
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        with tree.open(path) as source, place.open("xb") as target:
            shutil.copyfileobj(source, target, 1 << 20)


def _plain(tree: Tree, paths: Iterable[str]) -> list[str]:
    return [path for path in paths if (node := tree.node(path)) is not None and node.kind is Kind.FILE]


def _pointers(tree: Tree, files: Iterable[str]) -> list[Pointer]:
    """Asked of the tree itself, what is not at hand yet would not be looked for again."""
    read = (parse_pointer(tree.read(path, POINTER_BOUND)) for path in files)
    return [one for one in read if isinstance(one, Pointer)]


def bring(pointers: Iterable[Pointer], lfs: Objects) -> None:
    failed = dict(lfs.bring(pointers))
    if failed:
        why = next(iter(failed.values()))
        raise RepositoryError(f"{len(failed)} LFS objects did not come: {why}", fix="see that they were pushed")


def corpus(tree: Tree, named: str, data: str | None, folder: Path, lfs: Objects | None) -> Path:
    """What the policy names: of the target branch's tree where it is there, else of the runner's own folder."""
    inside = _inside(tree, named)
    if inside:
        lay_out(tree, inside, folder, lfs)
        if (folder / named).exists():
            return folder / named
        raise UsageError(f"the corpus {named} is no plain file on the target branch", fix="commit it as one")
    if not data:
        raise UsageError(
            f"the corpus {named} is not on the target branch, and {DATA} names no folder on this machine",
            fix=f"set {DATA} in this machine's environment to the folder that has {named}",
        )
    place = Path(data, named)
    if not place.exists():
        raise UsageError(f"there is no corpus {place}", fix="put it there, or mend `github.corpora` in the policy")
    return place.resolve()


def _inside(tree: Tree, named: str) -> Collection[str]:
    return [named] if tree.node(named) is not None else tree.paths(named)


def bring_corpus(tree: Tree, named: str, lfs: Objects) -> None:
    """What of it the repository has in LFS, into the store."""
    bring(_pointers(tree, _plain(tree, _inside(tree, named))), lfs)


def scratch(repo: GitRepo, commit: str, folder: Path, paths: Iterable[str], lfs: Objects | None) -> Path:
    """A working tree at a commit of the store, with these of its files; git is told not to miss the others."""
    folder.mkdir(parents=True)
    git = Git(folder)
    git.run("init", "--quiet", "--template=", "--initial-branch=judged", ".")
    objects = repo.common_dir / "objects"
    (folder / ".git" / "objects" / "info").mkdir(parents=True, exist_ok=True)
    (folder / ".git" / "objects" / "info" / "alternates").write_bytes(os.fsencode(objects) + b"\n")
    git.run("config", "lfs.storage", str(repo.common_dir / "lfs"))
    git.run("update-ref", "refs/heads/judged", commit)
    git.run("read-tree", commit)
    tree = repo.tree(commit)
    wanted = set(paths)
    others = [path for path in tree.paths() if path not in wanted or _is_no_file(tree, path)]
    listed = "".join(f"{path}\0" for path in others).encode("utf-8", "surrogateescape")
    git.run("update-index", "--skip-worktree", "-z", "--stdin", stdin=listed)
    lay_out(tree, wanted, folder, lfs)
    return folder


def _is_no_file(tree: Tree, path: str) -> bool:
    node = tree.node(path)
    return node is None or node.kind is not Kind.FILE
