"""Rows as JSON lines: bounded, strict, and every fault with its file and line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from smokegate.errors import DocumentError
from smokegate.registry.strict_json import JsonFault, parse
from smokegate_runners.saliency.columns import no_such_column

LINE_LIMIT = 16 << 20
BOM = b"\xef\xbb\xbf"
_SPACE = b" \t\r\n"
_BLANK = (b"", b" ", b"\t", b"\r", b"\n")
_DEEPEST = 256
_WORDS = (("on line 1, column", "at column"), ("of the file", "of the line"))
"""A line is read as if it were a file, and its number is not 1."""
_LOOKED_AT = 100
"""Rows in which the path column is looked for before it is said not to be there."""

Row = dict[str, Any]


def lines(stream: BinaryIO, path: Path) -> Iterator[tuple[int, bytes]]:
    """With their numbers and endings, blank ones too, from the start of the file."""
    stream.seek(0)
    readline, number = stream.readline, 0
    while line := readline(LINE_LIMIT + 1):
        number += 1
        if len(line) > LINE_LIMIT:
            raise DocumentError(f"{path}:{number}: the line is longer than {LINE_LIMIT >> 20} MiB")
        yield number, line


def rows(stream: BinaryIO, path: Path) -> Iterator[tuple[int, Row]]:
    for number, line in lines(stream, path):
        if bare := bare_of(line, number):
            yield number, row(bare, path, number)


def bare_of(line: bytes, number: int) -> bytes:
    """Without a byte order mark; empty where there is no row on the line."""
    if number == 1 and line.startswith(BOM):
        line = line[len(BOM) :]
    return b"" if line[:1] in _BLANK and not line.strip(_SPACE) else line


def row(line: bytes, path: Path, number: int) -> Row:
    try:
        text = line.decode("utf-8").strip(" \t\r\n")
        value, end = _read(text)
    except (ValueError, RecursionError):
        _refuse(line, path, number)
    if end != len(text) or type(value) is not dict:
        _refuse(line, path, number)
    return value


def require_column(found: Iterable[Row], name: str, path: Path) -> Iterator[Row]:
    """The rows. That none of the first has the column is said before much is done."""
    names: dict[str, None] = {}
    rest = iter(found)
    for count, one in enumerate(rest, 1):
        yield one
        if name in one:
            yield from rest
            return
        names |= dict.fromkeys(one)
        if count == _LOOKED_AT:
            break
    else:
        if not names:
            return
    raise no_such_column(str(path), name, names)


def _refuse(line: bytes, path: Path, number: int) -> NoReturn:
    """What is wrong with a line that is no row."""
    try:
        parse(line, max_bytes=LINE_LIMIT, max_depth=_DEEPEST)
    except JsonFault as fault:
        hint = "; a table has one object a line" if number == 1 and line.strip() in (b"[", b"{") else ""
        said = fault.message
        for of_a_file, of_a_line in _WORDS:
            said = said.replace(of_a_file, of_a_line)
        raise DocumentError(f"{path}:{number}: {said} (column {fault.column}){hint}") from None
    raise DocumentError(f"{path}:{number}: a row is a JSON object, and this line holds something else")


def _distinct(pairs: list[tuple[str, Any]]) -> Row:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _constant(name: str) -> NoReturn:
    raise ValueError(name)


_read = json.JSONDecoder(object_pairs_hook=_distinct, parse_constant=_constant).raw_decode
