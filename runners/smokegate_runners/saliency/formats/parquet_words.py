"""Parquet's values as JSON can say them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from smokegate.errors import DocumentError
from smokegate.evidence.corpus import quoted

_DAY = 86_400
_YEARS = (-719_162 * _DAY, 2_932_897 * _DAY)
"""Seconds from 1970 to the first instant of the year 1, and to the first of the year 10000."""
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


class OutOfRange(ValueError):
    """Arrow would write another instant than the one that stands there, or none."""


def spoken(name: str, column: Any) -> Any:
    """Values that Python would round, or has no type for, as text or numbers that JSON has."""
    wanted = _speakable(column.type)
    if wanted == column.type:
        return column
    if not _within(column):
        raise OutOfRange(f"column {quoted(name)} holds an instant outside the years 1 to 9999, or a time outside a day")
    return column.cast(wanted)


def _speakable(kind: Any) -> Any:
    fits = pa.types
    if _bounds(kind):
        return pa.string()
    if fits.is_duration(kind):
        return pa.int64()
    if fits.is_float16(kind):
        return pa.float32()
    if fits.is_dictionary(kind):
        return _speakable(kind.value_type)
    if fits.is_list(kind) or fits.is_large_list(kind) or fits.is_fixed_size_list(kind):
        inner = pa.field(kind.value_field.name, _speakable(kind.value_type))
        return kind if inner.type == kind.value_type else pa.list_(inner)
    if fits.is_map(kind):
        return pa.map_(_speakable(kind.key_type), _speakable(kind.item_type))
    if fits.is_struct(kind):
        fields = [pa.field(field.name, _speakable(field.type)) for field in kind]
        return kind if all(a.type == b.type for a, b in zip(fields, kind, strict=True)) else pa.struct(fields)
    return kind


def _within(column: Any) -> bool:
    """Whether all instants are of the years 1 to 9999, and all times of a day."""
    kind, fits = column.type, pa.types
    if bounds := _bounds(kind):
        numbers = column.cast(pa.int32() if column.type.bit_width == 32 else pa.int64()).cast(pa.int64())
        found = pc.min_max(numbers).as_py()
        return found["min"] is None or (bounds[0] <= found["min"] and found["max"] < bounds[1])
    if fits.is_dictionary(kind):
        return _within(column.dictionary_decode())
    if fits.is_map(kind):
        return _within(column.keys) and _within(column.items)
    if fits.is_struct(kind):
        return all(map(_within, column.flatten()))
    if fits.is_list(kind) or fits.is_large_list(kind) or fits.is_fixed_size_list(kind):
        return _within(column.flatten())
    return True


def _bounds(kind: Any) -> tuple[int, int] | None:
    """Of what is said as text: the least number of its own unit, and the first that is too large."""
    fits = pa.types
    if fits.is_date32(kind):
        return _YEARS[0] // _DAY, _YEARS[1] // _DAY
    if fits.is_timestamp(kind) or fits.is_date64(kind):
        per = _PER_SECOND["ms" if fits.is_date64(kind) else kind.unit]
        return _YEARS[0] * per, _YEARS[1] * per
    return (0, _DAY * _PER_SECOND[kind.unit]) if fits.is_time(kind) else None


def require_speakable(field: Any, kind: Any, path: Path) -> None:
    fits = pa.types
    if isinstance(kind, pa.BaseExtensionType) or fits.is_interval(kind) or fits.is_union(kind):
        raise DocumentError(
            f"{path}: column {quoted(field.name)} is of type {str(kind)[:60]}, which JSON has no word for"
        )
    for number in range(kind.num_fields):
        require_speakable(field, kind.field(number).type, path)
