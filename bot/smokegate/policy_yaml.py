"""YAML as the policy is written in: plain values with their places, nothing clever, everything bounded.

ruamel reads the grammar; scalars are resolved here by the core schema of YAML 1.2 (section 10.3), so that
`off` is text whatever a `%YAML 1.1` line says.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from smokegate.policy_mistakes import Mistake, Place, PolicyFileError, dotted, excerpt

if TYPE_CHECKING:
    from ruamel.yaml.events import Event

MAX_BYTES = 256 * 1024
MAX_DEPTH = 16
MAX_NODES = 10_000

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_NULL = re.compile(r"(?:null|Null|NULL|~|)\Z")
_BOOL = re.compile(r"(?:(true|True|TRUE)|false|False|FALSE)\Z")
_INT = re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LONGEST_NUMBER = 32


@dataclass(slots=True)
class Node:
    """A value and where it starts; in a mapping, also where each key starts."""

    value: bool | int | float | str | list[Node] | dict[str, Node] | None
    place: Place
    keys: dict[str, Place] = field(default_factory=dict)
    size: int = 1
    height: int = 0

    def plain(self) -> Json:
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


def read(data: bytes, name: str) -> tuple[Node | None, list[Mistake]]:
    """The one document in `data`, None if there is none, and what is wrong that did not stop the reading."""
    builder = _Builder()
    try:
        for event in _events(_decoded(data)):
            builder.take(event)
    except _UnreadableError as stop:
        builder.mistakes.append(stop.mistake)
        raise PolicyFileError(name, builder.mistakes) from None
    return builder.root, builder.mistakes


class _UnreadableError(Exception):
    """A mistake after which nothing more can be read."""

    def __init__(self, place: Place, found: str, expected: str) -> None:
        super().__init__(found)
        self.mistake = Mistake(place, "", found, expected)


def _decoded(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise _UnreadableError(Place(1, 1), f"{len(data)} bytes", f"at most {MAX_BYTES}")
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        place = Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise _UnreadableError(place, f"byte 0x{data[error.start]:02x}", "UTF-8") from None


def _events(text: str) -> Iterator[Event]:
    from ruamel.yaml import YAML  # noqa: PLC0415 - 0.1 s, and only where there is a file to read
    from ruamel.yaml.error import MarkedYAMLError, YAMLError  # noqa: PLC0415
    from ruamel.yaml.reader import ReaderError  # noqa: PLC0415

    try:
        yield from YAML(typ="safe", pure=True).parse(text)
    except ReaderError as error:
        before = text[: error.position]
        place = Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise _UnreadableError(place, f"the character {excerpt(text[error.position])}", "printable text") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
        said = "; ".join(part for part in (error.context, error.problem) if part)
        raise _UnreadableError(place, "text that is not YAML", f"YAML 1.2 ({' '.join(said.split())})") from None
    except (YAMLError, ValueError, OverflowError) as error:
        # ruamel hands `"\UFFFFFFFF"` to chr() and a huge `%YAML` version to int() as they are.
        raise _UnreadableError(Place(1, 1), "text that is not YAML", f"YAML 1.2 ({excerpt(str(error))})") from None


@dataclass(slots=True)
class _Open:
    """A collection that is being read; in a mapping, the key whose value comes next."""

    node: Node
    anchor: str | None
    key: tuple[str | None, Place] | None = None


class _Builder:
    """Nodes out of events, without recursion: depth, size and aliases are counted before anything is built."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.mistakes: list[Mistake] = []
        self._open: list[_Open] = []
        self._anchors: dict[str, Node] = {}
        self._documents = 0

    def take(self, event: Any) -> None:
        place = Place(event.start_mark.line + 1, event.start_mark.column + 1)
        if getattr(event, "tag", None):
            raise _UnreadableError(place, f"the tag {excerpt(str(event.tag))}", "a value without a tag")
        match type(event).__name__:
            case "DocumentStartEvent":
                self._documents += 1
                if self._documents > 1:
                    raise _UnreadableError(place, "a second document", "exactly one in the file")
            case "MappingStartEvent":
                self._begin(Node({}, place), event.anchor)
            case "SequenceStartEvent":
                self._begin(Node([], place), event.anchor)
            case "MappingEndEvent" | "SequenceEndEvent":
                done = self._open.pop()
                self._finish(done.node, done.anchor)
            case "ScalarEvent":
                node = Node(self._scalar(event.value, place, plain=event.implicit[0]), place)
                if not self._took_key(node):
                    self._finish(node, event.anchor)
            case "AliasEvent":
                self._alias(event.anchor, place)

    def _begin(self, node: Node, anchor: str | None) -> None:
        if self._open and isinstance(self._open[-1].node.value, dict) and self._open[-1].key is None:
            raise _UnreadableError(node.place, "a list or mapping as a key", "a key that is text")
        if len(self._open) >= MAX_DEPTH:
            raise _UnreadableError(
                node.place, f"nesting deeper than {MAX_DEPTH}", "a policy, which is no deeper than five"
            )
        self._anchors.pop(anchor or "", None)
        self._open.append(_Open(node, anchor))

    def _alias(self, anchor: str, place: Place) -> None:
        node = self._anchors.get(anchor)
        if node is None:
            raise _UnreadableError(
                place, f"the alias {excerpt('*' + anchor)}", "an anchor that was set and ended before it"
            )
        copy = Node(node.value, node.place, node.keys, node.size, node.height)
        if not self._took_key(copy):
            self._finish(copy, None)

    def _finish(self, node: Node, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = node
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        parent.node.size += node.size
        parent.node.height = max(parent.node.height, node.height + 1)
        if parent.node.size > MAX_NODES or parent.node.height + len(self._open) > MAX_DEPTH + 1:
            raise _UnreadableError(
                node.place, "more values than a policy has", f"at most {MAX_NODES}, aliases written out"
            )
        if isinstance(parent.node.value, list):
            parent.node.value.append(node)
        elif isinstance(parent.node.value, dict) and parent.key:
            (key, place), parent.key = parent.key, None
            if key is not None:
                parent.node.value[key] = node
                parent.node.keys[key] = place

    def _took_key(self, node: Node) -> bool:
        """Whether this scalar (or alias) is the next key of the mapping that is open."""
        if not self._open or not isinstance(self._open[-1].node.value, dict) or self._open[-1].key is not None:
            return False
        parent = self._open[-1]
        if not isinstance(node.value, str):
            found = "nothing" if node.value is None else excerpt(str(node.value))
            self._mistake(node.place, f"the key {found}", "a key that is text")
            parent.key = (None, node.place)
            return True
        if node.value in parent.node.keys:
            first = parent.node.keys[node.value]
            self._mistake(node.place, f"{excerpt(node.value)} again (first on line {first.line})", "each key once")
            parent.key = (None, node.place)
            return True
        parent.key = (node.value, node.place)
        return True

    def _mistake(self, place: Place, found: str, expected: str) -> None:
        parts: list[str | int] = []
        for container in self._open:
            if isinstance(container.node.value, list):
                parts.append(len(container.node.value))
            elif container.key and container.key[0] is not None:
                parts.append(container.key[0])
        self.mistakes.append(Mistake(place, dotted(parts), found, expected))

    def _scalar(self, text: str, place: Place, *, plain: bool) -> bool | int | float | str | None:
        if _SURROGATE.search(text):
            self._mistake(place, f"half a character in {excerpt(text)}", "whole characters")
            return None
        if not plain:
            return text
        if _NULL.match(text):
            return None
        if found := _BOOL.match(text):
            return found[1] is not None
        if _NOT_FINITE.match(text):
            self._mistake(place, f"`{text}`", "a finite number")
            return None
        if _INT.match(text) or _FLOAT.match(text):
            return self._number(text, place)
        return text

    def _number(self, text: str, place: Place) -> int | float | None:
        if len(text) > _LONGEST_NUMBER:
            self._mistake(place, f"a number of {len(text)} digits", "a number of sane size")
            return None
        if _INT.match(text):
            return int(text[2:], 8) if text.startswith("0o") else int(text, 16 if text.startswith("0x") else 10)
        number = float(text)
        if not math.isfinite(number):
            self._mistake(place, f"`{text}`", "a finite number")
            return None
        # JSON Schema counts 16.0 among the integers.
        return int(number) if number.is_integer() and abs(number) < 2**53 else number
