"""Evidence before the judge, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from smokegate.judge.needs import Need

if TYPE_CHECKING:  # nothing of these is loaded where nothing wants evidence
    from smokegate.evidence.documents import Evidence
    from smokegate.evidence.fault import Fault, Wanted
    from smokegate.judge.attested import Signing


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One evidence file, the needs that it is to meet, and what is wrong with it."""

    path: str
    evidence: Evidence
    gate: str
    needs: tuple[Need, ...]
    faults: tuple[Fault, ...]
    signing: Signing
    notes: tuple[str, ...] = ()
    """What the reader must know of it, and is no fault."""

    @property
    def sound(self) -> bool:
        return not self.faults and self.signing.fault is None

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(need.step.key for need in self.needs)


@dataclass(frozen=True, slots=True)
class Case:
    """A need that a gate judges, the files that name its identity, and what a comparison must be against."""

    need: Need
    gate: str
    paths: tuple[str, ...]
    incumbents: tuple[Wanted, ...]
