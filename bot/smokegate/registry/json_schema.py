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


class SchemaError(Exception):
    """The schema itself is no usable JSON Schema."""


class CompiledSchema:
    def __init__(self, schema: Any, name: str) -> None:
        self.name = name
        self._schema = schema
        self._validator: Any = None

    def compile(self) -> None:
        """Raises SchemaError for a schema that cannot judge anything."""
        import jsonschema_rs

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
            yield SchemaFault(_pointer(error), _shortened(error.message))


def _pointer(error: Any) -> Pointer:
    """Down to the member that is too many, where that is what is wrong."""
    pointer = tuple(error.instance_path)
    unexpected = getattr(error.kind, "unexpected", None)
    return (*pointer, unexpected[0]) if unexpected else pointer


def _shortened(message: str) -> str:
    return message if len(message) <= _LONGEST else f"{message[:_LONGEST]}…"
