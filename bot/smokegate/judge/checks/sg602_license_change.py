"""SG602: the licence does not change under unchanged bytes."""

from __future__ import annotations

from smokegate.judge.change import RegistryChange
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems


def change(change: RegistryChange, law: Law) -> Problems:
    del law
    for step in change.steps.values():
        if step.before is None or step.after is None or "bytes" in step.files:
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
