"""SG102: strict JSON: no duplicate keys, NaN or trailing text; bounded size and depth."""

from __future__ import annotations

from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.side import Side
from smokegate.registry.document import DocumentFault
from smokegate.registry.entry import Entry


def side(side: Side, law: Law) -> Problems:
    """The registry and the documents that bind it; `loose_documents` is where manifests are looked for."""
    del law
    for path in (side.registry_path, side.retired_path, *sorted(side.loose_documents)):
        yield from _faults(side, path, ())


def entry(side: Side, entry: Entry, law: Law) -> Problems:
    del law
    for path in dict.fromkeys((side.sidecar_path(entry), side.twin_sidecar_path(entry))):
        if path is not None:
            yield from _faults(side, path, (entry.key,))


def _faults(side: Side, path: str, concerns: tuple[str, ...]) -> Problems:
    document = side.document(path)
    if isinstance(document, DocumentFault):
        yield Problem(
            subject=path,
            path=path,
            line=document.line,
            column=document.column,
            message=f"cannot be read: {document.message}",
            fix=f"mend {path} there; until then nothing that depends on it can be judged",
            cause=(document.message, side.key(path)),
            concerns=concerns,
        )
