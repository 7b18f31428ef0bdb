"""SG406: a demotion says why."""

from __future__ import annotations

from smokegate.judge.change import RegistryChange
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems


def change(change: RegistryChange, law: Law) -> Problems:
    del law
    for step in change.steps.values():
        if not step.demoted or step.after is None:
            continue
        told = {"notes", "description"} & set(step.fields) or {"card"} & set(step.files)
        if not told:
            yield Problem(
                subject=step.key,
                path=change.head.registry_path,
                pointer=step.after.pointer("smoke"),
                message="leaves production, and neither its notes nor its card say why",
                fix=f"say in `notes` of `{step.key}` what went wrong with it",
                cause=(),
            )
