"""Load a model in ONNX Runtime and run it once. Runs in a worker's child, never in the judge's process."""

from __future__ import annotations

import contextlib
import ctypes
import re
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime as ort

from smokegate.apart.jail import Buffer
from smokegate.lab import feeds
from smokegate.lab.session import REFUSALS, RefusedError, load, refusal

_TENSOR = re.compile(r"tensor\((\w+)\)")
_ONNX_BFLOAT16 = 16


# y = Identity(x) for one float, opset 17: this worker has nothing to write ONNX with.
_SMALLEST = bytes.fromhex(
    "08083a2b0a100a017812017922084964656e746974791201675a090a017812040a02080162090a017912040a02080142040a001011"
)


def warm_up() -> None:
    """Fill the tables that a first session builds, so that no child has to."""
    with contextlib.suppress(*REFUSALS):
        load(_SMALLEST, {}).run(None, {"x": np.zeros(1, dtype=np.float32)})


def perform(request: dict[str, Any], contents: Sequence[Buffer]) -> dict[str, Any]:
    try:
        session = load(bytes(contents[0]), dict(zip(request["external"], contents[1:], strict=True)))
        inputs = _inputs(session)
        outputs = _run_somehow(session, inputs, request["memory"], request["cpu_seconds"])
        for name, value in zip((o.name for o in session.get_outputs()), outputs, strict=True):
            _demand_finite(name, value)
    except RefusedError as why:
        return {"refused": str(why)}
    return {"ran": True}


def _inputs(session: Any) -> list[feeds.Input]:
    found = []
    for port in session.get_inputs():
        tensor = _TENSOR.fullmatch(port.type)
        if tensor is None or tensor[1] not in feeds.SUPPORTED:
            raise RefusedError(f"unsupported input type {port.type} of input '{port.name}'")
        found.append(feeds.Input(port.name, tensor[1], tuple(port.shape)))
    return found


def _run_somehow(session: Any, inputs: list[feeds.Input], memory: int, cpu_seconds: int) -> list[Any]:
    """The outputs for the first input shapes that the model takes, or the first refusal."""
    first: RefusedError | None = None
    tried = 0
    for zeros in (False, True) if any("int" in i.kind for i in inputs) else (False,):
        for plan in feeds.plans(inputs):
            if first is not None and time.process_time() > cpu_seconds / 2:
                break
            if feeds.bytes_needed(inputs, plan) > memory:
                raise MemoryError
            feed = {i.name: feeds.values(i.kind, plan[i.name], zeros=zeros) for i in inputs}
            try:
                return _run(session, inputs, feed)
            except REFUSALS as error:
                tried += 1
                first = first or refusal(f"ONNX Runtime loads it but cannot run it on {_shapes(plan)}", error)
    raise RefusedError(f"{first} (tried {tried} inputs)" if tried > 1 else str(first))


def _run(session: Any, inputs: list[feeds.Input], feed: dict[str, Any]) -> list[Any]:
    """Through NumPy, or, since NumPy has no bfloat16, through ONNX Runtime's own values."""
    kinds = [i.kind for i in inputs] + [o.type for o in session.get_outputs()]
    if not any(feeds.BFLOAT16 in kind for kind in kinds):
        return list(session.run(None, feed))
    own = ort.OrtValue
    handed = {
        i.name: own.ortvalue_from_numpy_with_onnx_type(feed[i.name], _ONNX_BFLOAT16)
        if i.kind == feeds.BFLOAT16
        else own.ortvalue_from_numpy(feed[i.name])
        for i in inputs
    }
    return [_unwrapped(value) for value in session.run_with_ort_values(None, handed)]


def _unwrapped(value: Any) -> Any:
    if not value.is_tensor() or value.element_type() != _ONNX_BFLOAT16:
        return value.numpy()
    shape = value.shape()
    size = int(np.prod(shape)) * 2
    halves = np.frombuffer(ctypes.string_at(value.data_ptr(), size), dtype=np.uint16)
    return (halves.astype(np.uint32) << np.uint32(16)).view(np.float32).reshape(shape)


def _demand_finite(name: str, value: Any) -> None:
    """Floats anywhere in an output: a tensor, a sequence of tensors, a map of classes to scores."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            _demand_finite(name, item)
        return
    array = np.asarray(value)
    if array.dtype.kind not in "fc":
        return
    if array.size == 0:
        raise RefusedError(f"output '{name}' is empty (its shape is {list(array.shape)})")
    wrong = int(array.size - np.count_nonzero(np.isfinite(array)))
    if wrong:
        what = "NaN" if np.isnan(array).any() else "infinite"
        raise RefusedError(f"output '{name}' is not finite: {wrong:,} of {array.size:,} values are {what}")


def _shapes(plan: dict[str, feeds.Shape]) -> str:
    return ", ".join(f"{name} {list(shape)}" for name, shape in plan.items()) or "no input"
