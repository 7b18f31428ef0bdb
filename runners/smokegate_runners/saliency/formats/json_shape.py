"""Which types a table of JSON rows needs as parquet: worked out over the whole table, and never by a guess."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa

from smokegate.errors import DocumentError
from smokegate.evidence.corpus import quoted

_EXACT = 1 << 53
"""Integers up to here are doubles too."""
_SIGNED = (-(1 << 63), (1 << 63) - 1)
_UNSIGNED = (1 << 64) - 1


class Shape:
    """Of the values that stand at one place of the rows. null is at home everywhere."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._first: dict[str, int] = {}
        self._low = self._high = 0
        self._members: dict[str, Shape] = {}
        self._items: Shape | None = None

    def see(self, value: Any, line: int) -> None:
        kind = type(value)
        if value is None:
            return
        if kind is str:
            self._first.setdefault("text", line)
        elif kind is int:
            self._first.setdefault("whole numbers", line)
            self._low, self._high = min(self._low, value), max(self._high, value)
        elif kind is float:
            if math.isinf(value):
                raise DocumentError(f"line {line}: {self._place} is past the range of a double")
            self._first.setdefault("numbers", line)
        elif kind is bool:
            self._first.setdefault("true and false", line)
        elif kind is dict:
            self._first.setdefault("objects", line)
            self.see_members(value, line)
        else:
            self._first.setdefault("lists", line)
            self._items = self._items or Shape(f"{self._place}[]")
            for item in value:
                self._items.see(item, line)

    def see_members(self, row: dict[str, Any], line: int) -> None:
        members = self._members
        for name, value in row.items():
            if name not in members:
                members[name] = Shape(f"{self._place}.{name}" if self._place else name)
            members[name].see(value, line)

    def fields(self) -> list[Any]:
        return [pa.field(name, shape.type()) for name, shape in self._members.items()]

    def type(self) -> Any:
        kinds = set(self._first)
        if len(kinds) > 1 and kinds != {"whole numbers", "numbers"}:
            raise self._mixed()
        if not kinds:
            return pa.null()
        if "numbers" in kinds:
            if max(-self._low, self._high) > _EXACT:
                raise DocumentError(
                    f"{self._shown} holds fractions (line {self._first['numbers']}) and integers past 2^53, "
                    "which no parquet type holds both of"
                )
            return pa.float64()
        if "whole numbers" in kinds:
            return self._integer()
        if "objects" in kinds:
            if not self._members:
                raise DocumentError(f"{self._shown} holds objects without members, which parquet has no type for")
            return pa.struct(self.fields())
        if "lists" in kinds:
            return pa.list_(self._items.type() if self._items else pa.null())
        return pa.string() if "text" in kinds else pa.bool_()

    def _integer(self) -> Any:
        if self._low >= _SIGNED[0] and self._high <= _SIGNED[1]:
            return pa.int64()
        if self._low >= 0 and self._high <= _UNSIGNED:
            return pa.uint64()
        raise DocumentError(f"{self._shown} holds integers that 64 bits do not hold")

    def _mixed(self) -> DocumentError:
        told = " and ".join(f"{kind} (first on line {line})" for kind, line in self._first.items())
        return DocumentError(f"{self._shown} holds {told}; a parquet column holds one kind")

    @property
    def _shown(self) -> str:
        return f"column {quoted(self._place)}"
