"""The working tree as git would store it, without storing it."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from smokegate.errors import RepositoryError
from smokegate.sources.command import Git, Reply, decoded, encoded, failure
from smokegate.sources.files import open_beneath
from smokegate.sources.git import GitRepo
from smokegate.sources.git_tree import GitTree
from smokegate.sources.lfs_store import LfsStore, Opener, intact
from smokegate.sources.tree import Pointer

LABEL = "working tree"

_SETTINGS = {
    "core.compression": "0",
    "core.looseCompression": "0",
    "core.bigFileThreshold": "1m",
    "core.fsync": "none",
    "core.safecrlf": "false",
    "core.splitIndex": "false",
}


class WorkTree:
    @staticmethod
    @contextmanager
    def snapshot(repo: GitRepo, new_in: Sequence[str] | None = None) -> Iterator[GitTree]:
        """What `git add -A` would make of the tree, less what is new outside of `new_in`.

        Those are files and folders, literal and from the top; None is everywhere. Objects and index are temporary:
        nothing in the repository changes.
        """
        top = _top(repo)
        with tempfile.TemporaryDirectory(prefix="smokegate-") as folder:
            git = _aside(repo, Path(folder))
            _update(git, top, list(_stale(git)), list(_new(git, new_in)))
            # --missing-ok: git would fetch every blob that a partial clone left out, to see that it is there
            tree = decoded(git.run("write-tree", "--missing-ok").strip())
            blobs = repo.blobs.beside(git)
            try:
                yield GitTree(git, blobs, _AtHand(repo.lfs, top), tree, LABEL)
            finally:
                blobs.close()

    @staticmethod
    def candidates(repo: GitRepo) -> list[str]:
        """Every path that `snapshot` could have, bar what git may still refuse: tracked, or new and not ignored."""
        _top(repo)
        listed = _paths(repo.git, None, "ls-files", "--cached", "--others", "--exclude-standard")
        gone = set(_paths(repo.git, None, "ls-files", "--deleted"))
        return [path.removesuffix("/") for path in dict.fromkeys(listed) if path not in gone]


class _AtHand:
    """An LFS object is at hand in the store, or as the very file in the working tree."""

    def __init__(self, store: LfsStore, top: Path) -> None:
        self._store = store
        self._top = top
        self._found: dict[tuple[Pointer, str], Opener | None] = {}

    def find(self, pointer: Pointer, path: str) -> Opener | None:
        if (stored := self._store.find(pointer, path)) is not None:
            return stored
        if (pointer, path) not in self._found:
            self._found[pointer, path] = intact(pointer, lambda: open_beneath(self._top, path))
        return self._found[pointer, path]


def _top(repo: GitRepo) -> Path:
    if repo.top is None:
        raise RepositoryError(
            f"{repo.git_dir} is a bare repository: it has no working tree to judge", fix="name the head with --head REV"
        )
    return repo.top


def _aside(repo: GitRepo, folder: Path) -> Git:
    """git with an index and an object directory of its own, over the repository's."""
    (folder / "objects").mkdir()
    index = folder / "index"
    ours = repo.git.directory / repo.git.text("rev-parse", "--git-path", "index")
    if ours.is_file():
        # with its time: git compares it with the files' to know which of its notes on them may be stale
        shutil.copy2(ours, index)
    below = [_quoted(repo.git.directory / repo.git.text("rev-parse", "--git-path", "objects"))]
    if further := repo.git.environment.get("GIT_ALTERNATE_OBJECT_DIRECTORIES"):
        below.append(further)
    environment = {
        "GIT_INDEX_FILE": str(index),
        "GIT_OBJECT_DIRECTORY": str(folder / "objects"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": ":".join(below),
    }
    return repo.git.configured(_SETTINGS, environment)


def _stale(git: Git) -> Iterator[str]:
    """Tracked paths whose entry is out of date. Unmerged ones always: git writes no tree with them."""
    unmerged = {row.split("\t", 1)[1] for row in _paths(git, None, "ls-files", "--unmerged")}
    yield from unmerged
    command = ("diff-files", "--name-only", "--no-relative", "--ignore-submodules=dirty")
    yield from (path for path in _paths(git, None, *command) if path not in unmerged)


def _new(git: Git, pathspecs: Sequence[str] | None) -> Iterator[str]:
    for path in _paths(git, pathspecs, "ls-files", "--others", "--exclude-standard"):
        if not path.endswith("/"):
            yield path
        elif _has_commit(git, path):  # a repository in the repository
            yield path.removesuffix("/")


def _has_commit(git: Git, folder: str) -> bool:
    nested = Git(git.directory / folder)
    return nested.ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}").code == 0


def _update(git: Git, top: Path, stale: Sequence[str], new: Sequence[str]) -> None:
    gone = [path for path in stale if not _is_there(top, path)]
    _update_index(git, top, gone, "--force-remove")
    kept = set(stale).difference(gone)
    _update_index(git, top, [*sorted(kept), *new], "--add", "--remove", "--replace")


def _update_index(git: Git, top: Path, paths: Sequence[str], *options: str) -> None:
    if not paths:
        return
    reply = git.ask("update-index", *options, "-z", "--stdin", stdin=b"".join(encoded(p) + b"\0" for p in paths))
    if reply.code != 0:
        raise _refused(reply, top)


def _is_there(top: Path, path: str) -> bool:
    """Whether anything lies there, and not beyond a symlink."""
    folders = list((top / path).parents)[: path.count("/")]
    return os.path.lexists(top / path) and not any(folder.is_symlink() for folder in folders)


def _refused(reply: Reply, top: Path) -> RepositoryError:
    if re.search(rb"filter '.*' failed", reply.err):
        return RepositoryError(
            f"a clean filter failed, so what git would store is not known: {reply.reason}",
            fix=f"git -C {top} add --dry-run .  (is the filter's program, such as git-lfs, installed?)",
        )
    return failure(("update-index",), reply.code, reply.err)


def _paths(git: Git, pathspecs: Sequence[str] | None, *command: str) -> list[str]:
    if pathspecs is not None and not pathspecs:
        return []
    listed = git.run(*command, "-z", "--", *(pathspecs or ()))
    return [decoded(path) for path in listed.split(b"\0") if path]


def _quoted(path: Path) -> str:
    """As an entry of GIT_ALTERNATE_OBJECT_DIRECTORIES, where `:` separates."""
    return '"' + "".join(_escaped(byte) for byte in encoded(str(path))) + '"'


def _escaped(byte: int) -> str:
    return chr(byte) if byte < 128 and (chr(byte).isalnum() or chr(byte) in "/._-") else f"\\{byte:03o}"
