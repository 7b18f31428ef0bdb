"""The one place that starts git."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from smokegate.errors import MissingObject, RepositoryError

_SETTINGS = {
    "core.quotepath": "off",
    # a repository's own hooks and daemons have no business in a read
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
}

# What git hands to its hooks (`git rev-parse --local-env-vars`) and what changes the meaning of paths. Inherited,
# it would point a smokegate that runs in a hook at another repository, index or object store.
_MISLEADING = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_GLOB_PATHSPECS",
    "GIT_GRAFT_FILE",
    "GIT_ICASE_PATHSPECS",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
    "LANGUAGE",
)

_ABSENT_OBJECT = re.compile(
    rb"(?:could not fetch|unable to read tree|unable to read sha1 file of .*|missing blob object|[Cc]ould not read"
    rb"|Could not parse object|bad tree object|[Ff]ailed to traverse parents of commit)\W+"
    rb"([0-9a-f]{64}|[0-9a-f]{40})\b"
)


@dataclass(frozen=True, slots=True)
class Reply:
    code: int
    out: bytes
    err: bytes

    @property
    def reason(self) -> str:
        return plain(self.err)


@dataclass(frozen=True, slots=True)
class Git:
    """git, started in one directory, with nothing inherited that could mislead it and nothing that could ask."""

    directory: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    def configured(self, settings: Mapping[str, str], environment: Mapping[str, str]) -> Git:
        return replace(
            self,
            settings={**self.settings, **settings},
            environment={**self.environment, **environment},
        )

    def ask(self, *arguments: str, stdin: bytes = b"") -> Reply:
        """Run to the end; a non-zero exit is an answer."""
        with _started():
            done = subprocess.run(
                self._argv(arguments), input=stdin, capture_output=True, env=self._environment(), check=False
            )
        return Reply(done.returncode, done.stdout, done.stderr)

    def run(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """Run to the end; a non-zero exit is an error."""
        reply = self.ask(*arguments, stdin=stdin)
        if reply.code != 0:
            raise failure(arguments, reply.code, reply.err)
        return reply.out

    def text(self, *arguments: str) -> str:
        """The answer as text, less its last newline."""
        return decoded(self.run(*arguments).removesuffix(b"\n"))

    def fields(self, *arguments: str) -> Iterator[bytes]:
        """NUL-terminated fields as they come; git is stopped when the caller has seen enough."""
        with tempfile.TemporaryFile() as errors:
            process = self.start(*arguments, stdin=subprocess.DEVNULL, stderr=errors)
            assert process.stdout is not None  # noqa: S101 - for the type checker: we asked for a pipe
            try:
                rest = b""
                while chunk := os.read(process.stdout.fileno(), 1 << 16):
                    *whole, rest = (rest + chunk).split(b"\0")
                    yield from whole
                if code := process.wait():
                    errors.seek(0)
                    raise failure(arguments, code, errors.read())
            finally:
                stop(process)

    def start(self, *arguments: str, stdin: int, stderr: IO[bytes], bufsize: int = -1) -> subprocess.Popen[bytes]:
        with _started():
            return subprocess.Popen(
                self._argv(arguments),
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=self._environment(),
                bufsize=bufsize,
            )

    def _argv(self, arguments: Sequence[str]) -> list[str]:
        argv = ["git", "-C", str(self.directory), "--no-pager", "--no-optional-locks", "--literal-pathspecs"]
        for name, value in {**_SETTINGS, **self.settings}.items():
            argv += ["-c", f"{name}={value}"]
        return [*argv, *arguments]

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
        fixed = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_REPLACE_OBJECTS": "1"}
        return {**kept, **fixed, **self.environment}


class _started:  # noqa: N801 - reads as a phrase at its uses
    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, FileNotFoundError):
            raise RepositoryError(
                "git is not installed, or not on the PATH; smokegate reads registries through it",
                fix="install git 2.31 or newer, e.g.: apt-get install git",
            ) from error
        if isinstance(error, PermissionError):
            raise RepositoryError(f"git cannot be started: {error}", fix="command -v git && git --version") from error


def failure(arguments: Sequence[str], code: int, err: bytes) -> RepositoryError:
    """The error that a failed git command comes to."""
    if absent := _ABSENT_OBJECT.search(err):
        missing = MissingObject(absent[1].decode("ascii"))
        missing.__cause__ = RepositoryError(plain(err))
        return missing
    how = f"was killed by signal {-code}" if code < 0 else f"failed with exit status {code}"
    return RepositoryError(f"git {arguments[0]} {how}: {plain(err) or 'it gave no reason'}", fix="git fsck")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a child and reap it."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
    if process.poll() is None:
        process.kill()
    process.wait()


def decoded(raw: bytes) -> str:
    """Text from git; bytes that are not UTF-8 come as surrogate escapes."""
    return raw.decode("utf-8", "surrogateescape")


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def plain(err: bytes) -> str:
    """git's own words, fit for one of ours."""
    lines = err.decode("utf-8", "replace").splitlines()
    return "; ".join(line.removeprefix("fatal: ") for line in lines if line.strip() and not line.startswith("hint:"))
