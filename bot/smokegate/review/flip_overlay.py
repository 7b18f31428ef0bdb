"""A git tree as it would be with some files written and some gone: what a plan is judged on before anything is."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Collection, Mapping
from functools import cached_property
from typing import BinaryIO

from smokegate.errors import RepositoryError
from smokegate.sources import lfs
from smokegate.sources.digest import Stored, digest
from smokegate.sources.git_tree import GitTree
from smokegate.sources.tree import Content, Kind, Node, Tree


class Overlay:
    """`files` by their path from the root; None takes a file away. Written files are plain ones; where the tree's
    attributes give one to git-lfs, git gets a pointer, and the object is at hand."""

    def __init__(self, below: GitTree, files: Mapping[str, bytes | None]) -> None:
        self._below = below
        there = below.in_lfs(path for path, data in files.items() if data)
        self._objects = {path: data for path, data in files.items() if data and path in there}
        self._files = {path: self._as_stored(path, data) for path, data in files.items()}
        self._stored: dict[str, Stored] = {}

    @property
    def objects(self) -> Mapping[str, bytes]:
        """What goes to git-lfs."""
        return self._objects

    def stored(self, path: str) -> bytes | None:
        """What git gets of a file that is written; None of one that is taken away."""
        return self._files[path]

    def _as_stored(self, path: str, data: bytes | None) -> bytes | None:
        return lfs.written(lfs.pointer_to(data)) if data and path in self._objects else data

    @property
    def label(self) -> str:
        return self._below.label

    def node(self, path: str) -> Node | None:
        if path not in self._files:
            return self._below.node(path)
        data = self._files[path]
        return None if data is None else Node(path, Kind.FILE, self._blob_id(data))

    def paths(self, folder: str = "") -> Collection[str]:
        if not folder:
            return self._paths
        prefix = f"{folder}/"
        return [path for path in self._paths if path.startswith(prefix)]

    def differs_from(self, other: Tree) -> frozenset[str]:
        differing = set(self._below.differs_from(other)).difference(self._files)
        return frozenset(differing.union(path for path in self._files if _held(self, path) != _held(other, path)))

    def symlinks(self) -> frozenset[str]:
        return self._below.symlinks().difference(self._files)

    def target(self, path: str) -> str:
        self._refuse(path, "a symlink")
        return self._below.target(path)

    def stored_size(self, path: str) -> int:
        return len(self._data(path)) if path in self._files else self._below.stored_size(path)

    def read(self, path: str, limit: int) -> bytes:
        return self._data(path)[: limit + 1] if path in self._files else self._below.read(path, limit)

    def content(self, path: str) -> Content:
        if path not in self._files:
            return self._below.content(path)
        if path not in self._stored:
            self._stored[path] = digest([memoryview(self._data(path))])
        stored = self._stored[path]
        if stored.pointer is not None:
            pointer = stored.pointer
            return Content(pointer.oid, pointer.size, stored.size, pointer=pointer, seen=path in self._objects)
        return Content(stored.digest, stored.size, stored.size, pointer_fault=stored.pointer_fault)

    def open(self, path: str) -> BinaryIO:
        if path not in self._files:
            return self._below.open(path)
        return io.BytesIO(self._objects.get(path) or self._data(path))

    def _data(self, path: str) -> bytes:
        data = self._files[path]
        if data is None:
            raise RepositoryError(f"{path} is not a file in {self.label}")
        return data

    def _refuse(self, path: str, what: str) -> None:
        if path in self._files:
            raise RepositoryError(f"{path} is not {what} in {self.label}")

    @cached_property
    def _paths(self) -> list[str]:
        there = {path for path, data in self._files.items() if data is not None}
        return sorted({*self._below.paths()}.difference(self._files) | there)

    def _blob_id(self, data: bytes) -> str:
        """As git names it, so that equal bytes are equal on both sides."""
        framed = b"blob %d\0" % len(data) + data
        long = len(self._below.oid) == 64
        return hashlib.sha256(framed).hexdigest() if long else hashlib.sha1(framed, usedforsecurity=False).hexdigest()


def _held(tree: Tree, path: str) -> tuple[Kind, str] | None:
    node = tree.node(path)
    return (node.kind, node.key) if node else None
