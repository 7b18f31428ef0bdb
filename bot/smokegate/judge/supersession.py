"""Who succeeds whom: said in the entry, or in its sidecar where the repo's schema admits no extra field."""

from __future__ import annotations

from smokegate.judge.side import Side
from smokegate.registry.entry import Entry


def supersedes(side: Side, entry: Entry) -> str | None:
    return _said(side, entry, "supersedes")


def superseded_by(side: Side, entry: Entry) -> str | None:
    return _said(side, entry, "superseded_by")


def _said(side: Side, entry: Entry, field: str) -> str | None:
    own = entry.text(field)
    if own is not None:
        return own
    value = side.sidecar(entry).value.get(field)
    return value if isinstance(value, str) else None
