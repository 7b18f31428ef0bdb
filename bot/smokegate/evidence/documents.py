"""An evidence file read leniently over strict JSON: what is absent or of a wrong type reads as None."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from smokegate.evidence.models import unknown_fields
from smokegate.evidence.numbers import whole
from smokegate.registry.document import DocumentFault, JsonDocument, read_json

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 32


@dataclass(frozen=True, slots=True)
class EvidenceFault:
    """Why a file is no readable document, and where. The digest is that of its bytes all the same."""

    path: str
    message: str
    sha256: str
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """One model that the numbers are about."""

    raw: Mapping[str, Any]
    index: int

    @property
    def id(self) -> str | None:
        return _text(self.raw.get("id"))

    @property
    def onnx(self) -> str | None:
        return _text(self.raw.get("onnx"))

    @property
    def sha256(self) -> str | None:
        return _text(self.raw.get("sha256"))

    @property
    def identity(self) -> str | None:
        return _text(self.raw.get("identity"))

    @property
    def int8_sha256(self) -> str | None:
        return _text(self.raw.get("int8_sha256"))

    @property
    def seed(self) -> int | None:
        return whole(self.raw.get("seed"))

    @property
    def external(self) -> dict[str, str | None]:
        """Digest by path of the weights that lie outside the graph."""
        rows = [row for row in _list(self.raw.get("external_data")) if isinstance(row, dict)]
        return {row["path"]: _text(row.get("sha256")) for row in rows if isinstance(row.get("path"), str)}

    def measured(self, precision: str) -> Mapping[str, Any] | None:
        """What ONNX Runtime gave for these bytes (`fp32`) or for the twin (`int8`)."""
        both = self.raw.get("measured")
        one = both.get(precision) if isinstance(both, dict) else None
        return one if isinstance(one, dict) else None


class Evidence:
    """A PROMOTE or HOLD document, and the exact bytes that it came in."""

    def __init__(self, document: JsonDocument, data: bytes) -> None:
        self.document = document
        self.path = document.path
        self.raw: Any = document.value
        self.sha256 = hashlib.sha256(data).hexdigest()

    @property
    def fields(self) -> Mapping[str, Any]:
        return _object(self.raw)

    @property
    def version(self) -> int | None:
        return whole(self.fields.get("schema_version"))

    @property
    def verdict(self) -> str | None:
        return _text(self.fields.get("verdict"))

    @property
    def gate(self) -> Mapping[str, Any]:
        return _object(self.fields.get("gate"))

    @property
    def corpus(self) -> Mapping[str, Any]:
        return _object(self.fields.get("corpus"))

    @property
    def measurements(self) -> Mapping[str, Any]:
        return _object(self.fields.get("measurements"))

    @property
    def incumbent(self) -> Mapping[str, Any] | None:
        value = self.fields.get("incumbent")
        return value if isinstance(value, dict) else None

    @cached_property
    def subjects(self) -> tuple[Subject, ...]:
        return subjects_of(self.fields.get("subjects"))

    @cached_property
    def unknown(self) -> tuple[str, ...]:
        """Fields that no version knows, as dotted names: kept, ignored, mentioned."""
        return tuple(unknown_fields(self.fields, self.version))


def read(data: bytes, path: str, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> Evidence | EvidenceFault:
    document = read_json(data, path, max_bytes=max_bytes, max_depth=max_depth)
    if isinstance(document, DocumentFault):
        digest = hashlib.sha256(data).hexdigest()
        return EvidenceFault(path, document.message, digest, document.line, document.column)
    if not isinstance(document.value, dict):
        digest = hashlib.sha256(data).hexdigest()
        return EvidenceFault(path, "the file holds no JSON object, so it is no evidence", digest, 1, 1)
    return Evidence(document, data)


def subjects_of(rows: object) -> tuple[Subject, ...]:
    return tuple(Subject(row, index) for index, row in enumerate(_list(rows)) if isinstance(row, dict))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
