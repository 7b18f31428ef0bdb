"""A plain folder as a tree."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from smokegate.errors import RepositoryError
from smokegate.sources.command import decoded
from smokegate.sources.digest import Stored, chunks_of, digest
from smokegate.sources.files import open_beneath
from smokegate.sources.tree import Content, Kind, Node, Tree


@dataclass(frozen=True, slots=True)
class _Entry:
    kind: Kind
    target: str = ""


class DirectoryTree:
    """Its names as they were when first asked for. Sockets, devices and fifos are not files; `.git` is not content."""

    def __init__(self, path: Path | str, label: str | None = None) -> None:
        self._root = Path(path).resolve()
        if not self._root.is_dir():
            raise RepositoryError(f"{path} is not a folder", fix="name a folder that exists")
        self._label = label or str(path)
        self._known: dict[tuple[int, ...], Stored] = {}

    @property
    def label(self) -> str:
        return self._label

    def node(self, path: str) -> Node | None:
        entry = self._entries.get(path)
        if entry is None:
            return None
        key = self._stored(path).digest if entry.kind is Kind.FILE else f"-> {entry.target}"
        return Node(path, entry.kind, key)

    def paths(self, folder: str = "") -> Collection[str]:
        if not folder:
            return self._entries.keys()
        prefix = f"{folder}/"
        return [path for path in self._entries if path.startswith(prefix)]

    def differs_from(self, other: Tree) -> frozenset[str]:
        names = {*self.paths(), *other.paths()}
        return frozenset(name for name in names if _held(self, name) != _held(other, name))

    def symlinks(self) -> frozenset[str]:
        return frozenset(path for path, entry in self._entries.items() if entry.kind is Kind.SYMLINK)

    def target(self, path: str) -> str:
        entry = self._entries.get(path)
        if entry is None or entry.kind is not Kind.SYMLINK:
            raise RepositoryError(f"{path} is not a symlink in {self.label}")
        return entry.target

    def stored_size(self, path: str) -> int:
        with self._file(path) as file:
            return os.fstat(file.fileno()).st_size

    def read(self, path: str, limit: int) -> bytes:
        with self._file(path) as file:
            return file.read(limit + 1)

    def content(self, path: str) -> Content:
        stored = self._stored(path)
        if (pointer := stored.pointer) is None:
            return Content(stored.digest, stored.size, stored.size, pointer_fault=stored.pointer_fault)
        return Content(pointer.oid, pointer.size, stored.size, pointer=pointer, seen=False)

    def open(self, path: str) -> BinaryIO:
        if self._stored(path).pointer is not None:
            raise RepositoryError(
                f"{path} in {self.label} is a git-lfs pointer, and a plain folder has no store of objects",
                fix="git lfs pull",
            )
        return self._file(path)

    def _file(self, path: str) -> BinaryIO:
        entry = self._entries.get(path)
        if entry is None or entry.kind is not Kind.FILE:
            raise RepositoryError(f"{path} is not a file in {self.label}")
        try:
            return open_beneath(self._root, path)
        except OSError as error:
            raise RepositoryError(f"{path} in {self.label} cannot be read: {error.strerror or error}") from error

    def _stored(self, path: str) -> Stored:
        with self._file(path) as file:
            at = os.fstat(file.fileno())
            state = (at.st_dev, at.st_ino, at.st_size, at.st_mtime_ns, at.st_ctime_ns)
            if state not in self._known:
                self._known[state] = digest(chunks_of(file))
            return self._known[state]

    @cached_property
    def _entries(self) -> dict[str, _Entry]:
        return dict(sorted(_walk(self._root, "")))


def _held(tree: Tree, path: str) -> tuple[Kind, str] | None:
    node = tree.node(path)
    return (node.kind, node.key) if node else None


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, _Entry]]:
    try:
        with os.scandir(folder) as listed:
            found = list(listed)
    except OSError as error:
        raise RepositoryError(f"{folder} cannot be listed: {error.strerror}") from error
    for each in found:
        path = prefix + decoded(os.fsencode(each.name))
        mode = each.stat(follow_symlinks=False).st_mode
        if each.name == ".git":
            continue
        if stat.S_ISLNK(mode):
            yield path, _Entry(Kind.SYMLINK, decoded(os.fsencode(Path(each.path).readlink())))
        elif stat.S_ISREG(mode):
            yield path, _Entry(Kind.FILE)
        elif stat.S_ISDIR(mode):
            yield from _walk(Path(each.path), f"{path}/")
