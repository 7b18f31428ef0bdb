"""A Python of its own for what is not trusted: nothing of our environment, and imports from named folders alone."""

from __future__ import annotations

import contextlib
import importlib.machinery
import os
import signal
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from smokegate.apart import wire
from smokegate.errors import SmokegateError

_START_SECONDS = 60.0
# Threads are those that ONNX Runtime is told to have. It must neither phone home nor write to the home folder, and
# what malloc sets aside for each thread is more address space than a model needs.
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "ORT_TELEMETRY_DISABLED": "1",
    "LC_ALL": "C.UTF-8",
}
_LOADER_VARIABLES = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class Interpreter:
    """A process, and the one socket to it."""

    def __init__(
        self, boot: str, word: str, roots: Sequence[str], environment: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """`boot` is run with `word`, the socket's descriptor and `roots` as its arguments."""
        if not hasattr(os, "fork") or not hasattr(socket, "send_fds"):
            raise SmokegateError("models can be looked at on Linux and macOS only: the sandbox needs fork()")
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self.process = _started([boot, word, str(theirs.fileno()), *roots], theirs.fileno(), environment)
            except OSError as error:
                ours.close()
                raise SmokegateError(f"the sandbox that looks at models cannot start: {error}") from None
        self.socket = ours
        self._ready = False
        self.end = weakref.finalize(self, _end, self.process, ours)

    def greeted(self) -> Interpreter:
        """It has said that it is ready."""
        if self._ready:
            return self
        try:
            hello, _ = wire.receive_with_body(self.socket, 0, until=time.monotonic() + _START_SECONDS)
        except wire.ClosedError:
            raise wire.ClosedError(self._last_words()) from None
        if hello.get("ready") is not True:
            raise SmokegateError(
                f"the sandbox that looks at models cannot start: {hello.get('problem')}",
                fix="python -m pip install onnx onnxruntime",
            )
        self._ready = True
        return self

    def _last_words(self) -> str:
        self.process.kill()
        _, said = self.process.communicate()
        lines = said.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"its process ended with status {self.process.returncode} and said nothing"


def cannot_start(why: str) -> SmokegateError:
    return SmokegateError(
        f"the sandbox that looks at models cannot start: {why}",
        fix=f"{sys.executable} -I -c 'import onnx, onnxruntime'  (shows what is broken)",
    )


def mute() -> None:
    """From here on nothing is printed: what libraries say about a model is not for the judge's terminal."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    os.close(nowhere)


def roots(packages: Sequence[str], *further: Path) -> list[str]:
    """Folders to import from: this very package's, and where the libraries are installed.

    The interpreter runs with `-I -S`, so neither the environment, nor a `.pth` file, nor the working directory (which
    may be a pull request's checkout) has a say in what it imports.
    """
    here = Path.cwd()
    searched = [entry for entry in sys.path if Path(entry).is_absolute() and Path(entry).resolve() != here]
    found = [str(root) for root in (Path(__file__).parents[2], *further)]
    for package in packages:
        spec = importlib.machinery.PathFinder.find_spec(package, searched)
        found += [str(Path(location).parent) for location in (spec and spec.submodule_search_locations) or ()]
    return list(dict.fromkeys(found))


def _started(arguments: Sequence[str], channel: int, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    loader = {name: os.environ[name] for name in _LOADER_VARIABLES if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=(channel,),
        cwd="/",
        env={**_ENVIRONMENT, **loader, **environment},
        start_new_session=True,
    )


def _end(process: subprocess.Popen[bytes], channel: socket.socket) -> None:
    """The kernel ends a child whose worker is gone (Linux), or its CPU limit does."""
    channel.close()
    if process.poll() is None:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(OSError):
        process.kill()
    process.wait()
    if process.stderr is not None:
        process.stderr.close()
