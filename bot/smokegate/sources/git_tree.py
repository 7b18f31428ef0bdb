"""The files of a commit, as git holds them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cached_property
from typing import BinaryIO, Protocol

from smokegate.errors import RepositoryError
from smokegate.sources import attributes
from smokegate.sources.blobs import Blobs
from smokegate.sources.command import Git, decoded
from smokegate.sources.lfs_store import Opener
from smokegate.sources.tree import Content, Kind, Node, Pointer, Tree

_LONGEST_TARGET = 4096
_KINDS = {"120000": Kind.SYMLINK, "160000": Kind.SUBMODULE}


class LfsFinder(Protocol):
    def find(self, pointer: Pointer, path: str) -> Opener | None: ...


class GitTree:
    def __init__(self, git: Git, blobs: Blobs, lfs: LfsFinder, oid: str, label: str) -> None:
        self._git = git
        self._blobs = blobs
        self._lfs = lfs
        self.oid = oid
        self._label = label

    @property
    def label(self) -> str:
        return self._label

    def node(self, path: str) -> Node | None:
        meta = self._entries.get(path)
        if meta is None:
            return None
        mode, _, oid = meta.split(" ")
        return Node(path, _KINDS.get(mode, Kind.FILE), oid)

    def paths(self, folder: str = "") -> Collection[str]:
        if not folder:
            return self._entries.keys()
        prefix = f"{folder}/"
        return [path for path in self._entries if path.startswith(prefix)]

    def differs_from(self, other: Tree) -> frozenset[str]:
        if not isinstance(other, GitTree):
            raise TypeError("a git tree is compared with a git tree")
        differing = self._entries.items() ^ other._entries.items()
        return frozenset(path for path, _ in differing)

    def symlinks(self) -> frozenset[str]:
        return frozenset(path for path, meta in self._entries.items() if meta.startswith("120000"))

    def target(self, path: str) -> str:
        node = self.node(path)
        if node is None or node.kind is not Kind.SYMLINK:
            raise RepositoryError(f"{path} is not a symlink in {self.label}")
        return decoded(self._blobs.read(node.key, path, _LONGEST_TARGET))

    def stored_size(self, path: str) -> int:
        return self._blobs.size(self._file(path), path)

    def read(self, path: str, limit: int) -> bytes:
        return self._blobs.read(self._file(path), path, limit)

    def content(self, path: str) -> Content:
        stored = self._blobs.stored(self._file(path), path)
        if (pointer := stored.pointer) is None:
            return Content(stored.digest, stored.size, stored.size, pointer_fault=stored.pointer_fault)
        seen = self._lfs.find(pointer, path) is not None
        return Content(pointer.oid, pointer.size, stored.size, pointer=pointer, seen=seen)

    def open(self, path: str) -> BinaryIO:
        oid = self._file(path)
        if (pointer := self._blobs.stored(oid, path).pointer) is None:
            return self._blobs.open(oid, path)
        if (opener := self._lfs.find(pointer, path)) is None:
            raise RepositoryError(
                f"{path} in {self.label} is a git-lfs pointer to {pointer.oid}, and that object is not at hand",
                fix="git lfs fetch origin --all",
            )
        return opener()

    def in_lfs(self, paths: Iterable[str]) -> frozenset[str]:
        """Those of these paths, there or not, that this tree's attributes give to git-lfs."""
        if not any(f"/{path}".endswith("/.gitattributes") for path in self._entries):
            return frozenset()
        return attributes.having(self._git, self.oid, paths, "filter", "lfs")

    def prefetch(self, paths: Iterable[str]) -> None:
        """Digest these files now, several at a time, so that `content` answers at once."""
        nodes = (self.node(path) for path in paths)
        self._blobs.prefetch({node.key: node.path for node in nodes if node and node.kind is Kind.FILE})

    def _file(self, path: str) -> str:
        node = self.node(path)
        if node is None or node.kind is not Kind.FILE:
            what = f"a {node.kind.value}, not a file," if node else "not a file"
            raise RepositoryError(f"{path} is {what} in {self.label}")
        return node.key

    @cached_property
    def _entries(self) -> dict[str, str]:
        listing = "\0" + decoded(self._git.run("ls-tree", "-r", "-z", "--full-tree", self.oid))
        # whether a file may be executed is nothing that it says
        listing = listing.replace("\x00100755 ", "\x00100644 ")
        lines = (line.partition("\t") for line in listing.split("\0") if line)
        return {path: meta for meta, _, path in lines}
