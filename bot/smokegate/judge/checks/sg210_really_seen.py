"""SG210: bytes that are or become production with a new identity were really seen by the judge."""

from __future__ import annotations

import re

from smokegate.judge.change import RegistryChange, Step
from smokegate.judge.dossier import is_restored
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.shell import pathspec

_PLAIN = re.compile(r"[A-Za-z0-9_./-]+", re.ASCII)


def change(change: RegistryChange, law: Law) -> Problems:
    for step in change.steps.values():
        if step.fresh_production and not (step.added and is_restored(change, step, law)):
            yield from _unseen(change, step)


def _unseen(change: RegistryChange, step: Step) -> Problems:
    head, entry = change.head, step.after
    if entry is None or (step.renamed and not step.flipped and not step.identity_changed):
        return
    external = [r.path for r in (head.external(entry) or {}).values()]
    for path in dict.fromkeys((head.model_path(entry), head.twin_path(entry), *external)):
        if path is None:
            continue
        content = head.content(path)
        if content is None or content.pointer_fault or content.seen:
            continue
        yield Problem(
            subject=step.key,
            path=path,
            line=1,
            message=f"`{path}` is an LFS pointer whose object {content.digest[:12]}… is not at hand, so nobody "
            "looked at the bytes that go to production",
            fix=f"{_fetch(path)}, and judge again",
            cause=(),
        )
    model = head.model_path(entry)
    if head.content(model) is None:
        yield Problem(
            subject=step.key,
            path=head.registry_path,
            pointer=entry.pointer("onnx"),
            message="goes to production, but its bytes are not in the tree for the judge to see",
            fix=f"git add {pathspec(model) if model else 'the model'}; it can move to a release later",
            restores=model,
            cause=(),
        )


def _fetch(path: str) -> str:
    """git-lfs reads `--include` as a list of patterns."""
    return f"git lfs fetch origin --include={path}" if _PLAIN.fullmatch(path) else "git lfs fetch --all origin"
