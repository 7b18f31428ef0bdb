"""SG411: evidence and signature behind a production entry are never edited, moved or deleted."""

from __future__ import annotations

from smokegate.judge.change import RegistryChange
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.side import Side

SIGNATURE_SUFFIXES = (".sigstore.json", ".dsse.json")


def change(change: RegistryChange, law: Law) -> Problems:
    del law
    for path in sorted(change.governed_changes):
        if change.base.key(path) is None:
            continue
        document = signed_document(path)
        if not change.base.is_evidence(document) or not _stands_behind(change.base, document):
            continue
        fate = "deleted or moved" if change.head.key(path) is None else "edited"
        yield Problem(
            subject=path,
            path=path,
            line=None if change.head.key(path) is None else 1,
            message=f"`{path}` is what a production entry rests on, and is {fate}",
            fix=f"git checkout {{base}} -- {path}; new evidence goes into a file of its own",
            cause=(),
        )


def signed_document(path: str) -> str:
    """The evidence that a signature lies beside; the path itself where it is no signature."""
    for suffix in SIGNATURE_SUFFIXES:
        if path.endswith(suffix):
            trunk = path.removesuffix(suffix)
            return trunk if trunk.endswith(".json") else f"{trunk}.json"
    return path


def _stands_behind(base: Side, path: str) -> bool:
    """Named by a production entry, or naming one; a PROMOTE that names no bytes (version 1) is kept as a record."""
    production = {e.id for e in base.entries.values() if e.production}
    named = {base.resolve(e.text("evidence") or "").path for e in base.entries.values() if e.production}
    if path in named:
        return True
    document = base.value(path)
    if not isinstance(document, dict) or document.get("verdict") != "PROMOTE":
        return False
    subjects = document.get("subjects")
    if not isinstance(subjects, list):
        return True
    return any(isinstance(s, dict) and s.get("id") in production for s in subjects)
