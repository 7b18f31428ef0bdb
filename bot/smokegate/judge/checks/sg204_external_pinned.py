"""SG204: weights kept outside the `.onnx` are pinned by digest."""

from __future__ import annotations

import json
from collections.abc import Iterator

from smokegate.judge.checks.models import models
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.report import Severity
from smokegate.judge.side import Pin, Side
from smokegate.registry.entry import Entry
from smokegate.registry.graph import Graph
from smokegate.registry.paths import parent, resolve, within
from smokegate.sources.tree import Content


def entry(side: Side, entry: Entry, law: Law) -> Problems:
    del law
    pinned = dict(_pinned(side, entry))
    for model, location, path in _referred(side, entry):
        content = side.content(path)
        if path not in pinned and content is not None and not content.pointer_fault:
            yield Problem(
                subject=entry.key,
                path=side.registry_path,
                pointer=entry.pointer("external_data"),
                message=f"`{model}` keeps weights in `{location}`, which nothing pins by digest",
                fix=f"add to `external_data` of the entry, or of its sidecar: {_row(side, path, content)}",
                cause=(location, content.digest, side.digest(model)),
            )
    for path, pins in pinned.items():
        content = side.content(path)
        if content is not None and not content.pointer_fault:
            yield from (_wrong(side, entry, path, pin, content) for pin in pins if not _fits(pin, content))


def _pinned(side: Side, entry: Entry) -> Iterator[tuple[str, list[Pin]]]:
    """Every pin there is of a file: one that is right excuses no other."""
    found: dict[str, list[Pin]] = {}
    for pin in side.pins(entry):
        resolved = side.resolve(pin.location)
        if resolved.path is not None and resolved.fault is None:
            found.setdefault(resolved.path, []).append(pin)
    yield from found.items()


def _referred(side: Side, entry: Entry) -> Iterator[tuple[str, str, str]]:
    """Model, location as the graph spells it, and the path that this comes to."""
    seen = set()
    for model, _ in models(side, entry):
        graph = side.graph(model)
        for tensor in graph.external if isinstance(graph, Graph) else ():
            path = resolve(side.folder, tensor.location, start=parent(model)).path
            if path is not None and path not in seen:
                seen.add(path)
                yield model, tensor.location, path


def _fits(pin: Pin, content: Content) -> bool:
    return pin.sha256 == content.digest and pin.size in (None, content.size)


def _wrong(side: Side, entry: Entry, path: str, pin: Pin, content: Content) -> Problem:
    return Problem(
        subject=entry.key,
        path=pin.path,
        pointer=pin.pointer,
        message=f"the pin of `{path}` is not that of its bytes: they have sha256 {content.digest} and size "
        f"{content.size}",
        fix=f"if these bytes are meant, pin {_row(side, path, content)}",
        restores=path,
        cause=(path, pin.sha256, pin.size, content.digest, content.size),
        severity=Severity.BLOCK,
    )


def _row(side: Side, path: str, content: Content) -> str:
    """Pins are named from the registry's folder, wherever the model lies."""
    return json.dumps({"path": within(side.folder, path), "sha256": content.digest, "size": content.size})
