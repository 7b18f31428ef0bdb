"""A model as files: its graph, and the weights that it keeps beside itself, under one digest."""

from __future__ import annotations

import hashlib
import importlib
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto

from smokegate.errors import UsageError

# protobuf ships no types.
_DecodeError: type[Exception] = importlib.import_module("google.protobuf.message").DecodeError


@dataclass(frozen=True, slots=True)
class Contents:
    graph: bytes
    external: dict[str, bytes]
    """By the location that the graph has for it."""


@dataclass(frozen=True, slots=True)
class Digests:
    sha256: str
    """Of the .onnx."""
    external: tuple[tuple[str, str], ...]
    """(location, sha256), sorted."""

    @property
    def digest(self) -> str:
        """Of everything that the model computes with; the .onnx's own where that is all."""
        if not self.external:
            return self.sha256
        lines = "".join(f"{digest} {location}\n" for location, digest in (("", self.sha256), *self.external))
        return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()


def read(path: Path) -> Contents:
    graph = _bytes(path, f"model {_shown(path)}")
    return Contents(graph, {where: _outside(path, where) for where in _locations(graph, path)})


def assembled(name: str, graph: bytes, beside: Mapping[str, bytes]) -> Contents:
    """The same of bytes that are at hand; `beside` has them by where they lie, seen from the model's folder."""
    external = {}
    for where in _locations(graph, Path(name)):
        place = posixpath.normpath(where)
        if place not in beside:
            raise UsageError(f"model {name} keeps weights in {where!r}, which the judge did not see")
        external[where] = beside[place]
    return Contents(graph, external)


def digests(contents: Contents) -> Digests:
    outside = ((where, hashlib.sha256(data).hexdigest()) for where, data in contents.external.items())
    return Digests(hashlib.sha256(contents.graph).hexdigest(), tuple(sorted(outside)))


def _locations(graph: bytes, path: Path) -> list[str]:
    try:
        model = onnx.load_model_from_string(graph)
    except _DecodeError:
        raise UsageError(f"model {_shown(path)} is no ONNX file", fix="name an .onnx with --model-path") from None
    found = {_location(tensor, path) for tensor in _tensors(model)}
    return sorted(where for where in found if where is not None)


def _tensors(message: Any) -> Iterator[TensorProto]:
    """Wherever they are: initializers, attributes, subgraphs, functions, sparse parts."""
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for part in value if isinstance(value, list) or hasattr(value, "append") else (value,):
            if isinstance(part, TensorProto):
                yield part
            else:
                yield from _tensors(part)


def _location(tensor: TensorProto, path: Path) -> str | None:
    if tensor.data_location != TensorProto.EXTERNAL:
        return None
    found = [entry.value for entry in tensor.external_data if entry.key == "location"]
    if len(found) != 1 or not found[0]:
        raise UsageError(f"model {_shown(path)} keeps a tensor outside itself, and does not say where")
    return str(found[0])


def _outside(path: Path, location: str) -> bytes:
    """A file in the model's folder or below: a graph does not choose what else of this machine is read."""
    folder = path.resolve().parent
    place = (folder / location).resolve()
    if Path(location).is_absolute() or not place.is_relative_to(folder):
        raise UsageError(f"model {_shown(path)} keeps weights in {location!r}, outside its folder")
    return _bytes(place, f"model {_shown(path)} keeps weights in {location!r}, which")


def _bytes(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "its name is none"
        raise UsageError(
            f"{what} cannot be read: {why}", fix="git lfs pull, or name another with --model-path"
        ) from None


def _shown(path: Path) -> str:
    return "".join(c if c.isprintable() else "?" for c in str(path))
