"""What a comparison asks of the judge's side: put together by the command line, as runners know nothing of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from smokegate.evidence.fault import Wanted
from smokegate.policy import Gate
from smokegate.policy_file import LoadedPolicy


class Contest(Protocol):
    """Who is compared with whom, and by which gate."""

    @property
    def policy(self) -> LoadedPolicy: ...

    @property
    def gate_name(self) -> str: ...

    @property
    def gate(self) -> Gate: ...

    @property
    def candidate(self) -> Wanted: ...

    @property
    def incumbent(self) -> Wanted | None: ...

    @property
    def subject(self) -> Mapping[str, Any]:
        """The candidate as evidence names it."""
        ...


class Judge(Protocol):
    def contest(
        self,
        candidate: Path,
        incumbent: Path | None,
        *,
        registry: Path | None,
        candidate_id: str | None,
        base: str | None,
        policy: str | None,
    ) -> Contest:
        """Refuses what the judge would not accept evidence about."""
        ...

    def corpus(self, place: Path) -> dict[str, Any]:
        """What evidence says of a directory."""
        ...
