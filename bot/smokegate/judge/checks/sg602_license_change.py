"""SG602: the licence does not change under unchanged bytes."""

from __future__ import annotations

from smokegate.judge.change import RegistryChange
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.registry.entry import Entry


def change(change: RegistryChange, law: Law) -> Problems:
    del law
    for step in change.steps.values():
        if step.before is None or step.after is None or not _same_bytes(change, step.before, step.after):
            continue
        old, new = step.before.text("license"), step.after.text("license")
        if old is not None and new is not None and old != new:
            yield Problem(
                subject=step.key,
                path=change.head.registry_path,
                pointer=step.after.pointer("license"),
                message=f"the licence changes from {old} to {new} while the bytes stay the same",
                fix="say in the pull request who granted the new licence, or put the old one back",
                cause=(),
            )


def _same_bytes(change: RegistryChange, before: Entry, after: Entry) -> bool:
    """Wherever the file lies, and however git stores it."""
    was = change.base.digest(change.base.model_path(before)) or before.sha256
    return was == (change.head.digest(change.head.model_path(after)) or after.sha256)
