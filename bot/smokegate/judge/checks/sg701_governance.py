"""SG701: a looser policy or schema, or another governing workflow, comes alone and is approved by an owner."""

from __future__ import annotations

from collections.abc import Iterator

from smokegate.errors import PolicyError
from smokegate.globs import matches_any
from smokegate.judge.change import RegistryChange
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.side import Side
from smokegate.policy import Policy
from smokegate.policy_file import default_policy, locate, parse, places
from smokegate.registry.document import DocumentFault
from smokegate.registry.identity import canonical
from smokegate.strictness import loosenings

_LONGEST_WORKFLOW = 1 << 20
_LONGEST_POLICY = 1 << 20
_WORD = b"smokegate"

Said = Iterator[tuple[str, str]]
"""A path, and what is wrong with how it changes."""


def change(change: RegistryChange, law: Law) -> Problems:
    said = [*_policy(change, law), *_schema(change, law), *_workflows(change, law)]
    alone = not change.steps and not (change.governed_changes - {path for path, _ in said})
    for path, message in said:
        together = "" if alone else "; and it comes together with other changes to the registry"
        split = "" if alone else "put it into a pull request of its own; "
        owners = ", ".join(f"@{o}" for o in law.policy.owners) or "an owner named in base's policy"
        yield Problem(
            subject=path,
            path=path,
            line=None if change.head.tree.node(path) is None else 1,
            message=message + together,
            fix=f"{split}have {owners} approve it, who neither wrote nor asked for it",
            cause=(),
        )


# -- policy ----------------------------------------------------------------------------------------------------------


def _policy(change: RegistryChange, law: Law) -> Said:
    registry = change.head.registry_path
    changed = change.changed_paths.intersection(places(registry))
    if not changed:
        return
    try:
        path = locate(registry, lambda p: change.head.tree.node(p) is not None)
    except PolicyError as error:
        yield max(p for p in changed), f"nothing could be judged from then on: {error.message}"
        return
    if path is None:
        yield law.policy_path or min(changed), "the policy is deleted, and the default would judge from then on"
    else:
        yield from _compared(change, law, path)


def _compared(change: RegistryChange, law: Law, path: str) -> Said:
    if not change.head.is_file(path) or change.head.real(path) != path:
        yield path, "the policy would not be a plain file"
        return
    try:
        head = parse(change.head.tree.read(path, _LONGEST_POLICY), path).policy
    except PolicyError as error:
        yield path, f"the new policy cannot be read, and would judge nothing: {error.message}"
        return
    if _nothing_governed_yet(change, law):
        return
    try:
        base = _replaced(change, law)
    except PolicyError as error:
        yield path, f"base's policy cannot be read, so nothing proves the new one stricter: {error.message}"
        return
    for found in loosenings(base, head, defaults=law.default_levels, registries_known=law.registries):
        yield path, f"the policy is not provably stricter: {found.why}"


def _nothing_governed_yet(change: RegistryChange, law: Law) -> bool:
    """The very first registry of a repo may come with its policy: there is no law yet that it could weaken."""
    tree = change.base.tree
    there = (*law.registries, *places(change.base.registry_path))
    return all(tree.node(path) is None for path in there)


def _replaced(change: RegistryChange, law: Law) -> Policy:
    """What the new policy takes the place of: base's own, even where an operator judges by another."""
    if not law.policy_overridden:
        return law.policy
    tree = change.base.tree
    path = locate(change.base.registry_path, lambda p: tree.node(p) is not None)
    if path is None:
        return default_policy().policy
    if not change.base.is_file(path) or change.base.real(path) != path:
        raise PolicyError(f"{path} is not a plain file")
    return parse(tree.read(path, _LONGEST_POLICY), path).policy


# -- schema ----------------------------------------------------------------------------------------------------------


def _schema(change: RegistryChange, law: Law) -> Said:
    path = law.schema_path
    if change.base.registry is None or not change.changed_paths.intersection(_trails(change, path)):
        return  # a new registry may bring its schema; its first entries were held to the built-in one
    if all(side.tree.node(path) is None for side in (change.base, change.head)):
        return  # it is on neither side: only the way there changes, which SG206 speaks of
    before, after = change.base.document(path), change.head.document(path)
    if after is None:
        yield path, "the registry's own schema is deleted, and the built-in one would hold from then on"
    elif isinstance(after, DocumentFault):
        yield path, f"the new schema cannot be read: {after.message}"
    elif before is None:
        yield path, "the registry brings its own schema, which would be the law in place of the built-in one"
    elif isinstance(before, DocumentFault) or canonical(before.value) != canonical(after.value):
        yield path, "the schema changes, and nothing proves the new one stricter"
    elif change.head.real(path) not in {path, change.base.real(path)}:
        yield path, f"the schema becomes a link to {change.head.real(path)}, which nobody governs"


def _trails(change: RegistryChange, path: str) -> set[str]:
    """The schema's place, and whatever lies behind it where it is a link."""
    return {path, *change.base.trail(path), *change.head.trail(path)}


# -- workflows -------------------------------------------------------------------------------------------------------


def _workflows(change: RegistryChange, law: Law) -> Said:
    changed = [p for p in change.changed_paths if matches_any(law.policy.workflows, p)]
    if not changed or not _governed_already(change.base, law):
        return
    for path in sorted(changed):
        if _governs(change.base, path) or _governs(change.head, path):
            yield path, f"the workflow {path}, which runs smokegate, {_fate(change, path)}"


def _fate(change: RegistryChange, path: str) -> str:
    if change.base.tree.node(path) is None:
        return "is added"
    return "is deleted" if change.head.tree.node(path) is None else "changes"


def _governed_already(base: Side, law: Law) -> bool:
    """A repo whose workflows never ran smokegate is adopting it: there is nothing yet to weaken."""
    workflows = [p for p in base.tree.paths() if matches_any(law.policy.workflows, p)]
    return any(_governs(base, path) for path in workflows)


def _governs(side: Side, path: str) -> bool:
    return side.is_file(path) and _WORD in side.tree.read(side.real(path), _LONGEST_WORKFLOW).lower()
