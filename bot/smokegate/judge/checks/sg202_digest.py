"""SG202: `sha256` is that of the bytes."""

from __future__ import annotations

from smokegate.judge.checks.models import mismatch
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.side import Side
from smokegate.registry.entry import Entry


def entry(side: Side, entry: Entry, law: Law) -> Problems:
    del law
    path, declared = side.model_path(entry), entry.sha256
    content = side.content(path)
    if path is None or content is None or content.pointer_fault:
        return
    if declared is None:
        message: str | None = f"no `sha256` says which bytes `{path}` is to have; it has {content.digest}"
    else:
        message = mismatch(side, path, "sha256", declared)
    if message:
        yield Problem(
            subject=entry.key,
            path=side.registry_path,
            pointer=entry.pointer("sha256"),
            message=message,
            fix=f'if these bytes are meant, set "sha256": "{content.digest}"',
            restores=path,
            cause=(path, declared, content.digest),
        )
