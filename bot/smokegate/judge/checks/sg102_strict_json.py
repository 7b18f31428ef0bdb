"""SG102: strict JSON: no duplicate keys, NaN or trailing text; bounded size and depth."""

from __future__ import annotations

from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.side import MIB, Side
from smokegate.registry.document import DocumentFault
from smokegate.registry.entry import Entry

# What a manifest has to say, spelled out or by an escape: a reader more lenient than we would find it.
_BINDS = (b"members", b"\\u00")


def side(side: Side, law: Law) -> Problems:
    """The registry and the documents that bind it; `loose_documents` is where manifests are looked for."""
    for path in (side.registry_path, side.retired_path):
        yield from _faults(side, path, ())
    for path in sorted(side.loose_documents):
        if isinstance(side.document(path), DocumentFault) and _may_bind(side, path, law):
            yield from _faults(side, path, ())


def entry(side: Side, entry: Entry, law: Law) -> Problems:
    del law
    for path in dict.fromkeys((side.sidecar_path(entry), side.twin_sidecar_path(entry))):
        if path is not None:
            yield from _faults(side, path, (entry.key,))


def _may_bind(side: Side, path: str, law: Law) -> bool:
    """Evidence, what might be a manifest, and what cannot be read far enough to tell; not any JSON with comments."""
    if side.is_evidence(path) or not side.is_file(path):
        return True
    limit = law.policy.limits.document_mib * MIB
    data = side.tree.read(side.real(path), limit)
    return len(data) > limit or data.startswith(b"version ") or any(word in data for word in _BINDS)


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
            restores=path,
            cause=(document.message, side.key(path)),
            concerns=concerns,
        )
