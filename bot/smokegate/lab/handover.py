"""Content as a file descriptor that another process may read, without its bytes passing through this one's memory."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import stat
from collections.abc import Iterator
from typing import BinaryIO

from smokegate.errors import SmokegateError
from smokegate.judge.ports import Bytes

_CHUNK = 1 << 20
_IN_MEMORY_LIMIT = 8 << 20


@contextlib.contextmanager
def descriptor_of(content: Bytes) -> Iterator[int]:
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(content.open())
        found = _own_descriptor(stream, content.size)
        if found is not None and not _writable(found):
            yield found
            return
        reopened = _reopened(found) if found is not None else None
        if reopened is not None:
            stack.callback(os.close, reopened)
            yield reopened
            return
        yield stack.enter_context(_copy(stream, content)).fileno()


def _own_descriptor(stream: BinaryIO, size: int) -> int | None:
    """The descriptor of a plain file that holds these bytes and no others (gzip's, say, is that of packed bytes)."""
    raw = getattr(stream, "raw", stream)
    if not isinstance(raw, io.FileIO):
        return None
    if stream.writable():
        stream.flush()
    standing = os.fstat(raw.fileno())
    return raw.fileno() if stat.S_ISREG(standing.st_mode) and standing.st_size == size else None


def _writable(descriptor: int) -> bool:
    return fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY


def _reopened(descriptor: int) -> int | None:
    """The same file, for reading only: what is handed over must not be writable there."""
    try:
        return os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


def _copy(stream: BinaryIO, content: Bytes) -> BinaryIO:
    copy = _scratch(content.size)
    stream.seek(0)
    while chunk := stream.read(_CHUNK):
        copy.write(chunk)
    copy.flush()
    written = os.fstat(copy.fileno()).st_size
    if written != content.size:
        copy.close()
        raise SmokegateError(
            f"the bytes with digest {content.digest[:12]} changed while they were read: "
            f"{content.size} bytes were announced, {written} came",
            fix="run the command again while nothing writes to the repository",
        )
    return copy


def _scratch(size: int) -> BinaryIO:
    if size <= _IN_MEMORY_LIMIT and hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("smokegate"), "w+b")
    import tempfile  # noqa: PLC0415  (10 ms that most checks can do without)

    return tempfile.TemporaryFile()
