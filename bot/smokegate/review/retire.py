"""Taking an entry out of a registry, with the record that SG401 wants."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smokegate.errors import DocumentError, UsageError
from smokegate.registry.document import DocumentFault, JsonDocument, read_json
from smokegate.registry.edit import append_item, remove_item
from smokegate.registry.entry import Entry, read_entries
from smokegate.registry.retirement import RETIRED_NAME
from smokegate.review.replacement import Draft, Replacement, current
from smokegate.sources.digest import chunks_of, digest

_LARGEST = 64 << 20
_DEEPEST = 512
_LONGEST_REASON = 512

Past = Callable[[str], Entry | None]
"""An entry that is no longer in the registry, as git history last had it."""


@dataclass(frozen=True, slots=True)
class Retiring:
    """Both files as they will be; nothing is written until all of it is known to be sound."""

    registry: Path
    record: Path
    drafts: tuple[Draft, ...]
    """By their names in the registry's folder, the record first: killed in between, it can be run again."""

    def write(self) -> None:
        folder = self.registry.parent
        git = next((top / ".git" for top in folder.parents if (top / ".git").is_dir()), folder)
        with Replacement(folder, git, self.drafts) as replacement:
            replacement.apply()


def plan(registry: Path, entry_id: str, reason: str, superseded_by: str | None, past: Past) -> Retiring:
    """An entry that is gone already, as SG401 finds it, gets the record alone."""
    _check_reason(entry_id, reason)
    document = _read(registry)
    entries = {e.key: e for e in read_entries(document.value)}
    _check_successor(registry, entry_id, superseded_by, entries)
    here = entries.get(entry_id)
    entry = here or past(entry_id)
    if entry is None:
        known = ", ".join(sorted(entries)) or "none"
        raise UsageError(f"{registry} has no entry {entry_id!r}, and its history knows none", fix=f"one of: {known}")
    record = registry.with_name(RETIRED_NAME)
    listed = _with_row(record, _row(registry, entry, reason, superseded_by))
    left = remove_item(document.text, ("models", here.index)) if here else document.text
    drafts = (_draft(record, listed), _draft(registry, left))
    return Retiring(registry, record, tuple(draft for draft in drafts if draft.was != draft.now))


def _draft(path: Path, text: str) -> Draft:
    return Draft(path.name, current(path.parent, path.name), text.encode())


def _check_reason(entry_id: str, reason: str) -> None:
    again = f'smokegate retire {entry_id} --reason "..."'
    if not reason.strip():
        raise UsageError("a retirement needs a reason", fix=again)
    if len(reason.strip()) > _LONGEST_REASON:
        raise UsageError(
            f"a reason has at most {_LONGEST_REASON} characters, this one {len(reason.strip())}", fix=again
        )


def _check_successor(registry: Path, entry_id: str, successor: str | None, entries: Mapping[str, Entry]) -> None:
    if successor is None:
        return
    if successor not in entries:
        raise UsageError(f"the successor {successor!r} is not in {registry}", fix="add it first, then retire")
    if successor == entry_id:
        raise UsageError(f"{entry_id!r} cannot be its own successor", fix="name another entry, or none")


def _row(registry: Path, entry: Entry, reason: str, superseded_by: str | None) -> dict[str, Any]:
    if not entry.id:
        raise UsageError(f"the entry {entry.key} has no id to be retired under", fix=f"give it one in {registry}")
    row = {"id": entry.id, "sha256": _digest(registry, entry), "reason": reason.strip()}
    return {**row, "superseded_by": superseded_by} if superseded_by else row


def _digest(registry: Path, entry: Entry) -> str:
    if entry.sha256 is not None:
        return entry.sha256
    model = registry.parent / (entry.onnx or "")
    if not model.is_file():
        raise UsageError(f"{entry.id} declares no sha256, and there is no {model}", fix=f"declare it in {registry}")
    with model.open("rb", buffering=0) as stream:
        stored = digest(chunks_of(stream))
    return stored.pointer.oid if stored.pointer else stored.digest


def _with_row(record: Path, row: dict[str, Any]) -> str:
    if record.is_symlink() or (record.exists() and not record.is_file()):
        raise DocumentError(f"{record} is not a plain file", fix=f"make {record} one first")
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
