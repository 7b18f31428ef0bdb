"""The block in a model card that says where its entries stand. `flip` owns what is between the marks, and no more."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

START = "<!-- smokegate:status -->"
END = "<!-- /smokegate:status -->"

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]|$)")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-+)[ \t]*$")
_RAW = re.compile(r"[^\n]*\n|[^\n]+")
_ROW = re.compile(r"> - `([a-z0-9][a-z0-9_-]*)` ")


class BannerFault(Exception):
    """Why a card's block cannot be found or replaced."""


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    """Without its end."""
    start: int
    end: int
    """With its end."""
    prose: bool
    """False in front matter and in code."""


def with_status(card: str, said: Mapping[str, str]) -> str:
    """The card with each entry's standing said; what the block says of other entries stays."""
    newline = "\r\n" if "\r\n" in card or card.endswith("\r") else "\n"
    lines = list(_lines(card))
    span = _block(lines)
    kept = dict(_rows(card[slice(*span)])) if span else {}
    rows = [f"> - `{entry}` {text}" for entry, text in {**kept, **said}.items()]
    block = newline.join([START, *rows, END])
    if span:
        return card[: span[0]] + block + card[span[1] :]
    at = _place(lines)
    before, after = card[:at], card[at:]
    if before and not before.endswith("\n"):
        before += newline
    above = newline if before else ""
    below = "" if not after or after.startswith(("\n", "\r\n")) else newline
    return f"{before}{above}{block}{newline}{below}{after}"


def _rows(block: str) -> Iterator[tuple[str, str]]:
    for line in block.splitlines():
        if row := _ROW.match(line):
            yield row[1], line[row.end() :]


def _block(lines: list[_Line]) -> tuple[int, int] | None:
    marks = [line for line in lines if line.prose and line.text.strip() in {START, END}]
    if not marks:
        return None
    if [mark.text.strip() for mark in marks] != [START, END]:
        raise BannerFault(f"the marks {START} and {END} are not there once each, in this order")
    return marks[0].start, marks[1].start + len(marks[1].text.rstrip())


def _place(lines: list[_Line]) -> int:
    """The end of the first heading; of the front matter where there is none."""
    for at, line in enumerate(lines):
        if not line.prose or not line.text.strip():
            continue
        if _HEADING.match(line.text):
            return line.end
        following = lines[at + 1] if at + 1 < len(lines) else None
        if following and following.prose and _UNDERLINE.match(following.text):
            return following.end
    matter = _front_matter(lines)
    return lines[matter - 1].end if matter else 0


def _front_matter(lines: list[_Line]) -> int:
    """How many lines of metadata a card begins with."""
    if lines and lines[0].text.rstrip() == "---":
        for at, line in enumerate(lines[1:], 1):
            if line.text.rstrip() in {"---", "..."}:
                return at + 1
    return 0


def _lines(card: str) -> Iterator[_Line]:
    bare = []
    position = 0
    for raw in _RAW.findall(card):
        bare.append(_Line(raw.rstrip("\r\n"), position, position + len(raw), prose=True))
        position += len(raw)
    matter = _front_matter(bare)
    fence = ""
    for at, line in enumerate(bare):
        opens = _FENCE.match(line.text)
        inside = bool(fence)
        if opens and not fence:
            fence = opens[1]
        elif opens and opens[1][0] == fence[0] and len(opens[1]) >= len(fence) and not line.text[opens.end() :].strip():
            fence = ""
        yield _Line(line.text, line.start, line.end, prose=at >= matter and not inside and not opens)
