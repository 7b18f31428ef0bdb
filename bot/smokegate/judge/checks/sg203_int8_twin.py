"""SG203: `int8_sha256` is present where `quant_mode` asks for it, and is that of the twin."""

from __future__ import annotations

from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.report import Severity
from smokegate.judge.side import Side
from smokegate.registry.entry import Entry


def entry(side: Side, entry: Entry, law: Law) -> Problems:
    del law
    twin = side.twin_path(entry)
    if twin is None:
        return
    declared = entry.text("int8_sha256")
    content = side.content(twin)
    actual = content.digest if content and not content.pointer_fault else None
    severity: Severity | None = None
    if content is None:
        released = entry.text("release_url") is not None and declared is not None
        severity = Severity.WARN if released else None
        message = f"the int8 twin `{twin}` is not in the tree"
        fix = f"git add {twin}, or drop `quant_mode` and `int8_sha256` from `{entry.key}`"
    elif declared is None:
        message = f"`quant_mode` is {entry.text('quant_mode')} but there is no `int8_sha256` for `{twin}`"
        fix = f'add "int8_sha256": "{actual}"' if actual else f"add the `int8_sha256` of {twin}"
    elif actual is not None and declared != actual:
        message = f"`int8_sha256` is not that of `{twin}`, which has {actual}"
        fix = f'if the bytes are meant, set "int8_sha256": "{actual}"; if not: git checkout {{base}} -- {twin}'
    else:
        return
    yield Problem(
        subject=entry.key,
        path=side.registry_path,
        pointer=entry.pointer("int8_sha256"),
        message=message,
        fix=fix,
        cause=(twin, entry.text("quant_mode"), declared, actual, entry.text("release_url")),
        severity=severity,
    )
