"""JSONL to JSONL: what is not ours keeps its bytes, for cells are written into the lines as they stand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from smokegate.errors import DocumentError
from smokegate_runners.saliency.columns import MEAN, VAR, Asked, Columns
from smokegate_runners.saliency.formats import json_lines
from smokegate_runners.saliency.formats.fill import Fill
from smokegate_runners.saliency.formats.json_lines import Row

_LETTER = re.compile(rb"\\u00[2-7]")
_PLAIN_KEY = re.compile(rb'"[A-Za-z0-9_ .:-]*"')
_MEMBER = re.compile(rb'[ \t\r\n]*:[ \t\r\n]*(-?[0-9][0-9.eE+-]*|null|true|false|"[^"]*")')


class JsonlTable:
    def __init__(self, path: Path, stream: BinaryIO, columns: Columns) -> None:
        self._path, self._stream, self._columns = path, stream, columns

    def asks(self) -> Iterator[Asked]:
        found = (row for _, row in json_lines.rows(self._stream, self._path))
        yield from asked(found, self._columns, self._path)

    def write(self, target: BinaryIO, fills: Iterator[Fill]) -> int:
        rows = 0
        for number, line in json_lines.lines(self._stream, self._path):
            bare = json_lines.bare_of(line, number)
            if bare:
                rows += 1
                line = line[: len(line) - len(bare)] + self._filled(bare, next(fills), number)  # noqa: PLW2901
            target.write(line)
        return rows

    def _filled(self, line: bytes, fill: Fill, number: int) -> bytes:
        try:
            return filled(line, fill)
        except RecursionError:
            raise DocumentError(f"{self._path}:{number}: the row is nested too deep") from None


def asked(rows: Iterator[Row], columns: Columns, path: Path) -> Iterator[Asked]:
    where, width, height = columns.path, columns.width, columns.height
    for row in json_lines.require_column(rows, where, path):
        get = row.get
        yield Asked(get(where), get(width), get(height), get(MEAN), get(VAR))


def filled(line: bytes, fill: Fill) -> bytes:
    """The text of a row that is known to be sound, with its cells written into it."""
    for edit in fill.edits:
        if edit.key in line:
            break
    else:
        if b'"' in line and not _spelled(line, fill):
            end = line.rfind(b"}")
            return line[:end] + fill.tail + line[end:]
    return _in_place(line, fill) or _by_members(line, fill)


def _spelled(line: bytes, fill: Fill) -> bool:
    """Whether a key may hide behind escapes: whole letters do so only as `\\u0061`, or where a name is not plain."""
    if b"\\" not in line:
        return False
    return _LETTER.search(line) is not None or not all(_PLAIN_KEY.fullmatch(edit.key) for edit in fill.edits)


def _in_place(line: bytes, fill: Fill) -> bytes | None:
    """None where a line is not plain enough. Without escapes and nesting, a token before a colon is a member's key."""
    if b"\\" in line or b'"' not in line or line.count(b"{") != 1:
        return None
    added = []
    for key, value, needed in fill.edits:
        at = line.find(key)
        if at < 0:
            added += [b", " + key + b": " + value] if needed else []
            continue
        member = _MEMBER.match(line, at + len(key))
        if member is None:
            return None
        line = line[: member.start(1)] + value + line[member.end(1) :]
    end = line.rfind(b"}")
    return line[:end] + b"".join(added) + line[end:]


def _by_members(line: bytes, fill: Fill) -> bytes:
    text = line.decode("utf-8")
    present = _members(text)
    named = list(zip(fill.cells, fill.edits, strict=True))
    missing = [edit for name, edit in named if edit.needed and name not in present]
    added = b", ".join(edit.key + b": " + edit.value for edit in missing).decode("utf-8")
    close = text.rindex("}")
    text = text[:close] + (", " if present and added else "") + added + text[close:]
    changes = sorted((present[name], edit.value) for name, edit in named if name in present)
    for (start, end), value in reversed(changes):
        text = text[:start] + value.decode("utf-8") + text[end:]
    return text.encode("utf-8")


def _members(text: str) -> dict[str, tuple[int, int]]:
    """Where the value of each member of the row starts and ends."""
    found = {}
    at = _space(text, text.index("{") + 1)
    while text[at] != "}":
        name, end = _read(text, at)
        start = _space(text, _space(text, end) + 1)
        _, end = _read(text, start)
        found[name] = start, end
        at = _space(text, end)
        at = _space(text, at + 1) if text[at] == "," else at
    return found


def _space(text: str, at: int) -> int:
    """The first place from here that is not blank."""
    while text[at] in " \t\r\n":
        at += 1
    return at


_read = json.JSONDecoder().raw_decode
