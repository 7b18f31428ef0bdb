"""Edits of a JSON text that touch only the lines they mean to.

A new member or item is laid out as its neighbours are; what is not meant stays as it is, byte for byte. Texts are
strict JSON (see `strict_json`); an absent path raises KeyError, a value that strict JSON cannot say ValueError.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from smokegate.registry import strict_json
from smokegate.registry.layout import Manner, breaks, cousins, indent_at, line_indent, tall
from smokegate.registry.spans import Child, Path, Spans, Step

_MOST_DEPTH = 128
"""Of a new value; the text it goes into may be deeper."""
_MOST_PIECEWISE = 100
"""A container that changes in more places than this is written anew, not child by child."""


def set_value(text: str, path: Path, value: Any, *, beside: Sequence[str] = ()) -> str:
    """Replace the value at the path; a member that its object has not got is added.

    It is added beside the first of these members that is there: at the end, its neighbour's line would get a comma.
    """
    _check(value)
    spans = Spans(text)
    if path and not spans.has(path) and isinstance(path[-1], str):
        return _add_member(spans, path, value, beside)
    start, end = spans.value(path)
    old = json.loads(text[start:end])
    if _same(old, value):
        return text
    if _piecewise(old, value):
        return _merged(text, path, old, value)
    lines = breaks(spans, path)
    new = Manner.of(spans, path).written(spans, path, value, indent_at(spans, path), lines=lines)
    return text[:start] + new + text[end:]


def remove_member(text: str, path: Path) -> str:
    spans = Spans(text)
    spans.key(path)
    return _without(spans, path)


def append_item(text: str, array_path: Path, value: Any) -> str:
    _check(value)
    spans = Spans(text)
    if text[spans.value(array_path)[0]] != "[":
        raise KeyError(array_path)
    items = spans.children(array_path)
    path = (*array_path, len(items))
    return _inserted(spans, path, "", value, len(items))


def remove_item(text: str, path: Path) -> str:
    spans = Spans(text)
    spans.value(path)
    if not path or isinstance(path[-1], str):
        raise KeyError(path)
    return _without(spans, path)


def _check(value: Any) -> None:
    try:
        data = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        again = strict_json.parse(data, max_bytes=len(data), max_depth=_MOST_DEPTH)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"the new value is not strict JSON: {error}") from error
    if again != value:
        raise ValueError("the new value is not strict JSON: a key is not a string, or a list is a tuple")


def _same(one: Any, other: Any) -> bool:
    """Equality that tells 1 from 1.0 and from true."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


# Containers, changed child by child.


def _piecewise(old: Any, new: Any) -> bool:
    """Whether two containers have enough in common to keep the layout of what stays."""
    if isinstance(old, dict) and isinstance(new, dict):
        common = old.keys() & new.keys()
        differing = sum(not _same(old[key], new[key]) for key in common)
        return bool(common) and differing + len(old.keys() ^ new.keys()) <= _MOST_PIECEWISE
    if isinstance(old, list) and isinstance(new, list):
        differing = sum(not _same(a, b) for a, b in zip(old, new, strict=False))
        return bool(old and new) and differing + abs(len(old) - len(new)) <= _MOST_PIECEWISE
    return False


def _merged(text: str, path: Path, old: Any, new: Any) -> str:
    if isinstance(old, dict):
        for key in [key for key in old if key not in new]:
            text = remove_member(text, (*path, key))
        for key, value in new.items():
            text = set_value(text, (*path, key), value)
        return text
    for index in range(len(old) - 1, len(new) - 1, -1):
        text = remove_item(text, (*path, index))
    for index, value in enumerate(new):
        if index >= len(old):
            text = append_item(text, path, value)
        elif not _same(old[index], value):
            text = set_value(text, (*path, index), value)
    return text


# Adding.


def _add_member(spans: Spans, path: Path, value: Any, beside: Sequence[str]) -> str:
    parent, key = path[:-1], path[-1]
    if spans.text[spans.value(parent)[0]] != "{":
        raise KeyError(path)
    _check(key)
    keys = [str(child.step) for child in spans.children(parent)]
    at = _place(spans, parent, keys, str(key), beside)
    return _inserted(spans, path, str(key), value, at)


def _place(spans: Spans, parent: Path, keys: list[str], key: str, beside: Sequence[str]) -> int:
    """The index among the keys that a new one takes: its sorted place, else by a neighbour, else the end."""
    if len(keys) > 1 and keys == sorted(keys):
        return sum(other < key for other in keys)
    if wanted := next((other for other in beside if other in keys), None):
        at = keys.index(wanted)
        return at + 1 if at + 1 < len(keys) else at
    for cousin in cousins(spans, parent):
        if spans.has((*cousin, key)):
            theirs = [str(child.step) for child in spans.children(cousin)]
            before = [other for other in theirs[: theirs.index(key)] if other in keys]
            if before:
                return keys.index(before[-1]) + 1
    family = [index for index, other in enumerate(keys) if other.partition("_")[0] == key.partition("_")[0]]
    return family[-1] + 1 if family else len(keys)


def _inserted(spans: Spans, path: Path, key: str, value: Any, at: int) -> str:
    """The text with a child put in as number `at` of its container."""
    text, parent = spans.text, path[:-1]
    manner = Manner.of(spans, path)
    children = spans.children(parent)
    if not children:
        return _filled(spans, path, key, value, manner)
    separator = _separator(spans, parent, children, at, manner)
    neighbour = children[max(at - 1, 0)]
    new = manner.token(key) + manner.colon if isinstance(path[-1], str) else ""
    indent = _separated_indent(text, separator, neighbour.start)
    new += manner.written(spans, path, value, indent, lines=breaks(spans, path))
    if at == 0:
        start = children[0].start
        return text[:start] + new + separator + text[start:]
    end = spans.member((*parent, neighbour.step))[1]
    return text[:end] + separator + new + text[end:]


def _separated_indent(text: str, separator: str, neighbour: int) -> str:
    after = separator[separator.index(",") :]
    return after.rpartition("\n")[2] if "\n" in after else line_indent(text, neighbour)


def _separator(spans: Spans, parent: Path, children: tuple[Child, ...], at: int, manner: Manner) -> str:
    """What stands between two children there: comma and white space, blank lines left out."""
    text = spans.text
    opening = text[spans.value(parent)[0] + 1 : children[0].start]
    if "\n" in opening and (at == 0 or len(children) == 1):
        return "," + _one_break(opening)
    if len(children) == 1:
        return manner.comma
    right = min(max(at, 1), len(children) - 1)
    end = spans.member((*parent, children[right - 1].step))[1]
    before, _, after = text[end : children[right].start].partition(",")
    return f"{_one_break(before)},{_one_break(after)}"


def _one_break(gap: str) -> str:
    return gap if gap.count("\n") < 2 else _last_break(gap)


def _last_break(gap: str) -> str:
    above, _, indent = gap.rpartition("\n")
    return ("\r\n" if above.endswith("\r") else "\n") + indent


def _filled(spans: Spans, path: Path, key: str, value: Any, manner: Manner) -> str:
    """The text with a first child put into an empty container."""
    text, parent = spans.text, path[:-1]
    start, end = spans.value(parent)
    gap = text[start + 1 : end - 1]
    name = manner.token(key) + manner.colon if isinstance(path[-1], str) else ""
    if "\n" in gap:
        outer = _last_break(gap)
        lead, indent = outer + manner.unit, outer.rpartition("\n")[2]
    elif tall(spans, parent, {} if text[start] == "{" else [], otherwise=breaks(spans, parent)):
        indent = indent_at(spans, parent)
        outer, lead = manner.newline + indent, manner.newline + indent + manner.unit
    else:
        return f"{text[: start + 1]}{gap}{name}{manner.token(value)}{gap}{text[end - 1 :]}"
    new = manner.written(spans, path, value, indent + manner.unit, lines=True)
    return f"{text[: start + 1]}{lead}{name}{new}{outer}{text[end - 1 :]}"


# Removing.


def _without(spans: Spans, path: Path) -> str:
    """The text less one child and one of the two separators around it: the one that spans fewer lines."""
    text, parent, step = spans.text, path[:-1], path[-1]
    children = spans.children(parent)
    start, end = spans.value(parent)
    if len(children) == 1:
        return text[: start + 1] + text[end - 1 :]
    cut = _cut(spans, parent, children, _index(children, step))
    return text[: cut[0]] + text[cut[1] :]


def _index(children: tuple[Child, ...], step: Step) -> int:
    return next(index for index, child in enumerate(children) if child.step == step)


def _cut(spans: Spans, parent: Path, children: tuple[Child, ...], index: int) -> tuple[int, int]:
    text = spans.text
    start, end = spans.member((*parent, children[index].step))
    if index == len(children) - 1:
        return spans.member((*parent, children[index - 1].step))[1], end
    following = children[index + 1].start
    after = text[end:following]
    if index == 0:
        opened = spans.value(parent)[0] + 1
        alone = "\n" in after.partition(",")[2] and "\n" not in text[opened:start]
        return (opened, end + after.index(",") + 1) if alone else _whole_lines(text, start, following)
    previous = spans.member((*parent, children[index - 1].step))[1]
    if text.count("\n", previous, start) < after.count("\n"):
        return previous, end
    return _whole_lines(text, start, following)


def _whole_lines(text: str, start: int, following: int) -> tuple[int, int]:
    """From child to child, or from line to line where each is the first on its own."""
    breaks = text.rfind("\n", 0, start) + 1, text.rfind("\n", 0, following) + 1
    blank = not text[breaks[0] : start].strip() and not text[breaks[1] : following].strip()
    return breaks if blank and breaks[0] < breaks[1] else (start, following)
