"""A model loaded in ONNX Runtime, and its refusals in words. For a worker's child, never the judge's process."""

from __future__ import annotations

import re
from typing import Any

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as native

from smokegate.apart.jail import Buffer

# ONNX Runtime's own exceptions share no base class below Exception.
REFUSALS: tuple[type[Exception], ...] = (
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
_LONGEST_COMPLAINT = 4_000


class RefusedError(Exception):
    """The model does not load, does not run, or gives what nobody can use; the message says which."""


def load(model: bytes, external: dict[str, Buffer]) -> Any:
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
    except REFUSALS as error:
        raise refusal("ONNX Runtime does not load it", error) from None


def refusal(what: str, error: Exception) -> RefusedError:
    words = str(error)
    if isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(words):
        raise MemoryError
    if _WENT_FOR_A_FILE.search(words):
        return RefusedError(f"{what}: it keeps weights in a file that was not handed over, or is not where they belong")
    words = words[:_LONGEST_COMPLAINT]  # the patterns take time that grows with the square of a name's length
    for noise in _NOISE:
        words = noise.sub("", words)
    return RefusedError(f"{what}: {words.strip() or type(error).__name__}")
