"""Blobs that the working tree happens to hold: hashing a file is several times faster than inflating the blob."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from pathlib import Path

from smokegate.sources.digest import Stored, chunks_of, digest
from smokegate.sources.files import open_beneath

_WORTH_A_LOOK = 1 << 16


class Checkout:
    """A file stands in for a blob only when its bytes, hashed here, bear the blob's name.

    Threat: SHA-1 collisions. git looks for them in every object that comes in, so neither half of a pair gets into
    the store; the other half would have to be put in the working tree by someone who may as well write to the store.
    """

    def __init__(self, top: Path) -> None:
        self._top = top

    def may_hold(self, path: str) -> int | None:
        """The size of the file at `path`, if it is one and looking at it would pay."""
        try:
            found = (self._top / path).lstat()
        except (OSError, ValueError):
            return None
        return found.st_size if stat.S_ISREG(found.st_mode) and found.st_size >= _WORTH_A_LOOK else None

    def stored(self, oid: str, size: int, path: str) -> Stored | None:
        name = hashlib.sha1(usedforsecurity=False) if len(oid) == 40 else hashlib.sha256()
        name.update(f"blob {size}\0".encode("ascii"))
        try:
            with open_beneath(self._top, path) as file:
                found = digest(_told(chunks_of(file), name))
        except OSError:
            return None
        return found if name.hexdigest() == oid and found.size == size else None


def _told(chunks: Iterator[memoryview], name: hashlib._Hash) -> Iterator[memoryview]:
    for chunk in chunks:
        name.update(chunk)
        yield chunk
