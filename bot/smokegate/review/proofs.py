"""Evidence of the past, held to a policy today: as the judge held it in its change, or as it lies in one tree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from smokegate.errors import SmokegateError
from smokegate.evidence.documents import Evidence, read
from smokegate.evidence.examine import examine
from smokegate.evidence.fault import Fault
from smokegate.judge.attested import Signing, signing_of
from smokegate.judge.change import RegistryChange, Step
from smokegate.judge.docket import docket
from smokegate.judge.dossier import gate_for, is_pinned, naming
from smokegate.judge.incumbents import wanted
from smokegate.judge.law import History, Law
from smokegate.judge.side import MIB, Side
from smokegate.registry.entry import Entry
from smokegate.registry.identity import Identity
from smokegate.render.life import Proof, Shortfall
from smokegate.review.law import Effective, built_in_schema


@dataclass(frozen=True, slots=True)
class Found:
    """Evidence that names what went to production, best first, or what came nearest to it."""

    proofs: tuple[Proof, ...] = ()
    near: tuple[str, ...] = ()


def in_change(change: RegistryChange, effective: Effective, step: Step, past: History) -> Found:
    """By the judge's own docket, so that the whole group and the incumbent count."""
    after = step.after
    if after is None:
        return Found()
    identity = step.identity_after or change.head.identity(after)
    held = _Held(after, identity, effective)
    try:
        exhibits = docket(change, replace(_law(effective), past=past)).exhibits
    except SmokegateError as error:
        return Found((), (f"whether its evidence holds cannot be told here: {error.message}",))
    carrying = [one for one in exhibits if step.key in one.keys]
    proofs = tuple(_proof(one.evidence, one.gate, held, one.faults, one.signing) for one in carrying)
    return Found(proofs) if proofs else at_rest(change.head, effective, after, ())


def at_rest(side: Side, effective: Effective, entry: Entry, earlier: Sequence[str]) -> Found:
    """What names the entry as it stands, by its id or else by one that it bore earlier."""
    identity = side.identity(entry)
    near: list[str] = []
    for name in dict.fromkeys((entry.id, *reversed(earlier))):
        if name is None:
            continue
        called = Entry({**entry.raw, "id": name}, entry.index, name)
        found = naming(side, called, identity, effective.policy)
        near += found.near
        if found.paths:
            proofs = [_alone(side, effective, path, called, identity, own=name == entry.id) for path in found.paths]
            return Found(tuple(sorted(proofs, key=lambda one: (len(one.shortfalls), one.path))))
    return Found((), tuple(dict.fromkeys(near)))


def _alone(side: Side, effective: Effective, path: str, entry: Entry, identity: Identity, *, own: bool) -> Proof:
    policy = effective.policy
    data = side.tree.read(side.real(path), policy.limits.document_mib * MIB)
    evidence = read(data, path)
    if not isinstance(evidence, Evidence):
        raise AssertionError(f"{path} was readable a moment ago: {evidence.message}")  # noqa: TRY004 - a bug of ours
    gate = gate_for(_law(effective), entry)
    if gate is None:
        faults = [Fault("SG403", (), "no gate of the policy judges it", "")]
    else:
        asked = wanted(side, entry, identity)
        asked = asked if own else replace(asked, onnx=None)  # under its earlier name it lay elsewhere
        faults = examine(evidence, policy.gates[gate], gate, policy, [asked])
    try:
        signing = signing_of(side, path, data, policy)
    except SmokegateError as error:
        signing = Signing(None, f"whether its signature holds cannot be told here: {error.message}")
    return _proof(evidence, gate, _Held(entry, identity, effective), faults, signing)


@dataclass(frozen=True, slots=True)
class _Held:
    """What evidence was held to."""

    entry: Entry
    identity: Identity
    effective: Effective


def _proof(evidence: Evidence, gate: str | None, held: _Held, faults: Iterable[Fault], signing: Signing) -> Proof:
    entry, effective = held.entry, held.effective
    pinned = evidence.version == 1 and is_pinned(effective.policy, entry, held.identity, evidence.sha256)
    short = [Shortfall(one.code, one.message) for one in faults]
    if signing.fault is not None and not pinned:  # a pin in the policy vouches for what cannot be signed
        short.append(Shortfall("SG508", signing.fault))
    written = evidence.fields.get("generated_at_utc")
    return Proof(
        path=evidence.path,
        sha256=evidence.sha256,
        version=evidence.version,
        verdict=evidence.verdict,
        written=written if isinstance(written, str) else None,
        gate=gate,
        named_as=entry.key,
        signed_by=None if pinned else signing.by,  # version 1 cannot be signed
        pinned=pinned,
        policy=called(effective),
        policy_sha256=effective.loaded.sha256,
        own_policy=effective.overridden,
        shortfalls=tuple(short),
    )


def called(effective: Effective) -> str:
    if effective.overridden:
        return f"{effective.loaded.source} (--policy)"
    return effective.path or "the built-in default"


def _law(effective: Effective) -> Law:
    """As far as evidence is concerned: the registry's schema has no say in it."""
    return Law(
        policy=effective.policy,
        policy_sha256=effective.loaded.sha256,
        schema=built_in_schema(),
        schema_path="",
        policy_path=effective.path,
        policy_overridden=effective.overridden,
    )
