"""A worker process and the one socket to it: started when needed, and once more when it dies."""

from __future__ import annotations

import contextlib
import importlib.machinery
import json
import os
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smokegate.errors import SmokegateError
from smokegate.lab import wire

_START_SECONDS = 60.0
_GRACE_SECONDS = 15.0
_NEEDS = {"inspect": ("onnx", "google"), "run": ("onnxruntime", "numpy")}
_BOOT = (
    "import sys; sys.path += sys.argv[3:]; from smokegate.lab.worker import main; main(sys.argv[1], int(sys.argv[2]))"
)
# One thread is all that the sandbox allows, and ONNX Runtime must neither phone home nor write to the home folder.
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "ORT_TELEMETRY_DISABLED": "1",
    "LC_ALL": "C.UTF-8",
}
_LOADER_VARIABLES = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")

File = Callable[[], AbstractContextManager[int]]


@dataclass(frozen=True, slots=True)
class Reply:
    """What the worker says of its child: the bytes that it wrote, and how it ended."""

    answer: bytes = b""
    late: bool = False
    flooded: bool = False
    signal: int = 0
    cpu_seconds: float = 0.0
    lost: bool = False
    """The worker itself died, twice, with this request in its hands."""


class _LostError(Exception):
    pass


class Channel:
    def __init__(self, task: str) -> None:
        self._task = task
        self._lock = threading.Lock()
        self._live: _Worker | None = None

    def start(self) -> None:
        with self._lock:
            self._started()

    def ask(self, request: Mapping[str, Any], files: Sequence[File], *, wall_seconds: float) -> Reply:
        order = json.dumps({**request, "wall_seconds": wall_seconds}).encode()
        with self._lock:
            for _ in range(2):
                worker = self._greeted()
                try:
                    return worker.exchange(order, files, wall_seconds + _GRACE_SECONDS)
                except _LostError:
                    self._discard()
                except BaseException:  # a request half sent: the next one must not be read as its rest
                    self._discard()
                    raise
        return Reply(lost=True)

    def close(self) -> None:
        with self._lock:
            self._discard()

    def _started(self) -> _Worker:
        if self._live is None:
            self._live = _Worker(self._task)
        return self._live

    def _greeted(self) -> _Worker:
        """A worker that has said it is ready. A first one that says nothing may have met an accident."""
        try:
            return self._started().greeted()
        except _LostError:
            self._discard()
        try:
            return self._started().greeted()
        except _LostError as silence:
            self._discard()
            raise SmokegateError(
                f"the sandbox that looks at models cannot start: {silence}",
                fix=f"{sys.executable} -I -c 'import onnx, onnxruntime'  (shows what is broken)",
            ) from None

    def _discard(self) -> None:
        if self._live is not None:
            self._live.end()
            self._live = None


class _Worker:
    def __init__(self, task: str) -> None:
        if not hasattr(os, "fork") or not hasattr(socket, "send_fds"):
            raise SmokegateError("models can be looked at on Linux and macOS only: the sandbox needs fork()")
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-I", "-S", "-c", _BOOT, task, str(theirs.fileno()), *_roots(task)]
        with theirs:
            try:
                self._process = _spawn(command, theirs.fileno())
            except OSError as error:
                ours.close()
                raise SmokegateError(f"the sandbox that looks at models cannot start: {error}") from None
        self._socket = ours
        self._ready = False
        self.end = weakref.finalize(self, _end, self._process, ours)

    def greeted(self) -> _Worker:
        if self._ready:
            return self
        self._socket.settimeout(_START_SECONDS)
        try:
            hello = wire.receive_json(self._socket)
        except (wire.ClosedError, OSError, ValueError):
            raise _LostError(self._last_words()) from None
        if hello.get("ready") is not True:
            raise SmokegateError(
                f"the sandbox that looks at models cannot start: {hello.get('problem')}",
                fix="python -m pip install onnx onnxruntime",
            )
        self._ready = True
        return self

    def exchange(self, order: bytes, files: Sequence[File], patience: float) -> Reply:
        self._socket.settimeout(patience)
        self._send(order)
        for file in files:
            with file() as descriptor:
                self._send(b"", descriptor)
        try:
            standing = wire.receive_json(self._socket)
            answer, _ = wire.receive(self._socket)
        except (wire.ClosedError, OSError, ValueError) as error:
            raise _LostError(str(error)) from None
        return Reply(answer, **standing)

    def _send(self, body: bytes, *descriptors: int) -> None:
        try:
            wire.send(self._socket, body, descriptors)
        except OSError as error:
            raise _LostError(str(error)) from None

    def _last_words(self) -> str:
        self._process.kill()
        _, said = self._process.communicate()
        lines = said.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"its process ended with status {self._process.returncode} and said nothing"


def _spawn(command: list[str], descriptor: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=(descriptor,),
        cwd="/",
        env=_ENVIRONMENT | {name: os.environ[name] for name in _LOADER_VARIABLES if name in os.environ},
        start_new_session=True,
    )


def _end(process: subprocess.Popen[bytes], channel: socket.socket) -> None:
    """The kernel ends a child whose worker is gone (Linux), or its CPU limit does."""
    channel.close()
    with contextlib.suppress(OSError):
        process.kill()
    process.wait()
    if process.stderr is not None:
        process.stderr.close()


def _roots(task: str) -> list[str]:
    """Folders that the worker imports from: this very package, and where the libraries are installed.

    The worker runs with `-I -S`, so neither the environment, nor a `.pth` file, nor the working directory (which may
    be a pull request's checkout) has a say in what it imports.
    """
    here = Path.cwd()
    searched = [entry for entry in sys.path if Path(entry).is_absolute() and Path(entry).resolve() != here]
    roots = [str(Path(__file__).parents[2])]
    for package in _NEEDS[task]:
        spec = importlib.machinery.PathFinder.find_spec(package, searched)
        roots += [str(Path(location).parent) for location in (spec and spec.submodule_search_locations) or ()]
    return list(dict.fromkeys(roots))
