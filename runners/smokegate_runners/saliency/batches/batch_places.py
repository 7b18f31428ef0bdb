"""A manifest's text: its value, and the line on which each part of it stands."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smokegate.errors import DocumentError
from smokegate.registry.spans import Spans
from smokegate.registry.strict_json import JsonFault, parse

MAX_BYTES = 1 << 22
_MAX_DEPTH = 16

Step = str | int


@dataclass(frozen=True)
class Places:
    lines: dict[tuple[Step, ...], int]

    def line(self, steps: tuple[Step, ...]) -> int:
        """Of what is not there: where it should be."""
        while steps and steps not in self.lines:
            steps = steps[:-1]
        return self.lines.get(steps, 1)


def places(path: Path) -> tuple[Any, Places]:
    """JSON by its strict rules where the name says JSON, else YAML 1.2."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise DocumentError(f"{path}: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise DocumentError(f"{path}: a manifest has {MAX_BYTES:,} bytes at most")
    return _json(data, path) if path.suffix.lower() == ".json" else _yaml(data, path)


def _json(data: bytes, path: Path) -> tuple[Any, Places]:
    try:
        value = parse(data, max_bytes=MAX_BYTES, max_depth=_MAX_DEPTH)
    except JsonFault as fault:
        raise DocumentError(f"{path}: {fault}") from None
    text = data.decode()
    spans = Spans(text)
    breaks = [at for at, char in enumerate(text) if char == "\n"]
    lines: dict[tuple[Step, ...], int] = {}
    pending: list[tuple[Step, ...]] = [()]
    while pending:
        steps = pending.pop()
        for child in spans.children(steps):
            lines[(*steps, child.step)] = bisect_right(breaks, child.start) + 1
            pending.append((*steps, child.step))
    return value, Places(lines)


def _yaml(data: bytes, path: Path) -> tuple[Any, Places]:
    from ruamel.yaml import YAML  # noqa: PLC0415
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415

    try:
        text = data.decode()
        return YAML(typ="safe", pure=True).load(text), Places(_marks(YAML(typ="safe", pure=True).compose(text)))
    except (YAMLError, ValueError, OverflowError, RecursionError) as error:
        said = " ".join("".join(char if char.isprintable() else " " for char in str(error)).split())
        raise DocumentError(f"{path} is not YAML: {said[:300]}") from None


def _marks(root: Any) -> dict[tuple[Step, ...], int]:
    """Of a manifest's own depth: aliases could nest without end."""
    lines: dict[tuple[Step, ...], int] = {}
    pending: list[tuple[tuple[Step, ...], Any]] = [((), root)] if root is not None else []
    while pending:
        steps, node = pending.pop()
        lines.setdefault(steps, node.start_mark.line + 1)
        if len(steps) >= 3:
            continue
        if type(node).__name__ == "MappingNode":
            for key, item in node.value:
                lines.setdefault((*steps, str(key.value)), key.start_mark.line + 1)
                pending.append(((*steps, str(key.value)), item))
        elif type(node).__name__ == "SequenceNode":
            pending += [((*steps, at), item) for at, item in enumerate(node.value)]
    return lines
