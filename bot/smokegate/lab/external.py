"""Where a model says that its weights lie, read strictly."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from smokegate.lab.onnx_lite import pb
from smokegate.lab.parse import UnreadableError
from smokegate.lab.survey import Survey, spelled

_DECIMAL = re.compile(r"[0-9]{1,18}", re.ASCII)
_KEYS = ("location", "offset", "length")
_BITS = {
    "FLOAT": 32, "UINT8": 8, "INT8": 8, "UINT16": 16, "INT16": 16, "INT32": 32, "INT64": 64, "BOOL": 8,
    "FLOAT16": 16, "DOUBLE": 64, "UINT32": 32, "UINT64": 64, "COMPLEX64": 64, "COMPLEX128": 128, "BFLOAT16": 16,
    "FLOAT8E4M3FN": 8, "FLOAT8E4M3FNUZ": 8, "FLOAT8E5M2": 8, "FLOAT8E5M2FNUZ": 8, "UINT4": 4, "INT4": 4,
    "FLOAT4E2M1": 4, "FLOAT8E8M0": 8, "UINT2": 2, "INT2": 2,
}  # fmt: skip


class Range(NamedTuple):
    """Bytes of another file that stand for a tensor; `end` is None where neither length nor type tells it."""

    tensor: str
    location: str
    offset: int
    length: int | None
    end: int | None


def ranges(tensors: Iterable[pb.TensorProto]) -> list[Range]:
    found = [_range(tensor) for tensor in tensors]
    _refuse_overlaps(found)
    return found


def blank(found: Survey) -> None:
    """Take the outside world out of the message: the ONNX checker looks for the files that it names."""
    for tensor in found.external:
        _empty(tensor)
    for sparse in found.hollow:
        _empty(sparse.values)
        _empty(sparse.indices)


def _empty(tensor: pb.TensorProto) -> None:
    kept = tensor.name, tensor.data_type
    tensor.Clear()
    tensor.name, tensor.data_type = kept
    tensor.dims.append(0)


def _range(tensor: pb.TensorProto) -> Range:
    name = spelled(tensor.name) or "(nameless)"
    entries = dict(_entries(tensor, name))
    if not entries.get("location"):
        raise UnreadableError(f"tensor '{name}' is kept outside the file but names no location")
    offset = _decimal(entries, "offset", name) or 0
    length = _decimal(entries, "length", name)
    size = _size(tensor) if length is None else length
    return Range(name, entries["location"], offset, length, None if size is None else offset + size)


def _entries(tensor: pb.TensorProto, name: str) -> Iterator[tuple[str, str]]:
    seen = set()
    for entry in tensor.external_data:
        if entry.key in _KEYS:
            if entry.key in seen:
                raise UnreadableError(f"tensor '{name}' gives its external {entry.key} twice")
            seen.add(entry.key)
            yield entry.key, spelled(entry.value)


def _decimal(entries: dict[str, str], key: str, name: str) -> int | None:
    text = entries.get(key)
    if text is None:
        return None
    if not _DECIMAL.fullmatch(text):
        raise UnreadableError(
            f"tensor '{name}' has external {key} '{text}', which is not a non-negative decimal integer"
        )
    return int(text)


def _size(tensor: pb.TensorProto) -> int | None:
    kinds = pb.TensorProto.DataType
    kind = kinds.Name(tensor.data_type) if tensor.data_type in kinds.values() else ""
    if kind not in _BITS or any(dim < 0 for dim in tensor.dims):
        return None
    bits: int = math.prod(tensor.dims) * _BITS[kind]
    return -(-bits // 8)


def _refuse_overlaps(found: list[Range]) -> None:
    """Two tensors may share one range (tied weights), but not part of one: that is a damaged or a forged layout."""
    by_place = sorted((r for r in found if r.end is not None), key=attrgetter("location", "offset"))
    for _, together in groupby(by_place, key=attrgetter("location")):
        widest: Range | None = None
        for current in together:
            if widest is None or widest.end is None or current.end is None:
                widest = current
                continue
            same = (current.offset, current.end) == (widest.offset, widest.end)
            if current.offset < widest.end and current.end > current.offset and not same:
                raise UnreadableError(
                    f"tensors '{widest.tensor}' and '{current.tensor}' overlap in '{current.location}': bytes "
                    f"{widest.offset} to {widest.end} and {current.offset} to {current.end}"
                )
            if current.end > widest.end:
                widest = current
