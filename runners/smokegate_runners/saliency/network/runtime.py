"""ONNX Runtime as the saliency models use it: which provider, how many threads, and its refusals in a line."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from smokegate.errors import UsageError

# Read when the library is loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as native

AUTO, CPU, CUDA = "auto", "cpu", "cuda"
CHOICES = (AUTO, CPU, CUDA)
_CPU_PROVIDER, _CUDA_PROVIDER = "CPUExecutionProvider", "CUDAExecutionProvider"
# TensorFloat-32 keeps 10 bits of a value: other masks than on a CPU.
_CUDA_OPTIONS = {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}

# ONNX Runtime's own exceptions share no base class below Exception.
REFUSALS: tuple[type[Exception], ...] = (
    *(kind for kind in vars(native).values() if isinstance(kind, type) and issubclass(kind, Exception)),
    RuntimeError, ValueError, TypeError, IndexError, MemoryError,
)  # fmt: skip
_NOISE = (
    re.compile(r"\[ONNXRuntimeError\] : -?\d+ : \w+ : "),
    re.compile(r"Non-zero status code returned while running (?=\w+ node)"),
    re.compile(r"\S*\.(?:cc|cpp|h|hpp|cu):\d+ [^\s(]+(?:\([^\n]*?\))?(?=\s|$)"),  # a place in its source
    re.compile(r"Status Message: "),
    re.compile(r"Name:''"),
)
_LONGEST = 300
_SILENT = 4


def settled(provider: str) -> str:
    """`cpu` or `cuda`."""
    if provider not in CHOICES:
        raise UsageError(f"provider {provider!r} is none of {', '.join(CHOICES)}")
    there = _CUDA_PROVIDER in ort.get_available_providers()
    if provider == CUDA and not there:
        raise UsageError(
            f"CUDA was asked for, and the onnxruntime that is installed has {', '.join(ort.get_available_providers())}",
            fix="python -m pip uninstall onnxruntime && python -m pip install onnxruntime-gpu  (they share a folder)",
        )
    return CUDA if there and provider != CPU else CPU


def session(
    graph: bytes, external: Mapping[str, bytes] = MappingProxyType({}), *, threads: int, provider: str = CPU
) -> Any:
    """Weights kept outside the graph are handed over in memory, under the names that the graph has for them."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _SILENT
    # It holds a third more, and is no faster.
    options.enable_mem_pattern = False
    # A thread that spins takes from the decoder what it waits for.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if external:
        contents = list(external.values())
        options.add_external_initializers_from_files_in_memory(list(external), contents, [len(c) for c in contents])
    wanted: list[Any] = [(_CUDA_PROVIDER, _CUDA_OPTIONS)] if provider == CUDA else []
    return ort.InferenceSession(graph, options, providers=[*wanted, _CPU_PROVIDER])


def live(running: Any) -> str:
    """What it really runs on: ONNX Runtime goes on with the CPU when CUDA's libraries do not load."""
    return CUDA if running.get_providers()[0] == _CUDA_PROVIDER else CPU


def said(error: Exception) -> str:
    words = str(error)[: 10 * _LONGEST]
    for noise in _NOISE:
        words = noise.sub("", words)
    words = " ".join("".join(c if c.isprintable() else " " for c in words).split())
    return words[:_LONGEST] or type(error).__name__
