"""The one run that may write an output, and files that appear whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from smokegate.errors import SmokegateError, UsageError
from smokegate_runners.provenance import now

_BUFFER = 1 << 20


@contextmanager
def held(output: Path) -> Iterator[None]:
    """The lock is a file beside the output. Its owner removes it; a killed one leaves the file, but not the lock."""
    path = output.with_name(f".{output.name}.lock")
    descriptor = _locked(path, output)
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}, since {now()}".encode())
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _locked(path: Path, output: Path) -> int:
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise unwritable(output, error) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 200).decode("utf-8", "replace")
            os.close(descriptor)
            raise UsageError(
                f"{output} is being written by {holder or 'another run'}", fix="wait for it, or name another --output"
            ) from None
        except OSError as error:
            os.close(descriptor)
            raise unwritable(output, error) from None
        if _is_still(path, descriptor):
            return descriptor
        os.close(descriptor)


def _is_still(path: Path, descriptor: int) -> bool:
    """Its last owner may have removed the file between our opening it and our locking it."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def in_the_way(place: Path) -> str | None:
    """What is there that a rename must not take away: /dev/null would be a file for everybody afterwards."""
    if place.is_dir():
        return "it is a folder"
    return "it is no regular file" if place.exists() and not place.is_file() else None


class Draft:
    """A file in the making, beside its place. Where that is a link, beside what it leads to."""

    def __init__(self, place: Path) -> None:
        self.place = Path(os.path.realpath(place))
        self.path = self.place.with_name(f".{self.place.name}.part")

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        with failing(self.place), self.path.open("wb", buffering=_BUFFER) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())

    def publish(self) -> None:
        with failing(self.place):
            if self.place.exists():
                shutil.copymode(self.place, self.path)
            self.path.replace(self.place)

    def discard(self) -> None:
        with failing(self.place):
            self.path.unlink(missing_ok=True)


@contextmanager
def draft(place: Path) -> Iterator[Draft]:
    """Removed at the end, unless it was published."""
    made = Draft(place)
    try:
        yield made
    finally:
        made.discard()


@contextmanager
def failing(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise unwritable(place, error) from None


def unwritable(place: Path, error: OSError) -> SmokegateError:
    full = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
    fix = "make room" if full else "name a place that can be written to"
    return SmokegateError(f"cannot write {place}: {error.strerror or error}", fix=fix)


def folder(path: Path) -> Path:
    with failing(path):
        path.mkdir(parents=True, exist_ok=True)
    return path
