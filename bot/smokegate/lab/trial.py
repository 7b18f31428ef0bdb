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
from onnxruntime.capi import onnxruntime_pybind11_state as native

from smokegate.lab import feeds
from smokegate.lab.jail import Buffer

# ONNX Runtime's own exceptions share no base class below Exception.
_REFUSALS: tuple[type[Exception], ...] = (
    *(kind for kind in vars(native).values() if isinstance(kind, type) and issubclass(kind, Exception)),
    RuntimeError, ValueError, TypeError, IndexError, OverflowError,
)  # fmt: skip
_OUT_OF_MEMORY = re.compile(r"bad_alloc|bad allocation|Failed to allocate memory|out of memory|BFCArena", re.IGNORECASE)
# EMFILE: it went for a file, and may not open one.
_WENT_FOR_A_FILE = re.compile(r"SystemError : 24\b|Too many open files")
_NOISE = (
    re.compile(r"\[ONNXRuntimeError\] : -?\d+ : \w+ : "),
    re.compile(r"Non-zero status code returned while running (?=\w+ node)"),
    re.compile(r"\S*\.(?:cc|cpp|h|hpp|cu):\d+ [^\s(]+(?:\([^\n]*?\))?(?=\s|$)"),  # a place in its source
    re.compile(r"(?:Load|Run|Initialize)? ?model from \S+ failed:"),
    re.compile(r"Exception during (?:initialization|loading): "),
    re.compile(r"Status Message: "),
    re.compile(r"Name:''"),
)
_TENSOR = re.compile(r"tensor\((\w+)\)")
_ONNX_BFLOAT16 = 16


class RefusedError(Exception):
    """The model does not load, does not run, or gives what nobody can use; the message says which."""


# y = Identity(x) for one float, opset 17: this worker has nothing to write ONNX with.
_SMALLEST = bytes.fromhex(
    "08083a2b0a100a017812017922084964656e746974791201675a090a017812040a02080162090a017912040a02080142040a001011"
)


def warm_up() -> None:
    """Fill the tables that a first session builds, so that no child has to."""
    with contextlib.suppress(*_REFUSALS):
        _load(_SMALLEST, {}).run(None, {"x": np.zeros(1, dtype=np.float32)})


def perform(request: dict[str, Any], contents: Sequence[Buffer]) -> dict[str, Any]:
    try:
        session = _load(bytes(contents[0]), dict(zip(request["files"][1:], contents[1:], strict=True)))
        inputs = _inputs(session)
        outputs = _run_somehow(session, inputs, request["memory"], request["cpu_seconds"])
        for name, value in zip((o.name for o in session.get_outputs()), outputs, strict=True):
            _demand_finite(name, value)
    except RefusedError as why:
        return {"refused": str(why)}
    return {"ran": True}


def _load(model: bytes, external: dict[str, Buffer]) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # grows in powers of two, past a limit that the tensors would fit in
    options.log_severity_level = 4
    options.add_session_config_entry("session.load_model_format", "ONNX")
    if external:
        buffers = list(external.values())
        options.add_external_initializers_from_files_in_memory(list(external), buffers, [len(b) for b in buffers])
    try:
        return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except _REFUSALS as error:
        raise _refusal("ONNX Runtime does not load it", error) from None


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
            except _REFUSALS as error:
                tried += 1
                first = first or _refusal(f"ONNX Runtime loads it but cannot run it on {_shapes(plan)}", error)
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


def _refusal(what: str, error: Exception) -> RefusedError:
    words = str(error)
    if isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(words):
        raise MemoryError
    if _WENT_FOR_A_FILE.search(words):
        return RefusedError(f"{what}: it keeps weights in a file that was not handed over, or is not where they belong")
    for noise in _NOISE:
        words = noise.sub("", words)
    return RefusedError(f"{what}: {words.strip() or type(error).__name__}")


def _shapes(plan: dict[str, feeds.Shape]) -> str:
    return ", ".join(f"{name} {list(shape)}" for name, shape in plan.items()) or "no input"
