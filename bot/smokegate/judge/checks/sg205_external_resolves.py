"""SG205: external data resolves: not dangling, not outside the folder, not a link, offsets within the file."""

from __future__ import annotations

from smokegate.judge.checks.models import models
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.report import Severity
from smokegate.judge.shell import pathspec
from smokegate.judge.side import Side
from smokegate.registry.entry import Entry
from smokegate.registry.graph import ExternalTensor, Graph
from smokegate.registry.paths import Resolved, parent, resolve
from smokegate.sources.links import blocked_by, first_link
from smokegate.sources.tree import Kind

_MISSING = "does not exist"


def entry(side: Side, entry: Entry, law: Law) -> Problems:
    del law
    for model, field in models(side, entry):
        graph = side.graph(model)
        if not isinstance(graph, Graph):
            continue
        complaints: dict[tuple[str, str], ExternalTensor] = {}
        for tensor in graph.external:
            fault = _fault(side, resolve(side.folder, tensor.location, start=parent(model)), tensor)
            if fault:
                complaints.setdefault((tensor.location, fault), tensor)
        for (location, fault), tensor in complaints.items():
            path = resolve(side.folder, location, start=parent(model)).path
            released = fault == _MISSING and entry.text("release_url") is not None
            yield Problem(
                subject=entry.key,
                path=side.registry_path,
                pointer=entry.pointer(field),
                message=f"tensor `{tensor.tensor}` of `{model}` keeps its bytes in `{location}`, which {fault}",
                fix=f"git add -- {pathspec(path)}" if path and fault == _MISSING else _export_again(model),
                restores=path,
                cause=(model, side.digest(model), location, fault, entry.text("release_url")),
                severity=Severity.WARN if released else None,
            )


def _export_again(model: str) -> str:
    return f"export {model} again, with its weights in a file beside it that has a plain name"


def _fault(side: Side, resolved: Resolved, tensor: ExternalTensor) -> str | None:
    if resolved.fault or resolved.path is None:
        return resolved.fault
    if link := first_link(side.tree, resolved.path):
        return f"goes through the symlink `{link}`"
    content = side.content(resolved.path)
    if content is None:
        return _absent(side, resolved.path)
    if content.pointer_fault:
        return f"is a broken LFS pointer ({content.pointer_fault})"
    end = tensor.offset + (tensor.length or 0)
    if end > content.size:
        return f"is too short: bytes {tensor.offset} to {end} are wanted of {content.size}"
    return None


def _absent(side: Side, path: str) -> str:
    node = side.tree.node(path)
    if node is not None:
        return f"is a {node.kind.value}, not a file"
    if module := blocked_by(side.tree, path, Kind.SUBMODULE):
        return f"lies in the submodule `{module}`, whose content this repository does not hold"
    return "is a folder, not a file" if any(p.startswith(f"{path}/") for p in side.files) else _MISSING
