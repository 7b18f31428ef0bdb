"""ONNX's message types and its checker, without the rest of the package.

`import onnx` pulls in NumPy, ml_dtypes and the reference helpers, 100 ms that a verdict has no use for. The two
modules wanted here stand alone, so they are imported past the package's `__init__`; where that fails, the usual way.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import sys
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onnx import onnx_ml_pb2 as pb

__all__ = ["DecodeError", "ValidationError", "check_model", "pb"]

_PACKAGE = "onnx"


def _load() -> tuple[Any, Any]:
    if _PACKAGE not in sys.modules:
        spec = importlib.machinery.PathFinder.find_spec(_PACKAGE, sys.path)
        if spec is None or spec.submodule_search_locations is None:
            raise ImportError("the package `onnx` is not installed")
        bare = types.ModuleType(_PACKAGE)
        bare.__path__ = list(spec.submodule_search_locations)
        sys.modules[_PACKAGE] = bare
        try:
            return _pair()
        except ImportError:
            pass  # an `onnx` laid out in another way
        finally:
            del sys.modules[_PACKAGE]
    return _pair()


def _pair() -> tuple[Any, Any]:
    messages = importlib.import_module(f"{_PACKAGE}.onnx_ml_pb2")
    native = importlib.import_module(f"{_PACKAGE}.onnx_cpp2py_export")
    return messages, native.checker


_messages, _checker = _load()
if not TYPE_CHECKING:
    pb = _messages
DecodeError: type[Exception] = importlib.import_module("google.protobuf.message").DecodeError
check_model: Callable[[bytes, bool, bool, bool], None] = _checker.check_model
ValidationError: type[Exception] = _checker.ValidationError
