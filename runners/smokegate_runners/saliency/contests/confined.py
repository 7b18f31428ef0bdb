"""A model at work in a process that has given up its rights. Started by `contests.apart` alone.

It takes an order and the model's files, says whether they make a saliency model, and then gives a mask for each
picture that comes. What it says is not believed: whoever wrote the model may have taken it over.
"""

from __future__ import annotations

import re
import socket
import sys
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from smokegate.apart import interpreter, jail, wire
from smokegate.errors import UsageError
from smokegate_runners.saliency.agreement.png import MOST_PIXELS
from smokegate_runners.saliency.network import contract, model_file, runtime
from smokegate_runners.saliency.network.model import ModelFailed, SaliencyModel
from smokegate_runners.saliency.network.resize import resized
from smokegate_runners.saliency.settings import Size

_STARVED = re.compile(r"bad_alloc|bad allocation|Failed to allocate memory|out of memory|BFCArena|MemoryError", re.I)
_LONGEST = 1000


def main(provider: str, descriptor: int) -> None:
    channel = socket.socket(fileno=descriptor)
    channel.set_inheritable(False)
    sys.excepthook = partial(_stumbled, channel)
    interpreter.mute()
    _warm_up()
    if provider == runtime.CPU:
        jail.isolate()
    wire.send_json(channel, {"ready": True})
    try:
        _work(channel, provider)
    except MemoryError:
        wire.send_json(channel, {"starved": True})
    except wire.ClosedError:
        return


def _warm_up() -> None:
    """What these import when they are first used, they could not import later on."""
    np.random.default_rng(0).standard_normal(1)
    resized(np.zeros((1, 1, 2, 2), dtype=np.float32), Size(1, 1))


def _work(channel: socket.socket, provider: str) -> None:
    order = wire.receive_json(channel)
    graph, *outside = (wire.receive(channel, size) for size in order["sizes"])
    seconds: int = order["cpu_seconds"]
    in_all: int = order["cpu_seconds_in_all"]
    if provider == runtime.CPU:
        jail.lock((channel.fileno(),), memory=order["memory"], cpu_seconds=seconds, cpu_seconds_in_all=in_all)
        jail.seal()
    else:  # CUDA opens devices, and maps more address space than any machine has memory
        jail.leash(cpu_seconds=seconds, cpu_seconds_in_all=in_all)
    jail.grant(seconds)
    try:
        live = _loaded(order, graph, dict(zip(order["places"], outside, strict=True)), provider)
    except UsageError as refusal:
        _refuse(channel, refusal.message, refusal.fix)
        return
    wire.send_json(channel, {"loaded": True})
    while True:
        _answer(channel, live, seconds)


def _loaded(order: dict[str, Any], graph: bytes, outside: dict[str, bytes], provider: str) -> SaliencyModel:
    name: str = order["name"]
    held = model_file.assembled(name, graph, outside)
    known = contract.described(held, name, order["multiple"])
    return SaliencyModel(Path(name), provider=provider, threads=order["threads"], known=known, held=held)


def _answer(channel: socket.socket, live: SaliencyModel, cpu_seconds: int) -> None:
    asked, body = wire.receive_with_body(channel, 3 * MOST_PIXELS)
    rgb = np.frombuffer(body, dtype=np.uint8).reshape(asked["height"], asked["width"], 3)
    jail.grant(cpu_seconds)
    try:
        mask = live.mask_rgb(rgb)
    except ModelFailed as failure:
        _refuse(channel, failure.message, failure.fix)
        return
    wire.send_json(channel, {"item": asked["item"]}, np.ascontiguousarray(mask, dtype="<f4").data.cast("B"))


def _refuse(channel: socket.socket, why: str, fix: str | None) -> None:
    wire.send_json(channel, {"starved": True} if _STARVED.search(why) else {"refused": why[:_LONGEST], "fix": fix})


def _stumbled(
    channel: socket.socket, kind: type[BaseException], stumble: BaseException, _trace: TracebackType | None
) -> None:
    wire.send_json(channel, {"bug": f"{kind.__name__}: {stumble}"[:_LONGEST]})
