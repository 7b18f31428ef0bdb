"""Something to feed a model with: shapes that it may like, and values that are the same every time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

_FLOATS = {"float": np.float32, "float16": np.float16, "double": np.float64}
_INTS = {
    "int8": np.int8, "int16": np.int16, "int32": np.int32, "int64": np.int64,
    "uint8": np.uint8, "uint16": np.uint16, "uint32": np.uint32, "uint64": np.uint64,
}  # fmt: skip
BFLOAT16 = "bfloat16"
SUPPORTED = frozenset((*_FLOATS, *_INTS, BFLOAT16, "bool", "string"))

_SIZES = (64, 8, 224, 32, 256, 16, 1)
_FLAT_SIZES = (*range(1, 33), 48, 96, 128, 192, 384, 512, 768, 1024)
_CHANNELS = (3, 1)
_BATCH_NAMES = frozenset(("n", "b", "bs", "batch", "batchsize"))
_CHANNEL_NAMES = frozenset(("c", "channel", "channels", "numchannels", "inchannels"))
_UNRANKED: tuple[tuple[int | None, ...], ...] = ((), (None,), (None, None), (None, None, None, None))

Shape = tuple[int, ...]


class Input(NamedTuple):
    """A declared input; `kind` is its element type in ONNX Runtime's spelling, as `float` or `int64`."""

    name: str
    kind: str
    shape: tuple[int | str | None, ...]


def plans(inputs: Sequence[Input]) -> Iterator[dict[str, Shape]]:
    """Distinct ways to settle the dimensions that the model leaves open, the likeliest first."""
    tried = set()
    for unranked, size, channels in _settings(inputs):
        sizes = _Sizes(size, channels)
        shaped = [i if i.shape else i._replace(shape=unranked) for i in inputs]
        for each in sorted(shaped, key=lambda i: -len(i.shape)):  # images name what vectors then share
            sizes.settle(each.shape)
        plan = {i.name: sizes.settle(i.shape) for i in shaped}
        key = tuple(plan.values())
        if key not in tried:
            tried.add(key)
            yield plan


def _settings(inputs: Sequence[Input]) -> Iterator[tuple[tuple[int | None, ...], int, int]]:
    # ONNX Runtime reports an input of unknown rank as it does a scalar.
    ranks = _UNRANKED if any(not i.shape for i in inputs) else ((),)
    flat = all(len(i.shape) <= 3 for i in inputs)
    sizes = (*_SIZES, *_FLAT_SIZES) if flat else _SIZES
    for rank in ranks:
        yield from ((rank, size, channels) for channels, size in itertools.product(_CHANNELS, sizes))


class _Sizes:
    """What each open dimension becomes; a symbol means one size wherever it appears."""

    def __init__(self, size: int, channels: int) -> None:
        self._size = size
        self._channels = channels
        self._symbols: dict[str, int] = {}

    def settle(self, shape: Sequence[int | str | None]) -> Shape:
        return tuple(self._dimension(at, len(shape), dim) for at, dim in enumerate(shape))

    def _dimension(self, at: int, rank: int, dim: int | str | None) -> int:
        if isinstance(dim, int) and dim >= 0:
            return dim
        if not isinstance(dim, str) or not dim:
            return self._by_place(at, rank)
        return self._symbols.setdefault(dim, self._by_name(dim) or self._by_place(at, rank))

    def _by_name(self, symbol: str) -> int | None:
        plain = symbol.lower().replace("_", "").replace("-", "").replace(" ", "")
        if plain in _BATCH_NAMES or plain.startswith("batch"):
            return 1
        return self._channels if plain in _CHANNEL_NAMES else None

    def _by_place(self, at: int, rank: int) -> int:
        if at == 0 and rank >= 2:
            return 1
        return self._channels if at == 1 and rank >= 4 else self._size


def bytes_needed(inputs: Sequence[Input], plan: dict[str, Shape]) -> int:
    return sum(math.prod(plan[i.name]) * _item_size(i.kind) for i in inputs)


def values(kind: str, shape: Shape, *, zeros: bool = False) -> Any:
    """Floats between 0 and 1; whole numbers 1 and 0, which most tables can be looked up with; or all zeros."""
    count = math.prod(shape)
    index = np.arange(count, dtype=np.uint32)
    if kind == "string":
        return np.full(shape, "a", dtype=object)
    if kind == "bool":
        return (index % 2 == 0).reshape(shape)
    if kind in _INTS:
        return (np.zeros(count) if zeros else (index + 1) % 2).astype(_INTS[kind]).reshape(shape)
    # Knuth's multiplicative hash: evenly spread, the same on every machine, no generator to import.
    spread = ((index + 1) * np.uint32(2654435761) >> np.uint32(8)).astype(np.float32) / np.float32(1 << 24)
    if kind == BFLOAT16:
        return (spread.view(np.uint32) >> np.uint32(16)).astype(np.uint16).reshape(shape)
    return spread.astype(_FLOATS[kind]).reshape(shape)


def _item_size(kind: str) -> int:
    if kind in _FLOATS or kind in _INTS:
        return np.dtype(_FLOATS.get(kind) or _INTS[kind]).itemsize
    return {"bool": 1, BFLOAT16: 2}.get(kind, 8)
