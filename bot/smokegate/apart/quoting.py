"""Other people's words, made fit to be quoted in one line of a report."""

from __future__ import annotations

import unicodedata

REASON_LIMIT = 500

_UNPRINTABLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def one_line(words: str, limit: int = REASON_LIMIT) -> str:
    """No control characters, no bidirectional overrides, no line breaks, not too long."""
    clean = "".join(" " if unicodedata.category(c) in _UNPRINTABLE else c for c in words[: 8 * limit])
    clean = " ".join(clean.split())
    return clean if len(clean) <= limit else clean[: limit - 1].rstrip() + "…"
