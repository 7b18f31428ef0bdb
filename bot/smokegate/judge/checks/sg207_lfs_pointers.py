"""SG207: no LFS pointer where bytes are meant; pointers are well-formed and have no extensions."""

from __future__ import annotations

from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.side import Side
from smokegate.registry.entry import Entry


def entry(side: Side, entry: Entry, law: Law) -> Problems:
    del law
    external = [r.path for r in (side.external(entry) or {}).values()]
    for path in (side.model_path(entry), side.twin_path(entry), *external):
        content = side.content(path)
        if path and content and content.pointer_fault:
            yield _problem(entry, path, f"is a broken git-lfs pointer: {content.pointer_fault}", content.digest)
    for path in side.card_paths(entry):
        content = side.content(path)
        if content and (content.pointer or content.pointer_fault):
            yield _problem(entry, path, "is a git-lfs pointer where prose is meant", content.digest)


def _problem(entry: Entry, path: str, what: str, digest: str) -> Problem:
    return Problem(
        subject=entry.key,
        path=path,
        line=1,
        message=f"`{path}` {what}",
        fix=f"git lfs checkout {path} && git add --renormalize {path}",
        cause=(path, what, digest),
    )
