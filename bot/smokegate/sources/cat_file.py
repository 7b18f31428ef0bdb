"""A conversation with one long-lived `git cat-file --batch`."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import select
import subprocess
import tempfile
from collections.abc import Iterator, Sequence

from smokegate.errors import MissingObject, RepositoryError
from smokegate.sources.command import Git, failure, stop
from smokegate.sources.digest import CHUNK

_SETTINGS = {
    # above it git streams a packed blob; below, it inflates the whole of it before it sends the first byte
    "core.bigFileThreshold": "1m",
    # how much of a pack may be mapped at once: by default, any amount
    "core.packedGitWindowSize": "16m",
    "core.packedGitLimit": "64m",
}
_LINE_BOUND = 256


class CatFile:
    """Ask for objects, then read header and body of each in turn.

    After any exception the conversation is out of step: `close` it and start another.
    """

    PATIENCE_S = 120.0
    """How long git may stall inside a body, which is all local work: a loose object that is shorter than it says
    makes it stop there and wait for the next request, for ever."""

    def __init__(self, git: Git, mode: str = "--batch") -> None:
        self._mode = mode
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        settings = git.configured(_SETTINGS, {})
        self._process = settings.start("cat-file", mode, stdin=subprocess.PIPE, stderr=self._errors, bufsize=0)
        assert self._process.stdin is not None and self._process.stdout is not None  # noqa: S101 - for mypy
        self._requests = self._process.stdin
        self._pipe = _Pipe(self._process.stdout.fileno())
        self._replies = io.BufferedReader(self._pipe, 1 << 16)
        self._buffer = memoryview(bytearray(CHUNK))

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, oids: Sequence[str]) -> None:
        """At most some hundreds at a time: git reads no further while nobody reads its replies."""
        with contextlib.suppress(BrokenPipeError):  # the missing reply will say it, with git's reason
            self._requests.write("".join(f"{oid}\n" for oid in oids).encode("ascii"))

    def header(self, oid: str, path: str | None) -> int:
        """The size of the object, which must be a blob."""
        line = self._replies.readline(_LINE_BOUND)
        if not line.endswith(b"\n"):
            raise self._death(oid, path)
        match line.split():
            case [name, b"blob", size] if name == oid.encode("ascii"):
                return int(size)
            case [name, b"missing"] if name == oid.encode("ascii"):
                raise MissingObject(oid, path)
        raise RepositoryError(f"git cat-file said {line!r} when asked for blob {_named(oid, path)}", fix="git fsck")

    def body(self, size: int, oid: str, path: str | None) -> Iterator[memoryview]:
        """Exactly `size` bytes through one reused buffer, or an error: never less."""
        self._pipe.patience_s = self.PATIENCE_S
        try:
            left = size
            while left:
                chunk = self._buffer[: min(left, CHUNK)]
                if self._replies.readinto(chunk) != len(chunk):
                    raise self._cut_short(oid, path, size)
                left -= len(chunk)
                yield chunk
            if self._replies.read(1) != b"\n":
                raise self._cut_short(oid, path, size)
        except TimeoutError as stalled:
            raise _damaged(oid, path, size, "it stopped on the way") from stalled
        finally:
            self._pipe.patience_s = None

    def close(self) -> None:
        stop(self._process)
        self._errors.close()

    def _death(self, oid: str, path: str | None) -> RepositoryError:
        """Why there is no reply.

        git 2.39: an object that a partial clone left out and its promisor does not give ends the whole process with
        status 128, and only stderr tells it from damage.
        """
        code, err = self._end()
        cause = failure(("cat-file", self._mode), code, err)
        if code == 128 and (isinstance(cause, MissingObject) or b"promisor" in err):
            missing = MissingObject(oid, path)
            missing.__cause__ = cause
            return missing
        fix = "run again; if it is killed again, give it more memory" if code < 0 else _FSCK
        return RepositoryError(f"blob {_named(oid, path)} cannot be read: {cause.message}", fix=fix)

    def _cut_short(self, oid: str, path: str | None, size: int) -> RepositoryError:
        code, err = self._end()
        return _damaged(oid, path, size, failure(("cat-file", self._mode), code, err).message)

    def _end(self) -> tuple[int, bytes]:
        """Exit status and last words."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(0.2)
        stop(self._process)
        self._errors.seek(0)
        return self._process.returncode, self._errors.read()


_FSCK = "git fsck && git fetch origin --refetch"


class _Pipe(io.RawIOBase):
    def __init__(self, fd: int) -> None:
        super().__init__()
        self._fd = fd
        self._poll = select.poll()
        self._poll.register(fd, select.POLLIN)
        self.patience_s: float | None = None
        with contextlib.suppress(OSError, AttributeError):  # not Linux, or above the user's quota: just slower
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, CHUNK)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self.patience_s is not None and not self._poll.poll(self.patience_s * 1000):
            raise TimeoutError
        return os.readv(self._fd, [buffer])


def _damaged(oid: str, path: str | None, size: int, reason: str) -> RepositoryError:
    return RepositoryError(
        f"blob {_named(oid, path)} is damaged: git did not give just the {size} bytes that it announced ({reason})",
        fix=_FSCK,
    )


def _named(oid: str, path: str | None) -> str:
    return f"{oid} ({path})" if path else oid
