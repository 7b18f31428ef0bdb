"""What each input of a model is fed from a corpus, as the sidecar and the graph together ask for it.

Three layouts are known: one input [N,6] of features; one input [N,6+C] of features and, after them, the codec block;
two inputs, [N,6] and [N,C], told apart by their widths. The codec block is a one-hot of the encoder (`unknown`
last), `preset_norm`, which is always 0.5, and `crf_norm`, which is `cq` between the bounds that the sidecar keeps.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from smokegate.evidence.corpus import FEATURES, SCORE, CorpusTable, quoted
from smokegate.evidence.measure import NotMeasured
from smokegate.registry.graph import Graph, Port
from smokegate.registry.sidecar import Sidecar

UNKNOWN = "unknown"
ENCODERS = (
    "libx264", "libx265", "libsvtav1", "libvvenc", "libvpx-vp9", "h264_nvenc",
    "hevc_nvenc", "av1_nvenc", "h264_qsv", "hevc_qsv", "av1_qsv", UNKNOWN,
)  # fmt: skip
PRESET_NORM = 0.5
CONSTANT_CRF_NORM = 0.5

_FLOAT32_MAX = 3.4028234663852886e38


@dataclass(frozen=True, slots=True)
class Feeds:
    """The rows of each input (float32, little endian, row after row) and the scores they ought to give (float64)."""

    rows: int
    inputs: Mapping[str, bytes]
    targets: bytes


def inputs(sidecar: Sidecar, graph: Graph, table: CorpusTable) -> Feeds | NotMeasured:
    try:
        recipe = _Recipe(sidecar)
        fed = {port.name: block for port, block in _blocks(recipe, graph.inputs, table)}
        return Feeds(table.rows, fed, _little_endian(array("d", table.numbers[SCORE])))
    except _UnfitError as reason:
        return NotMeasured(str(reason))


class _UnfitError(Exception):
    pass


def _blocks(recipe: _Recipe, ports: Sequence[Port], table: CorpusTable) -> Iterable[tuple[Port, bytes]]:
    widths = [_width(port) for port in ports]
    few = len(FEATURES)
    if widths == [few]:
        yield ports[0], _packed(recipe.features(table))
        return
    vocabulary = recipe.vocabulary()
    many = len(vocabulary) + 2
    if widths == [few + many]:
        yield ports[0], _packed([*recipe.features(table), *recipe.codec(table, vocabulary)])
    elif sorted(widths) == sorted((few, many)) and many != few:
        for port, width in zip(ports, widths, strict=True):
            columns = recipe.features(table) if width == few else recipe.codec(table, vocabulary)
            yield port, _packed(columns)
    else:
        taken = ", ".join(f"{quoted(port.name)} [N,{width}]" for port, width in zip(ports, widths, strict=True))
        raise _UnfitError(
            f"its inputs are {taken or 'none'}, and a corpus row fills [N,{few}] (features), "
            f"[N,{few + many}] (features and codec block), or [N,{few}] beside [N,{many}]"
        )


def _width(port: Port) -> int:
    if port.dtype != "float32":
        raise _UnfitError(f"its input {quoted(port.name)} takes {port.dtype}, and a corpus row is fed as float32")
    shape = port.shape
    if shape is None or len(shape) != 2 or not isinstance(shape[1], int):
        said = "of no known rank" if shape is None else str([dim if dim is not None else "?" for dim in shape])
        raise _UnfitError(
            f"its input {quoted(port.name)} is {said[:80]}, and a corpus row fills [N, a known number of values]"
        )
    if isinstance(shape[0], int) and shape[0] not in (-1, 0, 1):
        raise _UnfitError(f"its input {quoted(port.name)} takes {shape[0]} rows at once, and rows are fed one by one")
    return shape[1]


class _Recipe:
    """What the sidecar says about feeding, read strictly: a guess would be measured as if it were the model."""

    def __init__(self, sidecar: Sidecar) -> None:
        self._said = sidecar.runtime()
        for field, value in self._said.items():
            if isinstance(value, dict) and "contradictory" in value:
                raise _UnfitError(f"its sidecar says two different things for `{field}`")

    def features(self, table: CorpusTable) -> list[Sequence[float]]:
        order = self._said.get("feature_order", list(FEATURES))
        if not isinstance(order, list) or sorted(map(str, order)) != sorted(FEATURES):
            raise _UnfitError(f"`feature_order` in its sidecar is not an order of {', '.join(FEATURES)}")
        columns: list[Sequence[float]] = [table.numbers[name] for name in order]
        return columns if self._baked() else self._standardised(columns)

    def _baked(self) -> bool:
        baked = self._said.get("onnx_has_scaler", False)
        if not isinstance(baked, bool):
            raise _UnfitError("`onnx_has_scaler` in its sidecar is neither true nor false")
        return baked

    def _standardised(self, columns: list[Sequence[float]]) -> list[Sequence[float]]:
        if "feature_mean" not in self._said and "feature_std" not in self._said:
            return columns
        means, spreads = (self._numbers(field, len(columns)) for field in ("feature_mean", "feature_std"))
        if min(spreads) <= 0:
            raise _UnfitError("`feature_std` in its sidecar holds a number that is not above 0")
        every = zip(columns, means, spreads, strict=True)
        return [[(value - mean) / spread for value in column] for column, mean, spread in every]

    def _numbers(self, field: str, count: int) -> list[float]:
        found = self._said.get(field)
        if not isinstance(found, list) or len(found) != count or not all(map(_is_finite, found)):
            raise _UnfitError(f"`{field}` in its sidecar is not a list of {count} finite numbers")
        return [float(number) for number in found]

    def vocabulary(self) -> list[str]:
        found = self._said.get("encoder_vocab", list(ENCODERS))
        if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
            raise _UnfitError("`encoder_vocab` in its sidecar is not a list of names")
        if found[-1:] != [UNKNOWN] or len(set(found)) != len(found):
            raise _UnfitError(f"`encoder_vocab` in its sidecar is not distinct names with `{UNKNOWN}` last")
        layout = self._said.get("codec_block_layout")
        if layout is not None and layout != [*(f"encoder_onehot[{name}]" for name in found), "preset_norm", "crf_norm"]:
            raise _UnfitError(
                "`codec_block_layout` in its sidecar is not encoder_onehot[...] for each of `encoder_vocab`, then "
                "preset_norm and crf_norm"
            )
        return found

    def codec(self, table: CorpusTable, vocabulary: list[str]) -> list[Sequence[float]]:
        slots = [array("f", bytes(4 * table.rows)) for _ in vocabulary]
        by_name = dict(zip(vocabulary, slots, strict=True))
        for row, encoder in enumerate(table.encoder):
            by_name.get(encoder, slots[-1])[row] = 1.0
        preset = array("f", [PRESET_NORM]) * table.rows
        return [*slots, preset, self._crf_norm(table)]

    def _crf_norm(self, table: CorpusTable) -> Sequence[float]:
        low, high = (self._bound(field) for field in ("cq_min", "cq_max"))
        if low > high:
            raise _UnfitError("`cq_min` in its sidecar is above `cq_max`")
        if low == high:
            return array("f", [CONSTANT_CRF_NORM]) * table.rows
        return [(cq - low) / (high - low) for cq in table.numbers["cq"]]

    def _bound(self, field: str) -> float:
        found = self._said.get(field)
        if not _is_finite(found):
            raise _UnfitError(
                f"`{field}` is not a number in its sidecar, and without the bounds of `cq` there is no codec block"
            )
        return float(found)


def _is_finite(value: Any) -> TypeGuard[int | float]:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return -_FLOAT32_MAX <= value <= _FLOAT32_MAX


def _packed(columns: list[Sequence[float]]) -> bytes:
    """Columns as rows. Whatever float32 does not hold is refused, as the model would only see infinity."""
    for column in columns:
        if not all(map(math.isfinite, column)) or max(map(abs, column)) > _FLOAT32_MAX:
            raise _UnfitError("the corpus holds numbers that, as the model is fed, are past the range of float32")
    rows = array("f", bytes(4 * len(columns[0]) * len(columns)))
    for at, column in enumerate(columns):
        rows[at :: len(columns)] = array("f", column)
    return _little_endian(rows)


def _little_endian(numbers: array[float]) -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()
