"""What a change is judged by: all of it base's, none of it head's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from smokegate.policy import Level, Policy
from smokegate.registry.json_schema import SchemaFault


class Schema(Protocol):
    """The JSON Schema that a registry must fit."""

    @property
    def name(self) -> str: ...

    def faults(self, value: Any) -> Iterator[SchemaFault]: ...


@dataclass(frozen=True, slots=True)
class PastEntry:
    """An entry as first-parent history last knew it."""

    commit: str
    stage: str
    identity: str
    retired: bool
    """Whether any commit on the way recorded its retirement."""


HistoryLookup = Callable[[str], PastEntry | None]


def _no_history(_: str) -> PastEntry | None:
    return None


@dataclass(frozen=True, slots=True)
class Law:
    policy: Policy
    policy_sha256: str
    schema: Schema
    schema_path: str
    """Where the registry's own schema lies or would lie, from the repo root."""
    policy_path: str | None = None
    """The policy file on base; None where the default (or the operator's own) holds."""
    policy_overridden: bool = False
    default_levels: Mapping[str, Level] = field(default_factory=dict)
    """Severity of each check where the policy names none."""
    registries: Collection[str] = ()
    """Every registry known at base or head, for judging whether a new policy still covers them."""
    past: HistoryLookup = field(default=_no_history)
    deep: bool = False
    """`--all`: look deep at every entry, not only at what the change touches."""
