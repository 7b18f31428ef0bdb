"""SG407: no field is lost."""

from __future__ import annotations

from smokegate.judge.change import RegistryChange
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems

_TOLD_ELSEWHERE = frozenset({"smoke"})
"""SG402 and SG403 speak of a `smoke` that goes."""


def change(change: RegistryChange, law: Law) -> Problems:
    del law
    for step in change.steps.values():
        if step.before is None or step.after is None:
            continue
        lost = sorted(step.before.raw.keys() - step.after.raw.keys() - _TOLD_ELSEWHERE)
        moved = {pin.location for pin in change.head.pins(step.after)} if "external_data" in lost else set()
        if moved:
            lost.remove("external_data")
        if lost:
            yield Problem(
                subject=step.key,
                path=change.head.registry_path,
                pointer=step.after.pointer(),
                message=f"loses {', '.join(f'`{field}`' for field in lost)}",
                fix=f"put {', '.join(lost)} back into `{step.key}`, unless losing it is meant",
                cause=(),
            )
