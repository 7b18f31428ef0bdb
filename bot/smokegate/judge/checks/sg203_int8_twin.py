"""SG203: `int8_sha256` is present where `quant_mode` asks for it, and is that of the twin."""

from __future__ import annotations

from smokegate.judge.checks.models import mismatch
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.report import Severity
from smokegate.judge.shell import pathspec
from smokegate.judge.side import Side
from smokegate.registry.entry import Entry

_FIELD = "int8_sha256"


def entry(side: Side, entry: Entry, law: Law) -> Problems:
    del law
    twin = side.twin_path(entry)
    if twin is None:
        return
    declared, digest = entry.text(_FIELD), side.digest(twin)
    severity: Severity | None = None
    if digest is None:
        message = f"the int8 twin `{twin}` is not in the tree"
        fix = f"git add -- {pathspec(twin)}, or drop `quant_mode` and `{_FIELD}` from `{entry.key}`"
        if declared is not None and entry.text("release_url") is not None:
            severity = Severity.WARN
    else:
        said = _said(side, entry, twin, declared)
        if said is None:
            return
        message, fix = said, f'if these bytes are meant, set "{_FIELD}": "{digest}"'
    yield Problem(
        subject=entry.key,
        path=side.registry_path,
        pointer=entry.pointer(_FIELD),
        message=message,
        fix=fix,
        restores=twin,
        cause=(twin, entry.text("quant_mode"), declared, digest, entry.text("release_url")),
        severity=severity,
    )


def _said(side: Side, entry: Entry, twin: str, declared: str | None) -> str | None:
    content = side.content(twin)
    if content is None or content.pointer_fault:
        return None  # SG207 says so
    if declared is None:
        why = f"`quant_mode` is {entry.text('quant_mode')}" if entry.quantised else "the entry claims an int8 twin"
        return f"{why}, but no `{_FIELD}` says which bytes `{twin}` is to have; it has {content.digest}"
    return mismatch(side, twin, _FIELD, declared)
