"""SG104: the schema does not change in the same change as entries."""

from __future__ import annotations

from typing import Any

from smokegate.judge.change import RegistryChange
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.registry.document import DocumentFault, JsonDocument
from smokegate.registry.identity import canonical


def change(change: RegistryChange, law: Law) -> Problems:
    if law.schema_path not in change.changed_paths or not change.steps or change.base.registry is None:
        return  # a new registry may bring its schema: nothing stood on base that it could differ from
    before, after = (side.document(law.schema_path) for side in (change.base, change.head))
    if _meaning(before) is not None and _meaning(before) == _meaning(after):
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


def _meaning(document: JsonDocument | DocumentFault | None) -> Any:
    return canonical(document.value) if isinstance(document, JsonDocument) else None
