"""Identity: what a model means at run time, as one digest. Two spellings of one content have one identity."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

FORMAT = "smokegate-identity-v1"


@dataclass(frozen=True, slots=True)
class Identity:
    """The parts, so that a difference can be named, and their digest."""

    graph: str | None
    external: Mapping[str, str] = field(default_factory=dict)
    int8: str | None = None
    runtime: Mapping[str, Any] = field(default_factory=dict)
    membership: Sequence[Mapping[str, Any]] = ()

    @property
    def digest(self) -> str:
        parts = {
            "format": FORMAT,
            "graph": self.graph,
            "external": dict(self.external),
            "int8": self.int8,
            "runtime": canonical(self.runtime),
            "membership": self._places(),
        }
        return hashlib.sha256(_dump(parts).encode()).hexdigest()

    def differences(self, other: Identity) -> tuple[str, ...]:
        """Which parts differ, in the words that a report uses for fields."""
        found = []
        if self.graph != other.graph:
            found.append("bytes")
        if self.external != other.external:
            found.append("external_data")
        if self.int8 != other.int8:
            found.append("int8")
        mine, theirs = canonical(self.runtime), canonical(other.runtime)
        found += [f"runtime.{key}" for key in sorted({*mine, *theirs}) if mine.get(key) != theirs.get(key)]
        if self._places() != other._places():
            found.append("membership")
        return tuple(found)

    def _places(self) -> list[Any]:
        return sorted((canonical(m) for m in self.membership), key=_dump)


def canonical(value: Any) -> Any:
    """One form per meaning: numbers by value (1 is 1.0, -0.0 is 0), tagged so that no string can pass for one.

    A policy may admit documents 512 deep: loops, because a comprehension would take two frames a level.
    """
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, str):
        return f"text:{value}"
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, Mapping):
        members = {}
        for key, item in value.items():
            members[key] = canonical(item)
        return members
    items = []
    for item in value:
        items.append(canonical(item))  # noqa: PERF401
    return items


def _number(value: int | float) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"number:{value!r}"


def _dump(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
