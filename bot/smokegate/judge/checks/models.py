"""The model files that an entry stands for, with the registry field that each is named by."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from smokegate.judge.side import Side
from smokegate.registry.entry import Entry

_LONGEST_POINTER = 1024


def models(side: Side, entry: Entry) -> list[tuple[str, str]]:
    named = ((side.model_path(entry), "onnx"), (side.twin_path(entry), "int8_sha256"))
    return [(path, field) for path, field in named if path is not None and side.is_file(path)]


def pinned_places(entry: Entry) -> Iterator[tuple[int, str]]:
    """Each row of `external_data` that names a file."""
    rows = entry.raw.get("external_data")
    for index, row in enumerate(rows if isinstance(rows, list) else []):
        if isinstance(row, dict) and isinstance(row.get("path"), str):
            yield index, row["path"]


def mismatch(side: Side, path: str, field: str, declared: str) -> str | None:
    """How a declared digest departs from that of the bytes a file means; None where it does not."""
    content = side.content(path)
    if content is None or content.pointer_fault or content.digest == declared:
        return None
    if content.pointer is None:
        return f"`{field}` is {_short(declared)}, but `{path}` has {content.digest}"
    if declared == hashlib.sha256(side.tree.read(side.real(path), _LONGEST_POINTER)).hexdigest():
        return f"`{field}` is the digest of the LFS pointer `{path}` itself; the object it names is {content.digest}"
    return f"`{field}` is {_short(declared)}, but the LFS pointer `{path}` names the object {content.digest}"


def _short(digest: str) -> str:
    return f"{digest[:12]}…" if len(digest) > 12 else repr(digest)
