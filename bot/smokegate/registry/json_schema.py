"""Holding a document to a JSON Schema, compiled once. Nothing that a schema refers to is ever fetched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from smokegate.registry.document import Pointer

_LONGEST = 300


@dataclass(frozen=True, slots=True)
class SchemaFault:
    pointer: Pointer
    message: str
    missing: str | None = None
    """The member that is not there, where that is what is wrong."""
    unexpected: bool = False
    """Whether the member at `pointer` may not be there at all."""


class SchemaError(Exception):
    """The schema itself is no usable JSON Schema."""


class CompiledSchema:
    def __init__(self, schema: Any, name: str) -> None:
        self.name = name
        self._schema = schema
        self._validator: Any = None

    def compile(self) -> None:
        """Raises SchemaError for a schema that cannot judge anything."""
        import jsonschema_rs  # noqa: PLC0415 - a compiled module that a check of nothing does without

        if not isinstance(self._schema, dict | bool):
            raise SchemaError("it is neither an object nor a boolean")
        try:
            self._validator = jsonschema_rs.validator_for(self._schema, offline=True)
        except (jsonschema_rs.ValidationError, ValueError) as error:
            raise SchemaError(str(error).partition("\n")[0]) from None

    def faults(self, value: Any) -> Iterator[SchemaFault]:
        if self._validator is None:
            self.compile()
        for error in self._validator.iter_errors(value):
            yield from _faults(error)


def _faults(error: Any) -> Iterator[SchemaFault]:
    """One fault per member that is too many, at that member."""
    pointer = tuple(error.instance_path)
    keyword = type(error.kind).__name__
    if keyword in {"AdditionalProperties", "UnevaluatedProperties"}:
        for name in error.kind.unexpected:
            yield SchemaFault((*pointer, name), f"`{_shortened(name)}` is not a field it knows", unexpected=True)
        return
    missing = error.kind.property if keyword == "Required" else None
    yield SchemaFault(pointer, _shortened(error.message), missing)


def _shortened(message: str) -> str:
    return message if len(message) <= _LONGEST else f"{message[:_LONGEST]}…"
