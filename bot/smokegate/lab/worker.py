"""The fork server: imports a library once, then looks at each model in a child of its own, without rights.

Started by `smokegate.lab.channel` alone, which hands over the one socket it speaks on.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Sequence
from typing import Any, Protocol

from smokegate.apart import interpreter, jail, wire

_TASKS = {"inspect": "smokegate.lab.inspection", "run": "smokegate.lab.workbench"}


class Task(Protocol):
    """A module that looks at models: `perform` runs in a child that can open nothing, on the contents of its files."""

    def warm_up(self) -> None: ...

    def perform(self, request: dict[str, Any], contents: Sequence[jail.Buffer]) -> dict[str, Any]: ...


def main(task_name: str, descriptor: int) -> None:
    client = socket.socket(fileno=descriptor)
    client.set_inheritable(False)
    try:
        task: Task = importlib.import_module(_TASKS[task_name])
    except ImportError as missing:
        wire.send_json(client, {"ready": False, "problem": str(missing)})
        return
    jail.open_files_to_the_full()
    interpreter.mute()
    jail.isolate()
    wire.send_json(client, {"ready": True})
    with contextlib.suppress(wire.ClosedError, OSError):
        warm = not _waiting(client)
        if warm:
            _prepare(task)
        while True:
            child = _Child(client, task)
            if not warm:  # beside the first child, which could not wait
                _prepare(task)
                warm = True
            child.see_through()


def _waiting(client: socket.socket) -> bool:
    return bool(select.select([client], [], [], 0)[0])


def _prepare(task: Task) -> None:
    task.warm_up()
    gc.collect()
    gc.freeze()


class _Child:
    """One request, being worked on from the moment it has been received."""

    def __init__(self, client: socket.socket, task: Task) -> None:
        request = wire.receive_json(client)
        files: list[int] = []
        for _ in range(request["files"]):
            files += wire.receive_file(client)
        self._client = client
        self._wall_seconds: float = request["wall_seconds"]
        self._answers, answer_end = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            _work(task, request, files, answer_end)
        for descriptor in (*files, answer_end):
            os.close(descriptor)

    def see_through(self) -> None:
        standing, answer = _supervise(self._pid, self._answers, self._client, self._wall_seconds)
        os.close(self._answers)
        wire.send_json(self._client, standing)
        wire.send(self._client, answer)


def _work(task: Task, request: dict[str, Any], files: list[int], answer_end: int) -> None:
    answer: dict[str, Any] = {}
    try:
        jail.lock((*files, answer_end), memory=request["memory"], cpu_seconds=request["cpu_seconds"])
        contents = [jail.mapped(descriptor) for descriptor in files]
        jail.seal()
        answer = task.perform(request, contents)
    except MemoryError:
        answer = {"out_of_memory": True}
    finally:
        stumble = sys.exc_info()[1]
        if stumble is not None:
            answer = {"bug": _where(stumble)}
        _write(answer_end, json.dumps(answer).encode())
        os._exit(0)


def _where(stumble: BaseException) -> str:
    place = stumble.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    at = f" ({place.tb_frame.f_code.co_filename.rpartition('/')[2]}:{place.tb_lineno})" if place else ""
    return f"{type(stumble).__name__}: {stumble}{at}"


def _write(descriptor: int, body: bytes) -> None:
    view = memoryview(body)
    while view:
        view = view[os.write(descriptor, view) :]


def _supervise(child: int, answers: int, client: socket.socket, wall: float) -> tuple[dict[str, Any], bytes]:
    deadline = time.monotonic() + wall
    poller = select.poll()
    poller.register(answers, select.POLLIN)
    poller.register(client, select.POLLIN)
    answer = bytearray()
    late = False
    while len(answer) <= wire.ANSWER_LIMIT:
        left = deadline - time.monotonic()
        late = left <= 0
        if late:
            break
        events = [descriptor for descriptor, _ in poller.poll(left * 1000)]
        if client.fileno() in events:  # the client says nothing while it waits: it is gone
            _end(child)
            os._exit(0)
        if answers in events:
            chunk = os.read(answers, 1 << 16)
            if not chunk:
                break
            answer += chunk
    status, usage = _end(child)
    standing = {
        "late": late,
        "flooded": len(answer) > wire.ANSWER_LIMIT,
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
        "cpu_seconds": usage,
    }
    return standing, b"" if standing["flooded"] else bytes(answer)


def _end(child: int) -> tuple[int, float]:
    """Kill what is left of the child; one that has ended by itself keeps its own status."""
    with contextlib.suppress(OSError):
        os.killpg(child, signal.SIGKILL)
    with contextlib.suppress(OSError):
        os.kill(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    return status, usage.ru_utime + usage.ru_stime
