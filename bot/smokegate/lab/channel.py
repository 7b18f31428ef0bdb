"""A worker process and the one socket to it: started when needed, and once more when it dies."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from smokegate.apart import interpreter, wire
from smokegate.apart.interpreter import Interpreter

_GRACE_SECONDS = 15.0
_NEEDS = {"inspect": ("onnx", "google"), "run": ("onnxruntime", "numpy")}
_BOOT = (
    "import sys; sys.path += sys.argv[3:]; from smokegate.lab.worker import main; main(sys.argv[1], int(sys.argv[2]))"
)

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


class Channel:
    def __init__(self, task: str) -> None:
        self._task = task
        self._lock = threading.Lock()
        self._live: Interpreter | None = None

    def start(self) -> None:
        with self._lock:
            self._started()

    def ask(self, request: Mapping[str, Any], files: Sequence[File], *, wall_seconds: float) -> Reply:
        order = json.dumps({**request, "wall_seconds": wall_seconds}).encode()
        with self._lock:
            for _ in range(2):
                worker = self._greeted()
                try:
                    return _exchange(worker, order, files, wall_seconds + _GRACE_SECONDS)
                except wire.ClosedError:
                    self._discard()
                except BaseException:  # a request half sent: the next one must not be read as its rest
                    self._discard()
                    raise
        return Reply(lost=True)

    def close(self) -> None:
        with self._lock:
            self._discard()

    def _started(self) -> Interpreter:
        if self._live is None:
            self._live = Interpreter(_BOOT, self._task, _roots(self._task))
        return self._live

    def _greeted(self) -> Interpreter:
        """A worker that has said it is ready. A first one that says nothing may have met an accident."""
        try:
            return self._started().greeted()
        except wire.ClosedError:
            self._discard()
        try:
            return self._started().greeted()
        except wire.ClosedError as silence:
            self._discard()
            raise interpreter.cannot_start(str(silence)) from None

    def _discard(self) -> None:
        if self._live is not None:
            self._live.end()
            self._live = None


def _exchange(worker: Interpreter, order: bytes, files: Sequence[File], patience: float) -> Reply:
    worker.socket.settimeout(patience)
    wire.send(worker.socket, order)
    for file in files:
        with file() as descriptor:
            wire.send(worker.socket, descriptors=(descriptor,))
    standing = wire.receive_json(worker.socket)
    return Reply(wire.receive(worker.socket), **standing)


def _roots(task: str) -> list[str]:
    return interpreter.roots(_NEEDS[task])
