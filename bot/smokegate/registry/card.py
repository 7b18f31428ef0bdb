"""Model cards: where they may lie, and what their text says about an entry's standing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from smokegate.registry.paths import join

_SUPERSEDED = re.compile(r"\bsupersed(?:ed|es|ing)\b", re.IGNORECASE)
_CLAIMS_DEFAULT = re.compile(
    r"\b(?:is|as|becomes|became|now)\s+(?:now\s+)?(?:the\s+)?(?:new\s+|shipped\s+|production\s+)?default\b"
    r"|\bproduction\s+default\b"
    r"|\b(?:the|new)\s+default\s+(?:model|weights|entry)\b",
    re.IGNORECASE,
)
_DENIES_DEFAULT = re.compile(r"\b(?:not|never|opt-in|instead of|rather than)\b[^.;\n]*\bdefault\b", re.IGNORECASE)


def candidates(templates: Iterable[str], folder: str, entry_id: str) -> Iterator[str]:
    """Paths from the repo root where a card of this entry may lie."""
    for template in templates:
        name = template.replace("{id}", entry_id)
        yield name[1:] if name.startswith("/") else join(folder, name)


def mentions_supersession(text: str) -> bool:
    return _SUPERSEDED.search(text) is not None


def claims_default(text: str) -> bool:
    """Whether prose makes its entry the one that is used by default."""
    return any(
        _CLAIMS_DEFAULT.search(sentence) and not _DENIES_DEFAULT.search(sentence)
        for sentence in re.split(r"[.;\n]", text)
    )
