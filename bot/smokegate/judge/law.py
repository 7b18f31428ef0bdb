"""What a change is judged by: all of it base's, none of it head's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
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
