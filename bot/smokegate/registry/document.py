"""A strict JSON document together with where in its text each value stands."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from smokegate.registry.spans import Spans
from smokegate.registry.strict_json import JsonFault, parse

Pointer = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class DocumentFault:
    """Why a file is not a readable document, and where."""

    path: str
    message: str
    line: int | None = None
    column: int | None = None


class JsonDocument:
    """A parsed document; positions are worked out only when somebody asks."""

    def __init__(self, path: str, value: Any, data: bytes) -> None:
        self.path = path
        self.value = value
        self._data = data

    @cached_property
    def text(self) -> str:
        return self._data.decode("utf-8")

    @cached_property
    def _spans(self) -> Spans:
        return Spans(self.text)

    def where(self, pointer: Pointer) -> tuple[int, int]:
        """Line and column of a value, or of its nearest ancestor where it is absent."""
        return self._spans.where(pointer)


def read_json(data: bytes, path: str, *, max_bytes: int, max_depth: int) -> JsonDocument | DocumentFault:
    try:
        value = parse(data, max_bytes=max_bytes, max_depth=max_depth)
    except JsonFault as fault:
        return DocumentFault(path, fault.message, fault.line, fault.column)
    return JsonDocument(path, value, data)
