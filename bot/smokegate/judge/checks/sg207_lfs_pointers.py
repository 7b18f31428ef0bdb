"""SG207: no LFS pointer where bytes are meant; pointers are well-formed and have no extensions."""

from __future__ import annotations

from smokegate.judge.change import RegistryChange
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.shell import pathspec, word
from smokegate.judge.side import Side
from smokegate.registry.entry import Entry


def entry(side: Side, entry: Entry, law: Law) -> Problems:
    del law
    external = [r.path for r in (side.external(entry) or {}).values()]
    for path in dict.fromkeys((side.model_path(entry), side.twin_path(entry), *external)):
        content = side.content(path)
        if path and content and content.pointer_fault:
            what = f"is a broken git-lfs pointer: {content.pointer_fault}"
            fix = f"put the bytes themselves at {word(path)}, then: git add --renormalize -- {pathspec(path)}"
            yield _problem(entry, path, what, fix, (content.digest,))


def change(change: RegistryChange, law: Law) -> Problems:
    """Threat: a card that nobody can read is one that calls its model the default unheard."""
    del law
    head = change.head
    for step in change.steps.values():
        if step.after is None or not (step.fresh or "card" in step.files):
            continue
        for path in head.card_paths(step.after):
            content = head.content(path)
            if content and (content.pointer or content.pointer_fault):
                fix = (
                    f"take its line out of .gitattributes, put the prose itself at {word(path)}, then: "
                    f"git add --renormalize -- .gitattributes {pathspec(path)}"
                )
                yield _problem(step.after, path, "is a git-lfs pointer where prose is meant", fix, ())


def _problem(entry: Entry, path: str, what: str, fix: str, cause: tuple[str, ...]) -> Problem:
    return Problem(
        subject=entry.key,
        path=path,
        line=1,
        message=f"`{path}` {what}",
        fix=fix,
        restores=path,
        cause=(path, what, *cause),
    )
