"""Which evidence a step towards production needs, and whether a file at head names what goes there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from smokegate.globs import matches
from smokegate.judge.change import RegistryChange, Step
from smokegate.judge.law import Law, PastEntry
from smokegate.judge.needs import Need, Needs
from smokegate.judge.problem import Problem
from smokegate.judge.retiring import gets_its_name
from smokegate.judge.side import Side
from smokegate.policy import POLICY_NAME, Policy
from smokegate.registry.document import DocumentFault
from smokegate.registry.entry import Entry
from smokegate.registry.identity import Identity
from smokegate.registry.retirement import Retirement

_NAMES_BYTES = 2
"""The version of evidence that names what it was measured on."""


@dataclass(frozen=True, slots=True)
class Naming:
    """The evidence files that name an identity, or what came nearest to it."""

    paths: tuple[str, ...]
    near: tuple[str, ...] = ()


def naming(side: Side, entry: Entry, identity: Identity, policy: Policy) -> Naming:
    """An evidence file binds by identity: the id alone, or the digest alone, names nothing."""
    found: list[str] = []
    near: list[str] = []
    for path in side.evidence_paths:
        fault = _names(side, path, entry, identity, policy)
        if fault is None:
            found.append(path)
        elif fault:
            near.append(f"`{path}` {fault}")
    return Naming(tuple(found or _old(side, entry)), tuple(near))


def _old(side: Side, entry: Entry) -> list[str]:
    """Evidence of version 1 that is meant, though it names nothing: SG507 says what it lacks."""
    named = entry.text("evidence")
    meant = side.resolve(named).path if named else None
    candidates = [meant] if meant in side.evidence_paths else side.evidence_paths
    return [path for path in candidates if path and len(candidates) == 1 and _is_old(side.value(path))]


def _is_old(value: Any) -> bool:
    return isinstance(value, dict) and value.get("verdict") == "PROMOTE" and is_number(value.get("schema_version"), 1)


def is_number(value: Any, wanted: int) -> bool:
    """`true` is no 1, though Python takes it for one."""
    return value == wanted and not isinstance(value, bool)


def held(side: Side, entry: Entry, identity: Identity) -> list[str]:
    """The files that say HOLD of this very identity."""
    found = []
    for path in side.evidence_paths:
        value = side.value(path)
        if isinstance(value, dict) and value.get("verdict") == "HOLD":
            mine = [s for s in _subjects(value) if entry.id is not None and s.get("id") == entry.id]
            if any(_is_exactly(subject, identity) for subject in mine):
                found.append(path)
    return found


def _names(side: Side, path: str, entry: Entry, identity: Identity, policy: Policy) -> str | None:
    """None where the file names it; else why it does not, empty where it is about something else."""
    document = side.document(path)
    if document is None or isinstance(document, DocumentFault):
        return document.message if document else ""
    value = document.value if isinstance(document.value, dict) else {}
    mine = [s for s in _subjects(value) if entry.id is not None and s.get("id") == entry.id]
    if value.get("verdict") != "PROMOTE":
        return f"says {value['verdict']}" if mine and isinstance(value.get("verdict"), str) else ""
    if not is_number(value.get("schema_version"), _NAMES_BYTES):
        pinned = is_pinned(policy, entry, identity, side.digest(path))
        return None if pinned else "is of a version that names no model bytes"
    if any(_is_exactly(subject, identity) for subject in mine):
        return None
    others = {_short(subject.get("identity")) for subject in mine}
    return f"names `{entry.id}` with another identity ({', '.join(sorted(others))})" if mine else ""


def is_pinned(policy: Policy, entry: Entry, identity: Identity, evidence: str | None) -> bool:
    """Whether base's policy says that evidence of version 1 stands for these very bytes."""
    named = (entry.id, identity.digest, evidence)
    return any((pin.id, pin.identity, pin.evidence_sha256) == named for pin in policy.legacy_evidence)


def _subjects(evidence: dict[str, Any]) -> list[dict[str, Any]]:
    subjects = evidence.get("subjects")
    return [s for s in subjects if isinstance(s, dict)] if isinstance(subjects, list) else []


def _is_exactly(subject: dict[str, Any], identity: Identity) -> bool:
    named = subject.get("identity"), subject.get("sha256")
    return identity.graph is not None and named == (identity.digest, identity.graph)


def unmet(needs: Needs, change: RegistryChange, law: Law) -> Iterator[Problem]:
    """Every need that no gate has a say in, or that no evidence file at head names. What the file says is SG5xx's."""
    for need in needs:
        entry, identity = need.entry, identity_of(change, need)
        found = naming(change.head, entry, identity, law.policy)
        gate = gate_for(law, entry)
        if found.paths and gate is not None:
            continue
        yield Problem(
            subject=need.step.key,
            path=change.head.registry_path,
            pointer=entry.pointer(need.at),
            message=f"{need.said}, and {_lack(gate, found, identity)}",
            fix=f"{_cure(gate, need.step.key, law)}, or {need.otherwise}",
            cause=(),
            curable=gate is not None,
        )


def identity_of(change: RegistryChange, need: Need) -> Identity:
    return need.step.identity_after or change.head.identity(need.entry)


def gate_for(law: Law, entry: Entry) -> str | None:
    for name, gate in law.policy.gates.items():
        if entry.id and any(matches(glob, entry.id) for glob in gate.match):
            return name
    return None


def _lack(gate: str | None, found: Naming, identity: Identity) -> str:
    if gate is None:
        return "no gate of the policy judges it, so no evidence can speak for it"
    near = f" ({'; '.join(found.near[:3])})" if found.near else ""
    return f"no passing evidence names its identity {identity.digest}{near}"


def _cure(gate: str | None, key: str, law: Law) -> str:
    if gate is None:
        place = law.policy_path or POLICY_NAME
        return f"add a gate that matches `{key}` under `gates` in {place}, in a pull request of its own"
    return f"run the {gate} gate for `{key}` and commit its PROMOTE.json beside the registry"


# -- what needs no evidence --------------------------------------------------------------------------------------------


def is_restored(change: RegistryChange, step: Step, law: Law) -> bool:
    return restored_from(change, step, law) is not None


def restored_from(change: RegistryChange, step: Step, law: Law) -> PastEntry | None:
    """First-parent history knows it at this identity and stage, and never saw it retired."""
    entry = step.after
    if entry is None or entry.id is None or not step.added:
        return None
    past = law.past(entry.id)
    identity = step.identity_after or change.head.identity(entry)
    if past is None or past.retired or (past.stage, past.identity) != (entry.stage, identity.digest):
        return None
    return past


def carried_on(change: RegistryChange, step: Step) -> bool:
    """A production model that goes on under a new id, with the retirement of the old one on record."""
    before, after = step.before, step.after
    if not (step.renamed and before and after and before.production) or step.identity_changed:
        return False
    return gets_its_name(step) or any(r.superseded_by == after.id and r.reason for r in records_of(change, before))


def records_of(change: RegistryChange, gone: Entry) -> list[Retirement]:
    """What head records of an entry's retirement, by its id and its bytes."""
    known = {gone.sha256, change.base.digest(change.base.model_path(gone))} - {None}
    return [r for r in change.head.retirements if r.id == gone.id and r.sha256 in known]


def _short(value: object) -> str:
    return f"{value[:12]}…" if isinstance(value, str) else "none"
