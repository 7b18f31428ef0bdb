"""Which registries a change is about."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from smokegate.errors import PolicyError, UsageError
from smokegate.globs import matches_any
from smokegate.policy import POLICY_NAME, Policy
from smokegate.policy_file import default_policy
from smokegate.registry.document import JsonDocument, read_json
from smokegate.registry.entry import is_registry_shaped
from smokegate.registry.paths import parent
from smokegate.review.law import effective_policy
from smokegate.review.policies import policy_at
from smokegate.review.sides import Sides
from smokegate.sources.tree import Kind, Tree

_LARGEST = 64 << 20
_MOST_LOOKED_AT = 200


class NoRegistry(UsageError):
    """Neither side of the change has one."""


def registries_of(sides: Sides, named: str | None, override: str | None) -> list[str]:
    """Every governed registry at base or head, or the one that was named."""
    if named is not None:
        if all(tree.node(named) is None for tree in (sides.base, sides.head)):
            raise UsageError(
                f"there is no {named} at {sides.base.label} or {sides.head.label}",
                fix="name a registry from the root of the repo with --registry",
            )
        return [named]
    found = sorted(_governed(sides, override))
    if not found:
        raise NoRegistry(
            f"no registry at {sides.base.label} or {sides.head.label}: nothing to judge",
            fix="name one with --registry PATH, or list it under `registries` in .smokegate.yml",
        )
    return found


def _governed(sides: Sides, override: str | None) -> set[str]:
    """By the root's policy, and by the policy beside a registry for what lies in its folder."""
    known = {*sides.base.paths(), *sides.head.paths()}
    found = _listed(sides, known, "", override)
    if override is None and sides.base.node(POLICY_NAME) is None:  # beside the root's, another policy lists nothing
        for place in known:
            folder = parent(place)
            if folder and place == f"{folder}/{POLICY_NAME}":
                inside = {p for p in known if p.startswith(f"{folder}/")}
                found |= _listed(sides, inside, f"{folder}/registry.json", None)
    return found


def _listed(sides: Sides, known: Iterable[str], registry: str, override: str | None) -> set[str]:
    effective = effective_policy(sides, registry, override)
    found = _listed_by(sides, known, effective.policy)
    if effective.path is None and not effective.overridden:
        with suppress(PolicyError):  # SG701 says so; a policy that is being adopted can only add registries
            found |= _listed_by(sides, known, policy_at(sides.head, registry).policy)
    return found


def _listed_by(sides: Sides, known: Iterable[str], policy: Policy) -> set[str]:
    """What a policy lists is a registry; what only the default's glob catches must look like one."""
    globs = policy.registries
    matched = {p for p in known if p.endswith(".json") and matches_any(globs, p)}
    if globs != default_policy().policy.registries:
        return matched
    return {p for p in matched if _looks_like_one(sides.base, p) or _looks_like_one(sides.head, p)}


def _looks_like_one(tree: Tree, path: str) -> bool:
    """A broken one that speaks of models counts: breaking a file must not take it out of sight."""
    node = tree.node(path)
    if node is None or node.kind is not Kind.FILE:
        return node is not None
    data = tree.read(path, _LARGEST)
    document = read_json(data, path, max_bytes=_LARGEST, max_depth=512)
    if isinstance(document, JsonDocument):
        return is_registry_shaped(document.value) or _empty_registry(document.value)
    return b'"models"' in data or len(data) > _LARGEST


def _empty_registry(value: object) -> bool:
    return isinstance(value, dict) and value.get("models") == [] and "schema_version" in value


def ungoverned(sides: Sides, governed: Iterable[str], changed: Iterable[str]) -> list[str]:
    """Changed files at head that look like registries, and that no policy lists."""
    listed = set(governed)
    candidates = [p for p in sorted(changed) if p.endswith(".json") and p not in listed]
    return [p for p in candidates[:_MOST_LOOKED_AT] if _is_one(sides.head, p)]


def _is_one(tree: Tree, path: str) -> bool:
    node = tree.node(path)
    if node is None or node.kind is not Kind.FILE or tree.stored_size(path) > _LARGEST:
        return False
    document = read_json(tree.read(path, _LARGEST), path, max_bytes=_LARGEST, max_depth=512)
    return isinstance(document, JsonDocument) and is_registry_shaped(document.value)
