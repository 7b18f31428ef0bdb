"""Globs over paths and ids, with one meaning wherever the policy has them.

`*`, `?` and `[...]` (`[!...]`) stay within one segment; `**` as a segment of its own spans any number of
folders. A glob is matched against the whole path, by case, and has no escapes: `[*]` is a literal `*`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

SHAPE = (
    r"^(?!/)(?!(?:[^/]*/)*(?:\.{0,2}/|\.{1,2}$))(?!(?:[^/]*/)+$)"
    r"(?:[^\[\\{}]|\[(?:[!^][^/]|[^!^/])[^\]/]*\])+$"
)
"""`fault(glob) is None` as an ECMA 262 pattern, bar ranges that run backwards."""

_CLASS = re.compile(r"\[(?P<negated>[!^]?+)(?P<items>[^/][^\]/]*)\]")
_RANGE = re.compile(r"(?P<first>.)-(?P<last>.)|(?P<one>.)", re.DOTALL)
_STAR = "*"


def matches(pattern: str, path: str) -> bool:
    return _compiled(pattern).fullmatch(path) is not None


def matches_any(patterns: Iterable[str], path: str) -> bool:
    return any(matches(pattern, path) for pattern in patterns)


def escape(path: str) -> str:
    """The glob that matches this path and no other."""
    return re.sub(r"[*?\[{}\\]", lambda found: f"[{found[0]}]", path)


def fault(pattern: str) -> str | None:
    """Why this glob cannot mean what its author hopes for."""
    if pattern.startswith("/"):
        return "a glob has no leading `/`"
    if pattern.endswith("/"):
        return f"this names a folder; for everything in it write `{pattern}**`"
    if not {"", ".", ".."}.isdisjoint(pattern.split("/")):
        return "a glob has no empty, `.` or `..` segment"
    for token in _CLASS.finditer(pattern):
        for span in _RANGE.finditer(token["items"]):
            if span["first"] and span["first"] > span["last"]:
                return f"the range `{span[0]}` runs backwards and matches nothing"
    literal = _CLASS.sub("", pattern)
    if "[" in literal:
        return "a `[` is never closed (write `[[]` for a literal one)"
    if "\\" in literal:
        return "a glob has no backslash: folders are parted by `/`, and `[*]` is a literal `*`"
    if "{" in literal or "}" in literal:
        return "a glob has no braces: write one glob for each alternative"
    return None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    """A regular expression that never backtracks over more than one segment.

    Globs come from policies that a pull request may propose. Between two stars (or two `**`) the leftmost
    match is always good enough, so each is an atomic group, and the time is bounded by pattern times path.
    """
    chunks: list[list[str]] = [[]]
    for segment in pattern.split("/"):
        if segment == "**":
            chunks.append([])
        else:
            chunks[-1].append(_segment(segment))
    first, *rest = chunks
    expression = "/".join(first)
    if rest:
        expression += "/" if first else ""
        expression += "".join(f"(?>(?:[^/]++/)*?{'/'.join(middle)}/)" for middle in rest[:-1] if middle)
        expression += f"(?:[^/]++/)*{'/'.join(rest[-1])}" if rest[-1] else "(?s:.+)"
    return re.compile(expression)


def _segment(segment: str) -> str:
    """One segment: fixed pieces with stars between them."""
    pieces = [""]
    position = 0
    while position < len(segment):
        token = _CLASS.match(segment, position)
        if token:
            pieces[-1] += _character_class(token["items"], negated=bool(token["negated"]))
            position = token.end()
            continue
        character = segment[position]
        position += 1
        if character == _STAR:
            pieces.append("")
        else:
            pieces[-1] += "[^/]" if character == "?" else re.escape(character)
    if len(pieces) == 1:
        return pieces[0]
    if not any(pieces):
        return "[^/]+"
    first, *middle, last = pieces
    return first + "".join(f"(?>[^/]*?{piece})" for piece in middle if piece) + "[^/]*" + last


def _character_class(items: str, *, negated: bool) -> str:
    spans = []
    for span in _RANGE.finditer(items):
        if span["one"]:
            spans.append(re.escape(span["one"]))
        elif span["first"] <= span["last"]:
            spans.append(f"{re.escape(span['first'])}-{re.escape(span['last'])}")
    if not spans:
        return "[^/]" if negated else "(?!)"
    return f"(?!/)[{'^' if negated else ''}{''.join(spans)}]"
