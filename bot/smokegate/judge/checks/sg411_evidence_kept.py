"""SG411: evidence and signature behind a production entry are never edited, moved or deleted."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from smokegate.judge.change import RegistryChange
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.shell import pathspec
from smokegate.judge.side import Side

SIGNATURE_SUFFIXES = (".sigstore.json", ".dsse.json")


def change(change: RegistryChange, law: Law) -> Problems:
    del law
    kept = _Kept(change.base)
    for path in sorted(change.governed_changes):
        was, now = change.base.tree.node(path), change.head.tree.node(path)
        if was is None or (now is not None and (was.kind, was.key) == (now.kind, now.key)):
            continue  # new, or only its mode differs
        if not kept.holds(path):
            continue
        yield Problem(
            subject=path,
            path=path,
            line=1 if now else None,
            message=f"`{path}` is what a production entry rests on, and is {'edited' if now else 'deleted or moved'}",
            fix=f"git checkout {{base}} -- {pathspec(path)}; new evidence goes into a file of its own",
            cause=(),
        )


def signed_document(path: str) -> str | None:
    """The evidence that a signature lies beside; None for what is no signature."""
    for suffix in SIGNATURE_SUFFIXES:
        if path.endswith(suffix):
            trunk = path.removesuffix(suffix)
            return trunk if trunk.endswith(".json") else f"{trunk}.json"
    return None


class _Kept:
    """Evidence on base that production rests on."""

    def __init__(self, base: Side) -> None:
        self._base = base
        self._production = [e for e in base.entries.values() if e.production]

    def holds(self, path: str) -> bool:
        signed = signed_document(path)
        return self._stands_behind(path) or (signed is not None and self._stands_behind(signed))

    def _stands_behind(self, path: str) -> bool:
        """Named by a production entry, or naming one; a PROMOTE that names no bytes (version 1) is kept as a record."""
        if path in self._named:
            return True
        document = self._base.value(path) if self._base.is_evidence(path) else None
        if not isinstance(document, dict) or document.get("verdict") != "PROMOTE":
            return False
        subjects = document.get("subjects")
        if not isinstance(subjects, list):
            return True
        return any(isinstance(s, dict) and self._is_in_production(s) for s in subjects)

    def _is_in_production(self, subject: dict[str, Any]) -> bool:
        """By its bytes too: a model that was carried on under a new id still rests on what names the old one."""
        named = [subject.get("id"), subject.get("sha256")]
        return any(isinstance(name, str) and name in self._names for name in named)

    @cached_property
    def _names(self) -> set[str]:
        return {name for e in self._production for name in (e.id, e.sha256) if name}

    @cached_property
    def _named(self) -> set[str | None]:
        return {self._base.resolve(named).path for e in self._production if (named := e.text("evidence"))}
