"""SG307: an entry that supersedes another keeps its input/output contract."""

from __future__ import annotations

from collections.abc import Iterator

from smokegate.judge.change import RegistryChange
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.report import Severity
from smokegate.judge.side import Side
from smokegate.judge.supersession import in_sidecar
from smokegate.registry.entry import Entry
from smokegate.registry.graph import Graph, Port

Shape = tuple[int | str | None, ...] | None


def entry(side: Side, entry: Entry, law: Law) -> Problems:
    del law
    for name in _predecessors(side, entry):
        if name in side.entries:
            yield from _compared(side, entry, side, side.entries[name])


def change(change: RegistryChange, law: Law) -> Problems:
    """A predecessor that leaves in the change that brings its successor is remembered by base."""
    del law
    for step in change.steps.values():
        if step.after is None:
            continue
        for name in _predecessors(change.head, step.after):
            if name not in change.head.entries and name in change.base.entries:
                yield from _compared(change.head, step.after, change.base, change.base.entries[name])


def _predecessors(side: Side, entry: Entry) -> Iterator[str]:
    named = (entry.text("supersedes"), in_sidecar(side, entry, "supersedes"))
    yield from dict.fromkeys(name for name in named if name)


def _compared(side: Side, entry: Entry, old_side: Side, other: Entry) -> Problems:
    new, old = side.model_graph(entry), old_side.model_graph(other)
    digests = side.digest(side.model_path(entry)), old_side.digest(old_side.model_path(other))
    if not isinstance(new, Graph):
        return  # SG301 and SG210 say so
    if isinstance(old, Graph):
        if broken := departures(old, new):
            yield Problem(
                subject=entry.key,
                path=side.registry_path,
                pointer=entry.pointer("supersedes"),
                message=f"supersedes `{other.key}` but breaks its contract: {'; '.join(broken)}",
                fix=f"export it with the inputs and outputs of `{other.key}`, or do not call it its successor",
                cause=(other.key, *digests),
            )
    else:
        yield Problem(
            subject=entry.key,
            path=side.registry_path,
            pointer=entry.pointer("supersedes"),
            message=f"supersedes `{other.key}`, whose graph is not to be had, so nobody compared inputs and outputs",
            fix=f"git lfs fetch --all origin where its file is a pointer, else put the model of `{other.key}` back",
            cause=(other.key, *digests),
            severity=Severity.WARN,
        )


def departures(old: Graph, new: Graph) -> list[str]:
    """How a graph departs from what callers of another one rely on."""
    return [*_broken_inputs(old.inputs, new.inputs), *_broken_outputs(old.outputs, new.outputs)]


def _broken_inputs(old: tuple[Port, ...], new: tuple[Port, ...]) -> list[str]:
    fresh = {port.name for port in new} - {port.name for port in old}
    return [*_broken("input", old, new), *(f"wants a further input `{p.name}`" for p in new if p.name in fresh)]


def _broken_outputs(old: tuple[Port, ...], new: tuple[Port, ...]) -> list[str]:
    """A further output hurts nobody."""
    return list(_broken("output", old, new))


def _broken(what: str, old: tuple[Port, ...], new: tuple[Port, ...]) -> Iterator[str]:
    ports = {port.name: port for port in new}
    for port in old:
        mine = ports.get(port.name)
        if mine is None:
            yield f"{what} `{port.name}` is gone"
        elif mine.dtype != port.dtype:
            yield f"{what} `{port.name}` is {mine.dtype}, was {port.dtype}"
        elif not _admits(mine.shape, port.shape):
            yield f"{what} `{port.name}` has shape {_spell(mine.shape)}, was {_spell(port.shape)}"


def _admits(new: Shape, old: Shape) -> bool:
    """Whether what went through before still does: a size may become free, a free dimension may not become a size."""
    if new is None or old is None:
        return new is None
    if len(new) != len(old):
        return False
    return all(not isinstance(mine, int) or mine == theirs for mine, theirs in zip(new, old, strict=True))


def _spell(shape: Shape) -> str:
    return "?" if shape is None else "[" + ", ".join("?" if d is None else str(d) for d in shape) + "]"
