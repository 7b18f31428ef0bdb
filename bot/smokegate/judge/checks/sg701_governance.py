"""SG701: a looser policy or schema, or another governing workflow, comes alone and is approved by an owner."""

from __future__ import annotations

from collections.abc import Iterator

from smokegate.errors import PolicyError
from smokegate.globs import matches
from smokegate.judge.change import RegistryChange
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.side import Side
from smokegate.policy import POLICY_NAME
from smokegate.policy_file import parse
from smokegate.registry import paths
from smokegate.registry.document import DocumentFault
from smokegate.strictness import loosenings

_LONGEST_WORKFLOW = 1 << 20
_LONGEST_POLICY = 1 << 20
_WORD = b"smokegate"


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


def policy_places(folder: str) -> list[str]:
    return list(dict.fromkeys((POLICY_NAME, paths.join(folder, POLICY_NAME))))


def _policy(change: RegistryChange, law: Law) -> Iterator[tuple[str, str]]:
    places = policy_places(change.head.folder)
    if not change.changed_paths.intersection(places) or _nothing_governed_yet(change, law):
        return
    there = [p for p in places if change.head.tree.node(p) is not None]
    if len(there) > 1:
        yield there[-1], f"there would be two policies for one registry, {there[0]} and {there[1]}"
        return
    if not there:
        yield law.policy_path or places[0], "the policy is deleted, and the default would judge from then on"
        return
    yield from _compared(change, law, there[0])


def _nothing_governed_yet(change: RegistryChange, law: Law) -> bool:
    """The very first registry of a repo may come with its policy: there is no law yet that it could weaken."""
    return law.policy_path is None and all(change.base.tree.node(r) is None for r in law.registries)


def _compared(change: RegistryChange, law: Law, path: str) -> Iterator[tuple[str, str]]:
    if not change.head.is_file(path) or change.head.real(path) != path:
        yield path, "the policy would not be a plain file"
        return
    try:
        head = parse(change.head.tree.read(path, _LONGEST_POLICY), path)
    except PolicyError as error:
        yield path, f"the new policy cannot be read, and would judge nothing: {error.message}"
        return
    found = loosenings(law.policy, head.policy, defaults=law.default_levels, registries_known=law.registries)
    for loosening in found:
        yield path, f"the policy is not provably stricter: {loosening.why}"


# -- schema ----------------------------------------------------------------------------------------------------------


def _schema(change: RegistryChange, law: Law) -> Iterator[tuple[str, str]]:
    path = law.schema_path
    if path not in change.changed_paths or change.base.registry is None:
        return  # a new registry may bring its schema; its first entries were held to the built-in one
    before, after = change.base.document(path), change.head.document(path)
    if after is None:
        yield path, "the registry's own schema is deleted, and the built-in one would hold from then on"
    elif isinstance(after, DocumentFault):
        yield path, f"the new schema cannot be read: {after.message}"
    elif before is None:
        yield path, "the registry brings its own schema, which would be the law in place of the built-in one"
    elif isinstance(before, DocumentFault) or before.value != after.value:
        yield path, "the schema changes, and nothing proves the new one stricter"


# -- workflows -------------------------------------------------------------------------------------------------------


def _workflows(change: RegistryChange, law: Law) -> Iterator[tuple[str, str]]:
    changed = [p for p in change.changed_paths if any(matches(glob, p) for glob in law.policy.workflows)]
    if not changed or not _governed_already(change.base, law):
        return
    for path in sorted(changed):
        if _governs(change.base, path) or _governs(change.head, path):
            fate = "is deleted" if change.head.tree.node(path) is None else "changes"
            yield path, f"the workflow {path}, which runs smokegate, {fate}"


def _governed_already(base: Side, law: Law) -> bool:
    """A repo whose workflows never ran smokegate is adopting it: there is nothing yet to weaken."""
    workflows = [p for p in base.tree.paths() if any(matches(glob, p) for glob in law.policy.workflows)]
    return any(_governs(base, path) for path in workflows)


def _governs(side: Side, path: str) -> bool:
    return side.is_file(path) and _WORD in side.tree.read(side.real(path), _LONGEST_WORKFLOW).lower()
