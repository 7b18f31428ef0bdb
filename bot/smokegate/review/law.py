"""The law that base sets: its policy and its schema."""

from __future__ import annotations

import posixpath
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from smokegate.errors import PolicyError, UsageError
from smokegate.judge.law import History, Law
from smokegate.judge.table import DEFAULT_LEVELS
from smokegate.policy import Policy
from smokegate.policy_file import LoadedPolicy, parse
from smokegate.registry import schemas
from smokegate.registry.document import DocumentFault, read_json
from smokegate.registry.json_schema import CompiledSchema, SchemaError
from smokegate.registry.paths import parent, resolve
from smokegate.review.policies import place_of_policy, policy_at, read_policy
from smokegate.review.sides import Sides
from smokegate.review.standing_in import last_readable
from smokegate.sources.links import follow
from smokegate.sources.tree import Kind, Tree

OWN_SCHEMA = "registry.schema.json"
_LONGEST_SCHEMA = 4 << 20


@dataclass(frozen=True, slots=True)
class Effective:
    loaded: LoadedPolicy
    path: str | None = None
    overridden: bool = False
    note: str | None = None

    @property
    def policy(self) -> Policy:
        return self.loaded.policy


def effective_policy(sides: Sides, registry: str, override: str | None) -> Effective:
    if override is not None:
        return Effective(_operators_own(override), overridden=True)
    try:
        return Effective(policy_at(sides.base, registry), place_of_policy(sides.base, registry))
    except PolicyError as error:
        if sides.repo is None or sides.base_commit is None or (path := _only_place(sides.base, registry)) is None:
            raise
        why = error.message.partition("\n")[0]
        loaded, note = last_readable(sides, path, "the policy", why, lambda tree: _readable_policy(tree, path))
        return Effective(loaded, path, note=note)


def _only_place(tree: Tree, registry: str) -> str | None:
    """Two policies for one registry are nobody's ancestor to settle."""
    try:
        return place_of_policy(tree, registry)
    except PolicyError:
        return None


def _operators_own(path: str) -> LoadedPolicy:
    try:
        return parse(Path(path).read_bytes(), path)
    except OSError as error:
        why = error.strerror or str(error)
        raise UsageError(f"the policy {path} cannot be read: {why}", fix="name a file with --policy") from None


def _readable_policy(tree: Tree, path: str) -> LoadedPolicy | None:
    try:
        return read_policy(tree, path)
    except PolicyError:
        return None


# -- schema ----------------------------------------------------------------------------------------------------------


def schema_path(policy: Policy, registry: str) -> str:
    """Where the registry's own schema lies, or would lie."""
    folder = parent(registry)
    resolved = resolve(folder, policy.schema_path or OWN_SCHEMA)
    if resolved.path is None:
        raise PolicyError(f"the policy's schema {policy.schema_path!r} {resolved.fault}", fix="name a file in the repo")
    return posixpath.normpath(resolved.path)


def effective_schema(sides: Sides, policy: Policy, path: str) -> tuple[CompiledSchema, str | None]:
    """Base's own schema, the built-in one where base has none, a readable ancestor's where base's is broken."""
    if sides.base.node(path) is None:
        if policy.schema_path is not None and sides.head.node(path) is None:
            raise PolicyError(f"the policy names the schema {path}, which does not exist", fix=f"git add {path}")
        return built_in_schema(), None
    found = _schema_in(sides.base, policy, path)
    if isinstance(found, CompiledSchema):
        return found, None
    return last_readable(sides, path, "the schema", found, lambda tree: _usable(_schema_in(tree, policy, path)))


def built_in_schema() -> CompiledSchema:
    document = read_json(schemas.load("registry"), "registry.schema.json", max_bytes=_LONGEST_SCHEMA, max_depth=64)
    if isinstance(document, DocumentFault):
        raise AssertionError(document.message)  # noqa: TRY004 - our own file is broken, whatever its type
    return CompiledSchema(document.value, "the built-in schema")


def _usable(found: CompiledSchema | str) -> CompiledSchema | None:
    return found if isinstance(found, CompiledSchema) else None


def _schema_in(tree: Tree, policy: Policy, path: str) -> CompiledSchema | str:
    """The schema, or why there is none to be had."""
    real = follow(tree, path)
    node = tree.node(real)
    if node is None or node.kind is not Kind.FILE:
        return "it is not a file"
    data = tree.read(real, _LONGEST_SCHEMA)
    document = read_json(data, path, max_bytes=_LONGEST_SCHEMA, max_depth=policy.limits.document_depth)
    if isinstance(document, DocumentFault):
        return document.message
    schema = CompiledSchema(document.value, f"`{path}` as it stands on base")
    try:
        schema.compile()
    except SchemaError as error:
        return str(error)
    return schema


# -- all of it -------------------------------------------------------------------------------------------------------


def law_of(
    sides: Sides,
    registry: str,
    effective: Effective,
    *,
    registries: Collection[str],
    past: History,
    deep: bool,
) -> tuple[Law, list[str]]:
    """The law, and the notes on what stood in for what."""
    path = schema_path(effective.policy, registry)
    schema, schema_note = effective_schema(sides, effective.policy, path)
    law = Law(
        policy=effective.policy,
        policy_sha256=effective.loaded.sha256,
        schema=schema,
        schema_path=path,
        policy_path=effective.path,
        policy_overridden=effective.overridden,
        default_levels=DEFAULT_LEVELS,
        registries=registries,
        past=past,
        deep=deep,
    )
    notes = [note for note in (effective.note, schema_note) if note]
    if effective.overridden:
        notes.append(f"judged by the operator's own policy {effective.loaded.source}, not by base's")
    return law, notes
