"""SG202: `sha256` is that of the bytes."""

from __future__ import annotations

from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.side import Side
from smokegate.registry.entry import Entry


def entry(side: Side, entry: Entry, law: Law) -> Problems:
    del law
    path = side.model_path(entry)
    content = side.content(path)
    declared = entry.sha256
    if content is None or declared is None or content.pointer_fault or content.digest == declared:
        return
    what = f"the LFS pointer `{path}` names the object" if content.pointer else f"`{path}` has the sha256"
    yield Problem(
        subject=entry.key,
        path=side.registry_path,
        pointer=entry.pointer("sha256"),
        message=f"the registry says {_short(declared)}, but {what} {content.digest}",
        fix=(
            f'if the bytes are meant, set "sha256": "{content.digest}"; '
            f"if they are not: git checkout {{base}} -- {path}"
        ),
        cause=(path, declared, content.digest),
    )


def _short(digest: str) -> str:
    return f"{digest[:12]}…" if len(digest) > 12 else repr(digest)
