"""The one interface that the judge reads content through: a read-only tree of files."""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass
from typing import BinaryIO, Protocol


class Kind(enum.Enum):
    FILE = "file"
    SYMLINK = "symlink"
    SUBMODULE = "submodule"


@dataclass(frozen=True, slots=True)
class Node:
    """A name in a tree. Two nodes with one `key` in one store hold the same stored bytes."""

    path: str
    kind: Kind
    key: str


@dataclass(frozen=True, slots=True)
class Pointer:
    """A git-lfs pointer: the digest and size of bytes that git itself does not hold."""

    oid: str
    size: int


@dataclass(frozen=True, slots=True)
class Content:
    """What a file means: the digest of the bytes it stands for, and whether they were really seen.

    `digest` and `size` are those of the meant bytes: of the LFS object where the file is a
    well-formed pointer, of the stored bytes otherwise.
    """

    digest: str
    size: int
    stored_size: int
    pointer: Pointer | None = None
    pointer_fault: str | None = None
    """Why a file that sets out to be an LFS pointer is not a usable one."""
    seen: bool = True
    """False when the meant bytes are an LFS object that is not at hand (or not intact)."""


class Tree(Protocol):
    """Paths are relative to the root, with `/` between parts, and never follow a symlink.

    Bytes of a name that are not UTF-8 come as surrogate escapes.
    """

    @property
    def label(self) -> str:
        """How to name this tree to a person: a short commit id, `working tree`, a folder."""
        ...

    def node(self, path: str) -> Node | None:
        """The file, symlink or submodule at exactly this path; None for folders and absentees."""
        ...

    def paths(self, folder: str = "") -> Collection[str]:
        """Every path in the tree, or under `folder` (no trailing slash), in the store's order."""
        ...

    def differs_from(self, other: Tree) -> frozenset[str]:
        """Paths whose stored bytes or kind are not the same in the two trees, absentees included."""
        ...

    def symlinks(self) -> frozenset[str]:
        """Every path in the tree that is a symlink."""
        ...

    def target(self, path: str) -> str:
        """What a symlink says, unresolved."""
        ...

    def stored_size(self, path: str) -> int:
        """Size of the stored bytes, without reading them."""
        ...

    def read(self, path: str, limit: int) -> bytes:
        """The stored bytes of a file, at most `limit + 1` of them: one too many tells it is too long."""
        ...

    def content(self, path: str) -> Content:
        """Digest and LFS standing of a file, computed once per distinct stored bytes."""
        ...

    def open(self, path: str) -> BinaryIO:
        """The meant bytes (an LFS object where the file is a pointer) as a seekable binary file.

        Only for files whose `content(path).seen` is true.
        """
        ...
