"""What a change is judged by: all of it base's, none of it head's."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from smokegate.judge.side import Side
from smokegate.judge.supersession import Claim, claim
from smokegate.policy import Level, Policy
from smokegate.registry.entry import Entry
from smokegate.registry.json_schema import SchemaFault


class Schema(Protocol):
    """The JSON Schema that a registry must fit."""

    @property
    def name(self) -> str: ...

    def faults(self, value: Any) -> Iterator[SchemaFault]: ...


@dataclass(frozen=True, slots=True)
class PastEntry:
    """An entry as first-parent history last knew it."""

    side: Side
    """The registry as it stood then."""
    entry: Entry
    retired: bool
    """Whether any commit on the way recorded its retirement."""

    @property
    def stage(self) -> str:
        return self.entry.stage

    @property
    def identity(self) -> str:
        return self.side.identity(self.entry).digest

    @property
    def claim(self) -> Claim:
        return claim(self.side, self.entry)


class History(Protocol):
    """First-parent history of base, walked no further than is asked."""

    def __call__(self, entry_id: str) -> PastEntry | None:
        """The entry as it was last known."""

    def once_in_production(self, entry_id: str, identity: str) -> bool:
        """Whether base, or a commit before it, ran this very identity in production under this id."""


class _NoHistory:
    def __call__(self, entry_id: str) -> PastEntry | None:
        del entry_id
        return None

    def once_in_production(self, entry_id: str, identity: str) -> bool:
        del entry_id, identity
        return False


_NO_HISTORY = _NoHistory()


@dataclass(frozen=True, eq=False)
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
    past: History = field(default=_NO_HISTORY)
    deep: bool = False
    """`--all`: look deep at every entry, not only at what the change touches."""
