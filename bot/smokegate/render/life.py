"""An entry's life as git tells it: the values that an audit trail is made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that one commit did to the entry."""

    what: str
    """added, restored, changed, renamed, flipped, demoted, retired, removed; `known` where a shallow clone begins."""
    id: str
    was: str | None = None
    """For a rename: the id before."""
    stage_before: str | None = None
    stage_after: str | None = None
    identity_before: str | None = None
    identity_after: str | None = None
    bytes_before: str | None = None
    """Digest of the model itself."""
    bytes_after: str | None = None
    parts: tuple[str, ...] = ()
    """Which parts of the identity differ."""
    fields: tuple[str, ...] = ()
    reason: str | None = None
    superseded_by: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Why evidence does not hold."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Proof:
    """An evidence file that names what went to production, held to one policy now."""

    path: str
    sha256: str
    version: int | None
    verdict: str | None
    written: str | None
    gate: str | None
    named_as: str
    """The id under which the file names it."""
    signed_by: str | None
    pinned: bool
    """Whether the policy accepts this file of version 1 for these very bytes."""
    policy: str
    """Which policy it was held to, in words."""
    policy_sha256: str
    own_policy: bool
    """Whether that is the operator's (`--policy`), and not the one that stood there."""
    shortfalls: tuple[Shortfall, ...] = ()

    @property
    def holds(self) -> bool:
        return not self.shortfalls

    @property
    def self_attested(self) -> bool:
        return self.holds and self.signed_by is None and not self.pinned


@dataclass(frozen=True, slots=True)
class Stage:
    """One commit of the branch, and what it did to the entry."""

    commit: str
    date: str
    author: str
    committer: str
    committed: str
    subject: str
    events: tuple[Event, ...]
    wants_proof: bool = False
    """Whether something of the entry went into production, or changed there."""
    proofs: tuple[Proof, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """The entry at the revision that was asked about."""

    id: str
    stage: str | None
    """None where it is not there."""
    sha256: str | None = None
    identity: str | None = None
    proofs: tuple[Proof, ...] = ()
    failed_by: tuple[str, ...] = ()
    """The policies by which no evidence in the tree holds."""
    went_up_unproven: str | None = None
    """The last commit that put it there or changed it there, where nothing held by base's policy of that commit."""
    notes: tuple[str, ...] = ()

    @property
    def in_production(self) -> bool:
        return self.stage == "production"

    @property
    def proven(self) -> bool:
        """By every policy that was asked."""
        return self.in_production and bool(self.proofs) and not self.failed_by


@dataclass(frozen=True, slots=True)
class Trail:
    asked: str
    ids: tuple[str, ...]
    """Every id that it bore, oldest first."""
    registry: str
    head: str
    stages: tuple[Stage, ...]
    standing: Standing
    notes: tuple[str, ...] = ()
