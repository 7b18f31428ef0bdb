"""Taking an entry out of a registry, with the record that SG401 wants."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smokegate.errors import DocumentError, UsageError
from smokegate.registry.document import DocumentFault, JsonDocument, read_json
from smokegate.registry.edit import append_item, remove_item
from smokegate.registry.entry import Entry, read_entries
from smokegate.registry.retirement import RETIRED_NAME

_LARGEST = 64 << 20
_DEEPEST = 512


@dataclass(frozen=True, slots=True)
class Retiring:
    """Both files as they will be; nothing is written until all of it is known to be sound."""

    registry: Path
    registry_text: str
    record: Path
    record_text: str

    def write(self) -> None:
        """The record first: killed in between, the entry is still there and the retirement can be run again."""
        _replace(self.record, self.record_text)
        _replace(self.registry, self.registry_text)


def plan(registry: Path, entry_id: str, reason: str, superseded_by: str | None) -> Retiring:
    if not reason.strip():
        raise UsageError("a retirement needs a reason", fix=f'smokegate retire {entry_id} --reason "..."')
    document = _read(registry)
    entries = {e.key: e for e in read_entries(document.value)}
    entry = entries.get(entry_id)
    if entry is None:
        raise UsageError(f"{registry} has no entry {entry_id!r}", fix=f"one of: {', '.join(sorted(entries)) or 'none'}")
    if superseded_by is not None and superseded_by not in entries:
        raise UsageError(f"the successor {superseded_by!r} is not in {registry}", fix="add it first, then retire")
    record = registry.with_name(RETIRED_NAME)
    return Retiring(
        registry,
        remove_item(document.text, ("models", entry.index)),
        record,
        _with_row(record, _row(entry, reason, superseded_by)),
    )


def _row(entry: Entry, reason: str, superseded_by: str | None) -> dict[str, Any]:
    row = {"id": entry.id, "sha256": entry.sha256, "reason": reason.strip()}
    return {**row, "superseded_by": superseded_by} if superseded_by else row


def _with_row(record: Path, row: dict[str, Any]) -> str:
    if not record.exists():
        fresh = {"schema_version": 1, "retired": [row]}
        return json.dumps(fresh, indent=2, ensure_ascii=False) + "\n"
    document = _read(record)
    if not isinstance(document.value, dict) or not isinstance(document.value.get("retired"), list):
        raise DocumentError(f"{record} has no list `retired`", fix=f"mend {record} first")
    if row in document.value["retired"]:
        return document.text
    return append_item(document.text, ("retired",), row)


def _read(path: Path) -> JsonDocument:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DocumentError(f"{path} cannot be read: {error.strerror}") from None
    found = read_json(data, str(path), max_bytes=_LARGEST, max_depth=_DEEPEST)
    if isinstance(found, DocumentFault):
        raise DocumentError(f"{path}:{found.line}:{found.column}: {found.message}", fix=f"mend {path} first")
    return found


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
