"""SG205: external data resolves: not dangling, not outside the folder, not a link, offsets within the file."""

from __future__ import annotations

from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.report import Severity
from smokegate.judge.side import Side
from smokegate.registry.entry import Entry
from smokegate.registry.graph import ExternalTensor, Graph
from smokegate.registry.paths import parent, resolve
from smokegate.sources.links import first_link


def entry(side: Side, entry: Entry, law: Law) -> Problems:
    del law
    for model in (side.model_path(entry), side.twin_path(entry)):
        graph = side.graph(model)
        if model is None or not isinstance(graph, Graph):
            continue
        complaints: dict[tuple[str, str], ExternalTensor] = {}
        for tensor in graph.external:
            fault = _fault(side, model, tensor)
            if fault:
                complaints.setdefault((tensor.location, fault), tensor)
        for (location, fault), tensor in complaints.items():
            missing = fault == _MISSING and entry.text("release_url") is not None
            yield Problem(
                subject=entry.key,
                path=side.registry_path,
                pointer=entry.pointer("onnx"),
                message=f"tensor `{tensor.tensor}` of `{model}` keeps its bytes in `{location}`, which {fault}",
                fix=f"export {model} again with its weights beside it, or commit the data file it names",
                cause=(model, side.digest(model), location, fault, entry.text("release_url")),
                severity=Severity.WARN if missing else None,
            )


_MISSING = "does not exist"


def _fault(side: Side, model: str, tensor: ExternalTensor) -> str | None:
    resolved = resolve(side.folder, tensor.location, start=parent(model))
    if resolved.fault or resolved.path is None:
        return resolved.fault
    if link := first_link(side.tree, resolved.path):
        return f"goes through the symlink `{link}`"
    content = side.content(resolved.path)
    if content is None:
        return _MISSING
    if content.pointer_fault:
        return f"is a broken LFS pointer ({content.pointer_fault})"
    end = tensor.offset + (tensor.length or 0)
    if end > content.size or tensor.offset > content.size:
        return f"is too short: bytes {tensor.offset} to {end} are wanted of {content.size}"
    return None
