"""SG307: an entry that supersedes another keeps its input/output contract."""

from __future__ import annotations

from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.side import Side
from smokegate.judge.supersession import supersedes
from smokegate.registry.entry import Entry
from smokegate.registry.graph import Graph, Port


def entry(side: Side, entry: Entry, law: Law) -> Problems:
    del law
    named = supersedes(side, entry)
    other = side.entries.get(named) if named else None
    if other is None:
        return
    new, old = side.graph(side.model_path(entry)), side.graph(side.model_path(other))
    if not isinstance(new, Graph) or not isinstance(old, Graph):
        return
    broken = [*_differences("input", old.inputs, new.inputs), *_differences("output", old.outputs, new.outputs)]
    if broken:
        yield Problem(
            subject=entry.key,
            path=side.registry_path,
            pointer=entry.pointer("supersedes"),
            message=f"supersedes `{other.key}` but breaks its contract: {'; '.join(broken)}",
            fix=f"export it with the inputs and outputs of `{other.key}`, or do not call it its successor",
            cause=(other.key, side.digest(side.model_path(entry)), side.digest(side.model_path(other))),
        )


def _differences(what: str, old: tuple[Port, ...], new: tuple[Port, ...]) -> list[str]:
    found = []
    ports = {port.name: port for port in new}
    for port in old:
        mine = ports.pop(port.name, None)
        if mine is None:
            found.append(f"{what} `{port.name}` is gone")
        elif mine.dtype != port.dtype:
            found.append(f"{what} `{port.name}` is {mine.dtype}, was {port.dtype}")
        elif not _admits(mine.shape, port.shape):
            found.append(f"{what} `{port.name}` has shape {_spell(mine)}, was {_spell(port)}")
    if what == "input":
        found += [f"wants a further input `{name}`" for name in ports]
    return found


def _admits(new: tuple[int | str | None, ...] | None, old: tuple[int | str | None, ...] | None) -> bool:
    """Whether what was fed before still fits: a size may become free, a free dimension may not become a size."""
    if new is None or old is None:
        return True
    if len(new) != len(old):
        return False
    return all(not isinstance(mine, int) or mine == theirs for mine, theirs in zip(new, old, strict=True))


def _spell(port: Port) -> str:
    return "?" if port.shape is None else "[" + ", ".join("?" if d is None else str(d) for d in port.shape) + "]"
