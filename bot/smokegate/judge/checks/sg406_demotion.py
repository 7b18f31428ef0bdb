"""SG406: a demotion says why."""

from __future__ import annotations

from smokegate.judge.change import RegistryChange
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.supersession import prose


def change(change: RegistryChange, law: Law) -> Problems:
    del law
    for step in change.steps.values():
        before, after = step.before, step.after
        if not step.demoted or before is None or after is None:
            continue
        known = set(prose(change.base, before))
        if not any(text.strip() and text not in known for text in prose(change.head, after)):
            yield Problem(
                subject=step.key,
                path=change.head.registry_path,
                pointer=after.pointer("smoke"),
                message="leaves production, and neither its notes nor its card say why",
                fix=f"say in `notes` of `{step.key}` what went wrong with it",
                cause=(),
            )
