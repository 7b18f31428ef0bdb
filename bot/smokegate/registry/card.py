"""Model cards: where they may lie, and what their text says about an entry's standing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from smokegate.registry.paths import join

_SUPERSEDED = re.compile(r"\bsupersed(?:ed|es|ing)\b", re.IGNORECASE)
_CLAIMS_DEFAULT = re.compile(
    r"\b(?:is|as|becomes?|became|now|made)\s+(?:now\s+)?(?:the\s+|our\s+)?(?:new\s+|shipped\s+|production\s+)?default\b"
    r"|\bproduction\s+default\b"
    r"|\b(?:the|our|new)\s+default\s+(?:model|weights|entry)\b"
    r"|\b(?:used|loaded|shipped|served|enabled|selected)\s+by\s+default\b",
    re.IGNORECASE,
)
_DENIES_DEFAULT = re.compile(
    r"(?:\bnot|n't|\bnever|\bopt-in|\binstead\s+of|\brather\s+than|\bno\s+longer|\bremains?|\bstays?|\bstill|\bkeeps?)\b"
    r".*\bdefault\b"
    r"|\bdefault\s+(?:remains|stays|is\s+still)\b",
    re.IGNORECASE,
)
_EMPHASIS = re.compile(r"\bnot\s+(?:only|just|merely)\b|\bno\s+longer\s+opt-in\b", re.IGNORECASE)
"""Negations that deny nothing."""
_PARAGRAPH = re.compile(r"\n\s*\n|\n\s*(?=[-*#>|])")
_SENTENCE = re.compile(r"[.;:!?](?:\s|$)|[()]|\bbut\b")
_ASIDE = re.compile(r",[^,]*,")


def candidates(templates: Iterable[str], folder: str, entry_id: str) -> Iterator[str]:
    """Paths from the repo root where a card of this entry may lie."""
    for template in templates:
        name = template.replace("{id}", entry_id)
        yield name[1:] if name.startswith("/") else join(folder, name)


def mentions_supersession(text: str) -> bool:
    return _SUPERSEDED.search(text) is not None


def claims_default(text: str) -> bool:
    """Whether prose makes its entry the one that is used by default."""
    return any(_claims(sentence) for sentence in _sentences(text))


def _sentences(text: str) -> Iterator[str]:
    """Lines are where an editor wrapped them: a claim may go over several."""
    for paragraph in _PARAGRAPH.split(text):
        yield from _SENTENCE.split(_EMPHASIS.sub(" ", " ".join(paragraph.split())))


def _claims(sentence: str) -> bool:
    for spoken in (sentence, _ASIDE.sub(" ", sentence)):
        for claim in _CLAIMS_DEFAULT.finditer(spoken):
            start = spoken.rfind(",", 0, claim.start()) + 1
            if not _DENIES_DEFAULT.search(spoken[start:].partition(",")[0]):
                return True
    return False
