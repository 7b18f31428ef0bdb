"""A source is a regular file on this machine and nothing else. The one place where one is opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smokegate_runners.saliency.video.facts import SourceMissing, Undecodable

# More than lies between two frames of any film, with as many frames under way as there are threads.
PATIENCE = 1 << 29

_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class SourceFile:
    """The bytes that a file had when it was opened: what is appended later does not count.

    ffmpeg's libraries read through this alone. An exception cannot pass through them, so that what goes wrong is kept
    until `check`, and they are told that the file ends here.
    """

    def __init__(self, descriptor: int, size: int) -> None:
        self.size = size
        self._descriptor = descriptor
        self._position = 0
        self._left = PATIENCE
        self._failure: str | None = None

    def read(self, count: int = -1) -> bytes:
        wanted = max(0, self.size - self._position)
        wanted = wanted if count < 0 else min(count, wanted)
        if self._failure or not wanted:
            return b""
        if wanted > self._left:
            self._failure = f"no frame in {PATIENCE >> 20} MiB of it"
            return b""
        try:
            found = self.at(self._position, wanted)
        except Undecodable as error:
            self._failure = error.message
            return b""
        self._position += len(found)
        self._left -= len(found)
        return found

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}.get(whence)
        if start is None or start + offset < 0:
            return -1
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def at(self, offset: int, count: int) -> bytes:
        """Bytes from anywhere, whatever is being read meanwhile."""
        try:
            return os.pread(self._descriptor, max(0, min(count, self.size - offset)), offset)
        except OSError as error:
            raise Undecodable(f"reading it failed: {error.strerror}") from None

    def progressed(self) -> None:
        """A frame came out of what was read."""
        self._left = PATIENCE

    def check(self) -> None:
        if self._failure:
            raise Undecodable(self._failure)


@contextmanager
def opened(path: Path) -> Iterator[SourceFile]:
    try:
        # Asked first, since opening a device or a pipe may do something; then of what was opened, since names change.
        _require_regular(path.stat())
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        raise SourceMissing(error.strerror or "it cannot be opened") from None
    except ValueError:
        raise SourceMissing("no file can have this name") from None
    try:
        found = os.fstat(descriptor)
        _require_regular(found)
        yield SourceFile(descriptor, found.st_size)
    finally:
        os.close(descriptor)


def _require_regular(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise SourceMissing(f"it is {_KINDS.get(stat.S_IFMT(found.st_mode), 'no file')}")
