"""Which evidence a step towards production needs, and whether a file at head names what goes there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from smokegate.globs import matches
from smokegate.judge.change import RegistryChange, Step
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem
from smokegate.judge.side import Side
from smokegate.registry.entry import Entry
from smokegate.registry.identity import Identity


@dataclass(frozen=True, slots=True)
class Naming:
    """Evidence that names the identity, or what came nearest to it."""

    path: str | None
    near: tuple[str, ...] = ()


def naming(side: Side, entry: Entry, identity: Identity) -> Naming:
    """An evidence file binds by identity: the id alone, or the digest alone, names nothing."""
    near = []
    for path in side.evidence_paths:
        document = side.value(path)
        if not isinstance(document, dict) or document.get("verdict") != "PROMOTE":
            continue
        subjects = document.get("subjects")
        if not isinstance(subjects, list):
            near.append(f"`{path}` names no model bytes (version 1)")
            continue
        for subject in subjects:
            if not isinstance(subject, dict) or subject.get("id") != entry.id:
                continue
            if subject.get("identity") == identity.digest and subject.get("sha256") == identity.graph:
                return Naming(path)
            near.append(f"`{path}` names `{entry.id}` with another identity ({_short(subject.get('identity'))})")
    return Naming(None, tuple(near))


def wants_evidence(change: RegistryChange, step: Step, law: Law, said: str, pointer_field: str) -> Iterator[Problem]:
    """The problem, unless an evidence file at head names what goes to production."""
    entry = step.after
    if entry is None:
        return
    identity = step.identity_after or change.head.identity(entry)
    found = naming(change.head, entry, identity)
    if found.path is not None:
        return
    gate = gate_for(law, entry)
    near = f"; {'; '.join(found.near[:3])}" if found.near else ""
    yield Problem(
        subject=step.key,
        path=change.head.registry_path,
        pointer=entry.pointer(pointer_field),
        message=f"{said}, and no passing evidence names its identity {identity.digest}{near}",
        fix=_fix(entry, gate),
        cause=(),
    )


def gate_for(law: Law, entry: Entry) -> str | None:
    for name, gate in law.policy.gates.items():
        if entry.id and any(matches(glob, entry.id) for glob in gate.match):
            return name
    return None


def _fix(entry: Entry, gate: str | None) -> str:
    if gate is None:
        return (
            f"no gate of the policy matches `{entry.key}`: add one under `gates` in .smokegate.yml (in a pull request "
            'of its own), or keep "smoke": true'
        )
    return f"run the {gate} gate for `{entry.key}` and commit its PROMOTE.json beside the registry, or keep \"smoke\": true"


def is_restored(change: RegistryChange, step: Step, law: Law) -> bool:
    """First-parent history knows it at this identity and stage, and never saw it retired."""
    entry = step.after
    if entry is None or entry.id is None:
        return False
    past = law.past(entry.id)
    identity = step.identity_after or change.head.identity(entry)
    return past is not None and not past.retired and (past.stage, past.identity) == (entry.stage, identity.digest)


def carried_on(change: RegistryChange, step: Step) -> bool:
    """A production model that goes on under a new id, with the retirement of the old one on record."""
    before, after = step.before, step.after
    if not (step.renamed and before and after and before.production) or step.identity_changed:
        return False
    return any(r.id == before.id and r.superseded_by == after.id and r.reason for r in change.head.retirements)


def _short(value: object) -> str:
    return f"{value[:12]}…" if isinstance(value, str) else "none"
