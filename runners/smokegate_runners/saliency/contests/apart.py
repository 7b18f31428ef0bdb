"""A model in a process apart, as those see it who ask it for masks.

It may be a stranger's. Once its process holds the model's files it can open no other and no socket, and has memory and
time within bounds (`smokegate.apart.jail`). This one never parses them, and holds what comes back to what was asked
for. CUDA lives on files and address space: there these two are not taken away.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smokegate.apart import interpreter, wire
from smokegate.apart.interpreter import Interpreter
from smokegate.apart.quoting import one_line
from smokegate.errors import SmokegateError
from smokegate_runners.saliency import cores
from smokegate_runners.saliency.contests.allowance import Allowance
from smokegate_runners.saliency.contests.handed import Files
from smokegate_runners.saliency.settings import Size

CPU, CUDA = "cpu", "cuda"
PROVIDERS = (CPU, CUDA)
_NEEDS = ("onnx", "google", "onnxruntime", "numpy")
_BOOT = (
    "import sys; sys.path += sys.argv[3:]; "
    "from smokegate_runners.saliency.contests.confined import main; main(sys.argv[1], int(sys.argv[2]))"
)
_KINDS_FOR_CUDA = ("CUDA_", "NVIDIA_")
_LAST_SECONDS = 5.0
"""In which a process that has hung up, or is to do so, ends."""

Mask = NDArray[np.float32]
Rgb = NDArray[np.uint8]


class GaveNoMask(SmokegateError):
    """Its process failed, or did not do what was asked. The message is one printable line."""


class Refused(GaveNoMask):
    """The model itself is no use, in the words of its process."""


class ModelApart:
    """Its process starts at once, and imports what it needs while others look at the model's files."""

    def __init__(self, provider: str, threads: int = 0) -> None:
        self.provider, self.threads = provider, threads or cores.usable()
        roots = interpreter.roots(_NEEDS, Path(__file__).parents[3])
        self._live = Interpreter(_BOOT, provider, roots, _environment(provider))
        self._allowance: Allowance
        self._until = 0.0
        self._asked, self._size = 0, Size(0, 0)

    def load(self, files: Files, allowance: Allowance) -> None:
        """Hands the files over; `loaded` says what became of them."""
        try:
            self._live.greeted()
        except wire.ClosedError as silence:
            raise interpreter.cannot_start(str(silence)) from None
        self._allowance = allowance
        order = {
            "name": files.name,
            "multiple": files.multiple,
            "threads": self.threads,
            "memory": allowance.memory,
            "cpu_seconds": allowance.cpu_seconds,
            "cpu_seconds_in_all": allowance.cpu_seconds_in_all,
            "places": list(files.outside),
            "sizes": [len(files.graph), *map(len, files.outside.values())],
        }
        self._send(order, b"", files.graph, *files.outside.values())

    def loaded(self) -> None:
        """Returns once it has turned out to be a saliency model."""
        said, more = self._answer(0)
        if said != {"loaded": True} or more:
            raise self._lied("it does not say what became of the model")

    def ask(self, rgb: Rgb) -> None:
        """Shows it a picture, 8-bit RGB [H,W,3]; `mask` is the answer."""
        height, width, _ = rgb.shape
        self._asked, self._size = self._asked + 1, Size(width, height)
        picture = np.ascontiguousarray(rgb).data.cast("B")
        self._send({"item": self._asked, "width": width, "height": height}, picture)

    def mask(self) -> Mask:
        """In 0..1, of the picture that was shown last."""
        wanted = 4 * self._size.width * self._size.height
        # It may have answered long ago, while this process looked at the other model, or slept.
        self._until = max(self._until, time.monotonic() + _LAST_SECONDS)
        said, body = self._answer(wanted)
        if said != {"item": self._asked}:
            raise self._lied("it speaks of another picture than it was shown")
        if len(body) != wanted:
            raise self._lied(f"it gives {len(body):,} bytes for a picture of {self._size}")
        found: Mask = np.frombuffer(body, dtype="<f4").reshape(self._size.height, self._size.width)
        if not (found.min() >= 0.0 and found.max() <= 1.0):  # which is so of no NaN
            raise self._lied("it gives values that are not within 0..1")
        return found

    def finish(self) -> None:
        """It has answered for the last time."""
        with suppress(OSError):
            self._live.socket.shutdown(socket.SHUT_WR)
            self._live.socket.settimeout(_LAST_SECONDS)
            if self._live.socket.recv(1):
                raise self._lied("it says more than it was asked")

    def close(self) -> None:
        self._live.end()

    # -- what goes there, and what comes back ----------------------------------------------------------------------

    def _send(self, message: dict[str, Any], body: bytes | memoryview, *more: bytes) -> None:
        self._until = time.monotonic() + self._allowance.wall_seconds
        self._live.socket.settimeout(self._allowance.wall_seconds)
        try:
            wire.send_json(self._live.socket, message, body)
            for one in more:
                wire.send(self._live.socket, one)
        except wire.ClosedError as end:
            raise self._over(end) from None

    def _answer(self, most: int) -> tuple[dict[str, Any], memoryview]:
        """What it says, less its excuses, and `most` bytes after that."""
        try:
            said, body = wire.receive_with_body(self._live.socket, most, until=self._until)
        except wire.ClosedError as end:
            raise self._over(end) from None
        if "starved" in said:
            raise GaveNoMask(self._allowance.starved())
        if "refused" in said:
            raise Refused(one_line(str(said["refused"])), fix=one_line(str(said.get("fix") or "")) or None)
        if "bug" in said:
            raise GaveNoMask(f"smokegate stumbled over it, which is a bug in smokegate: {one_line(str(said['bug']))}")
        return said, body

    def _over(self, end: wire.ClosedError) -> GaveNoMask:
        if isinstance(end, wire.LateError):
            self.close()
            return GaveNoMask(self._allowance.late())
        if isinstance(end, wire.NonsenseError):
            return self._lied(f"it answers with {end}")
        try:
            status = self._live.process.wait(_LAST_SECONDS)
        except subprocess.TimeoutExpired:
            return self._lied("it hung up")
        self.close()
        return GaveNoMask(self._allowance.ended(status))

    def _lied(self, how: str) -> GaveNoMask:
        self.close()
        return GaveNoMask(f"what its process says is no answer: {how}")


def _environment(provider: str) -> dict[str, str]:
    """Which card to take, where one is taken."""
    if provider != CUDA:
        return {}
    return {name: value for name, value in os.environ.items() if name.startswith(_KINDS_FOR_CUDA)}
