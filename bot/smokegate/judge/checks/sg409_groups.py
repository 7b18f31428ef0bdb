"""SG409: a group flips as one, and its membership does not change in the change that flips."""

from __future__ import annotations

from smokegate.judge.change import RegistryChange
from smokegate.judge.groups import Group, groups
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems


def change(change: RegistryChange, law: Law) -> Problems:
    rising = {key for key, step in change.steps.items() if _rises(change, key)}
    if not rising:
        return
    for group in groups(change, law.policy):
        going = sorted(rising & group.members)
        if going:
            yield from _left_behind(change, group, going)
            yield from _reshaped(change, group, going)


def _rises(change: RegistryChange, key: str) -> bool:
    step = change.steps[key]
    was_production = step.before is not None and step.before.production
    return step.after is not None and step.after.production and not was_production


def _left_behind(change: RegistryChange, group: Group, going: list[str]) -> Problems:
    entries = change.head.entries
    behind = sorted(m for m in group.members if m not in entries or not entries[m].production)
    if behind:
        yield Problem(
            subject=going[0],
            path=change.head.registry_path,
            pointer=entries[going[0]].pointer("smoke"),
            message=f"the group `{group.name}` flips as one: {_names(going)} would go to production while "
            f"{_names(behind)} would not",
            fix=f"flip all {len(group.members)} members together, or none",
            cause=(),
            concerns=tuple(going),
        )


def _reshaped(change: RegistryChange, group: Group, going: list[str]) -> Problems:
    if not group.at_base or group.at_base == group.at_head:
        return
    left, joined = sorted(group.at_base - group.at_head), sorted(group.at_head - group.at_base)
    moves = [f"{_names(left)} left"] if left else []
    moves += [f"{_names(joined)} joined"] if joined else []
    yield Problem(
        subject=going[0],
        path=change.head.registry_path,
        pointer=change.head.entries[going[0]].pointer("smoke"),
        message=f"the membership of the group `{group.name}` changes in the change that flips it: "
        + " and ".join(moves),
        fix="change the membership in one pull request and flip in the next",
        cause=(),
        concerns=tuple(going),
    )


def _names(ids: list[str]) -> str:
    shown = ", ".join(f"`{i}`" for i in ids[:6])
    return shown + (f" and {len(ids) - 6} more" if len(ids) > 6 else "")
