"""Where things stand in a JSON text: spans by path, found by reading no more than it takes."""

from __future__ import annotations

import bisect
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

Step = str | int
Path = tuple[Step, ...]
Span = tuple[int, int]

_SPACE = re.compile(r"[ \t\n\r]*")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[][{}]')
_read = json.JSONDecoder().raw_decode


class Child(NamedTuple):
    """A member or an item: where its key starts and ends, if it has one, and where its value starts."""

    step: Step
    key: Span | None
    value: int

    @property
    def start(self) -> int:
        return self.key[0] if self.key else self.value


@dataclass(slots=True)
class _Container:
    """What is known so far of an object or array; the end of `last` is sought only when more is asked for."""

    start: int
    is_object: bool
    found: dict[Step, Child] = field(default_factory=dict)
    last: Child | None = None
    complete: bool = False


class Spans:
    """Offsets into a text that is known to be strict JSON. An absent path raises KeyError (bar in `where`)."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._root = Child("", None, self._skip(0))
        self._containers: dict[int, _Container] = {}
        self._ends: dict[int, int] = {}

    def value(self, path: Path) -> Span:
        start = self._child(path).value
        return start, self._end(start)

    def key(self, path: Path) -> Span:
        """The key token of a member, quotes included."""
        key = self._child(path).key
        if key is None:
            raise KeyError(path)
        return key

    def member(self, path: Path) -> Span:
        """A member from key to value; of an array's item, the item."""
        child = self._child(path)
        return child.start, self._end(child.value)

    def children(self, path: Path) -> tuple[Child, ...]:
        """Every child of the object or array at the path, in order; none of a scalar."""
        container = self._container(self._child(path).value)
        if container is None:
            return ()
        for _ in self._advance(container):
            pass
        return tuple(container.found.values())

    def has(self, path: Path) -> bool:
        try:
            self._child(path)
        except KeyError:
            return False
        return True

    def where(self, path: Path) -> tuple[int, int]:
        """Line and column of the value at the path, or of its nearest ancestor that exists."""
        child = self._root
        for step in path:
            following = self._find(child.value, step)
            if following is None:
                break
            child = following
        return self.position(child.value)

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, from 1, in characters."""
        line = bisect.bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1

    @cached_property
    def _lines(self) -> list[int]:
        return list(itertools.accumulate((len(line) + 1 for line in self.text.split("\n")[:-1]), initial=0))

    def _child(self, path: Path) -> Child:
        child = self._root
        for step in path:
            following = self._find(child.value, step)
            if following is None:
                raise KeyError(path)
            child = following
        return child

    def _find(self, start: int, step: Step) -> Child | None:
        container = self._container(start)
        if container is None or isinstance(step, str) != container.is_object:
            return None
        if step not in container.found:
            for child in self._advance(container):
                if child.step == step:
                    return child
        return container.found.get(step)

    def _container(self, start: int) -> _Container | None:
        if self.text[start] not in "{[":
            return None
        if start not in self._containers:
            self._containers[start] = _Container(start, self.text[start] == "{")
        return self._containers[start]

    def _advance(self, container: _Container) -> Iterator[Child]:
        """The children not yet known, as they are found."""
        while not container.complete:
            at = self._following(container)
            if self.text[at] in "}]":
                container.complete = True
                self._ends[container.start] = at + 1
                return
            child = self._member(at) if container.is_object else Child(len(container.found), None, at)
            container.found[child.step] = container.last = child
            yield child

    def _following(self, container: _Container) -> int:
        """Where the next child starts, or the closing bracket stands."""
        if container.last is None:
            return self._skip(container.start + 1)
        at = self._skip(self._end(container.last.value))
        return self._skip(at + 1) if self.text[at] == "," else at

    def _member(self, at: int) -> Child:
        key, end = _read(self.text, at)
        return Child(key, (at, end), self._skip(self._skip(end) + 1))

    def _end(self, start: int) -> int:
        if start not in self._ends:
            if start in self._containers:
                for _ in self._advance(self._containers[start]):
                    pass
            else:
                self._ends[start] = self._jump(start)
        return self._ends[start]

    def _jump(self, start: int) -> int:
        try:
            return _read(self.text, start)[1]
        except RecursionError:
            return self._jump_brackets(start)

    def _jump_brackets(self, start: int) -> int:
        """The end of a container that is too deep for what is left of the interpreter's stack."""
        depth = 0
        for token in _TOKEN.finditer(self.text, start):
            depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token.group(), 0)
            if depth == 0:
                return token.end()
        raise ValueError("not a JSON text")

    def _skip(self, at: int) -> int:
        space = _SPACE.match(self.text, at)
        return space.end() if space else at
