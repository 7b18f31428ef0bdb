"""SG104: the schema does not change in the same change as entries."""

from __future__ import annotations

from smokegate.judge.change import RegistryChange
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems


def change(change: RegistryChange, law: Law) -> Problems:
    if law.schema_path not in change.changed_paths or not change.steps:
        return
    if change.base.value(law.schema_path) == change.head.value(law.schema_path):
        return
    names = sorted(change.steps)
    some = ", ".join(f"`{n}`" for n in names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    yield Problem(
        subject=law.schema_path,
        path=law.schema_path,
        line=1,
        message=f"the schema changes together with {some}: base's schema judged them, the new one did not",
        fix="put the change of schema into a pull request of its own, and the entries into the next",
        cause=(),
    )
