"""How a JSON text is written: what a new piece of it takes after."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from smokegate.registry.spans import Path, Spans

_ESCAPED = re.compile(r"(?<!\\)(?:\\\\)*\\u(?!00[0-7])[0-9a-fA-F]{4}")
_LETTER = re.compile(r"\\u[0-9]{0,3}([a-fA-F])")
_CODE = re.compile(r"(?<!\\)((?:\\\\)*\\u)([0-9a-f]{4})")
_SCALAR_LIST = re.compile(r'"(?:[^"\\]|\\.)*"|\[(?P<gap>\s*)(?=[^\s\[\]{}])')
_MODEL_LENGTH = 100_000
_INDENTED = re.compile(r"\n([ \t]+)[^\s]")


@dataclass(frozen=True, slots=True)
class Manner:
    """The ways of a text near one place in it."""

    newline: str
    unit: str
    """What one more level of nesting is indented by."""
    colon: str
    escapes: bool
    """Whether characters beyond ASCII are written as escapes, and those in upper-case hexadecimal."""
    upper: bool

    @classmethod
    def of(cls, spans: Spans, path: Path) -> Manner:
        text = spans.text
        first = text.find("\n")
        escapes = "\\u" in text and text.isascii() and _ESCAPED.search(text) is not None
        letter = _LETTER.search(text) if escapes else None
        return cls(
            newline="\r\n" if first > 0 and text[first - 1] == "\r" else "\n",
            unit=_unit(spans, path),
            colon=_colon(spans, path),
            escapes=escapes,
            upper=letter is not None and letter.group(1).isupper(),
        )

    @property
    def comma(self) -> str:
        return ", " if self.colon.endswith(" ") else ","

    def token(self, value: Any) -> str:
        """A value on one line."""
        token = json.dumps(value, ensure_ascii=self.escapes, separators=(self.comma, self.colon))
        if self.escapes and self.upper:
            token = _CODE.sub(lambda code: code[1] + code[2].upper(), token)
        return token

    def written(self, spans: Spans, path: Path, value: Any, indent: str, *, lines: bool) -> str:
        """A value as it would stand at the path, on a line that is indented by `indent`.

        A container spreads over lines if those it takes after do; if there are none, `lines` says.
        """
        if not isinstance(value, dict | list) or not value or not tall(spans, path, value, otherwise=lines):
            return self.token(value)
        like = _like(spans, path, value)
        model = _slice(spans, path[:-1] if like is None else like)
        return self._lines(value, indent, _keeps_lists_flat(model[:_MODEL_LENGTH]))

    def _lines(self, value: Any, indent: str, flat: bool) -> str:
        if not isinstance(value, dict | list) or not value:
            return self.token(value)
        if flat and isinstance(value, list) and not any(isinstance(item, dict | list) for item in value):
            return self.token(value)
        inner = indent + self.unit
        if isinstance(value, dict):
            rows = [self.token(key) + self.colon + self._lines(child, inner, flat) for key, child in value.items()]
        else:
            rows = [self._lines(item, inner, flat) for item in value]
        opener, closer = "{}" if isinstance(value, dict) else "[]"
        lines = f",{self.newline}{inner}".join(rows)
        return f"{opener}{self.newline}{inner}{lines}{self.newline}{indent}{closer}"


def _keeps_lists_flat(text: str) -> bool:
    """Whether lists of scalars stand on one line there, even where other containers spread."""
    gaps = [found["gap"] for found in _SCALAR_LIST.finditer(text) if found["gap"] is not None]
    return bool(gaps) and not any("\n" in gap for gap in gaps)


def _slice(spans: Spans, path: Path) -> str:
    start, end = spans.value(path)
    return spans.text[start:end]


def _ancestors(spans: Spans, path: Path) -> Iterator[Path]:
    """Paths that exist from the given one to the root."""
    for length in range(len(path), -1, -1):
        if spans.has(path[:length]):
            yield path[:length]


def _colon(spans: Spans, path: Path) -> str:
    """What stands between key and value near the path."""
    for ancestor in _ancestors(spans, path):
        for child in reversed(spans.children(ancestor)[:50]):
            if child.key:
                colon = spans.text[child.key[1] : child.value]
                return ": " if "\n" in colon else colon
    return ": "


def _unit(spans: Spans, path: Path) -> str:
    for ancestor in _ancestors(spans, path):
        outer = indent_at(spans, ancestor)
        for child in spans.children(ancestor)[:1]:
            inner = line_indent(spans.text, child.start)
            if inner.startswith(outer) and len(inner) > len(outer):
                return inner[len(outer) :]
    first = _INDENTED.search(spans.text)
    return first.group(1) if first else "  "


def line_indent(text: str, offset: int) -> str:
    start = text.rfind("\n", 0, offset) + 1
    line = text[start:offset]
    return line[: len(line) - len(line.lstrip(" \t"))]


def indent_at(spans: Spans, path: Path) -> str:
    """The indentation of the line on which the value at the path, or its parent, starts."""
    for ancestor in _ancestors(spans, path):
        return line_indent(spans.text, spans.member(ancestor)[0])
    return ""


def breaks(spans: Spans, path: Path) -> bool:
    """Whether the container that the path is in spreads over several lines."""
    return bool(path) and "\n" in _slice(spans, path[:-1])


def tall(spans: Spans, path: Path, value: Any, *, otherwise: bool) -> bool:
    """Whether a container at the path is to spread over several lines."""
    like = _like(spans, path, value)
    return otherwise if like is None else "\n" in _slice(spans, like)


def _like(spans: Spans, path: Path, value: Any) -> Path | None:
    """A container of the same kind that one at the path takes after: itself, a sibling, or a cousin of its name."""
    opener = "{" if isinstance(value, dict) else "["
    for candidate in _relatives(spans, path):
        start = spans.value(candidate)[0]
        if spans.text[start] == opener and spans.children(candidate):
            return candidate
    return None


def _relatives(spans: Spans, path: Path) -> Iterator[Path]:
    if spans.has(path):
        yield path
    if not path:
        return
    parent, step = path[:-1], path[-1]
    if isinstance(step, int):
        yield from ((*parent, index) for index in _near(step) if spans.has((*parent, index)))
        return
    for cousin in cousins(spans, parent):
        if spans.has((*cousin, step)):
            yield (*cousin, step)
    yield from ((*parent, child.step) for child in spans.children(parent) if child.step != step)


def cousins(spans: Spans, path: Path) -> Iterator[Path]:
    """Objects beside this one in its array, nearest first."""
    if path and isinstance(path[-1], int):
        yield from ((*path[:-1], index) for index in _near(path[-1]) if spans.has((*path[:-1], index)))


def _near(index: int) -> Iterator[int]:
    for away in range(1, 21):
        if index >= away:
            yield index - away
        yield index + away
