"""The file in which a workflow says what was asked for, by whom, and at which head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smokegate.errors import DocumentError, UsageError
from smokegate.evidence.models import Request as Fields
from smokegate.evidence.models import misfits
from smokegate.registry.document import DocumentFault, read_json

_LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class Request:
    ids: tuple[str, ...]
    said: Mapping[str, Any]
    """As evidence keeps it."""


def read(path: Path) -> Request:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"the request {path} cannot be read: {error.strerror}", fix="name it with --request") from None
    document = read_json(data, str(path), max_bytes=_LARGEST, max_depth=16)
    if isinstance(document, DocumentFault):
        raise DocumentError(f"{path}:{document.line or 1}: {document.message}")
    value = document.value
    if not isinstance(value, dict):
        raise DocumentError(f"{path} is no request: it holds no JSON object")
    if wrong := next(misfits(value, Fields), None):
        place, why = wrong
        raise DocumentError(f"{path} is no request: `{'.'.join(map(str, place))}` {why}")
    ids = value.get("ids", [])
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise DocumentError(f"{path} is no request: `ids` is no list of ids")
    return Request(tuple(ids), {name: value[name] for name in Fields.model_fields if name in value})
