"""An evidence document as examined by one policy: what the page and its JSON are made from."""

from __future__ import annotations

from dataclasses import dataclass

from smokegate.evidence import legacy
from smokegate.evidence.documents import Evidence
from smokegate.evidence.fault import Fault
from smokegate.evidence.gates import GateResult
from smokegate.policy import Gate


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature file and what it is worth; neither signer nor refusal: it cannot be judged here."""

    file: str
    by: str | None = None
    refused: str | None = None
    unjudged: str | None = None
    signed_as: str | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """Evidence and what comes of it by one policy."""

    file: str
    evidence: Evidence
    policy: str
    """Where the policy is from, in words."""
    policy_sha256: str
    gate_name: str | None
    gate: Gate | None
    result: GateResult | None
    """Recomputed; None where no gate of the policy can be applied, or there are no raw numbers."""
    faults: tuple[Fault, ...]
    signatures: tuple[Signature, ...]
    unattested_allowed: bool
    pinned_for: tuple[str, ...] = ()
    """Entries for which the policy pins these very bytes of version 1."""

    @property
    def promotes(self) -> bool:
        return self.evidence.verdict == "PROMOTE"

    @property
    def recomputed(self) -> str | None:
        if self.result is None:
            return None
        return "PROMOTE" if self.result.passed else "HOLD"

    @property
    def contradictions(self) -> tuple[Fault, ...]:
        """What the document gets wrong of itself. Of a HOLD, that the gate is not met is no contradiction."""
        own = [one for one in self.faults if one.code in {"SG501", "SG503"} or (one.code == "SG502" and self.promotes)]
        return tuple(one for one in own if self.promotes or one.pointer != ("verdict",))

    @property
    def agrees(self) -> bool | None:
        """Whether recomputing leads to the verdict that the document gives; None where it cannot be recomputed."""
        if self.result is None:
            return False if self.contradictions else None
        return self.evidence.verdict == self.recomputed and not self.contradictions

    @property
    def in_the_way(self) -> tuple[Fault, ...]:
        """Of every entry, where the document says PROMOTE; of a HOLD, what it gets wrong."""
        return self.faults if self.promotes else self.contradictions

    @property
    def lacks(self) -> list[str]:
        """What version 1 has no field for."""
        if self.evidence.version != 1:
            return []
        return [*legacy.lacks(self.evidence), "who asked for it, and which machine ran it"]
