"""SG201: every file named exists; a file that moved to a release is missing without harm while its identity stands."""

from __future__ import annotations

from collections.abc import Iterator

from smokegate.judge.checks.models import pinned_places
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.report import Severity
from smokegate.judge.shell import pathspec
from smokegate.judge.side import Side
from smokegate.registry.document import Pointer
from smokegate.registry.entry import Entry
from smokegate.sources.links import blocked_by
from smokegate.sources.tree import Kind


def entry(side: Side, entry: Entry, law: Law) -> Problems:
    del law
    for pointer, named in _named(entry):
        path = side.resolve(named).path
        if path is None or side.is_file(path):
            continue
        released = pointer != ("evidence",) and entry.text("release_url") is not None
        yield Problem(
            subject=entry.key,
            path=side.registry_path,
            pointer=entry.pointer(*pointer),
            message=_message(side, path, released),
            fix=f"git add -- {pathspec(path)}, or mend `{pointer[0]}` of `{entry.key}`",
            restores=path,
            cause=(pointer, path, entry.text("release_url"), side.key(path)),
            severity=Severity.WARN if released else None,
        )


def _named(entry: Entry) -> Iterator[tuple[Pointer, str]]:
    for field in ("onnx", "evidence", "sigstore_bundle"):
        if named := entry.text(field):
            yield (field,), named
    for index, place in pinned_places(entry):
        yield ("external_data", index, "path"), place


def _message(side: Side, path: str, released: bool) -> str:
    node = side.tree.node(path)
    if node is not None:
        return f"`{path}` is a {node.kind.value}, not a file"
    if (module := blocked_by(side.tree, path, Kind.SUBMODULE)) is not None:
        return f"`{path}` lies in the submodule `{module}`, whose content this repository does not hold"
    if any(p.startswith(f"{path}/") for p in side.files):
        return f"`{path}` is a folder, not a file"
    if released:
        return f"`{path}` is not in the tree (it is declared to be at release_url)"
    return f"`{path}` does not exist"
