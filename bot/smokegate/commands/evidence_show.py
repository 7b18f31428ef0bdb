"""`smokegate evidence show`: what an auditor wants of one evidence file, on one screen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from smokegate.commands import options, terminal
from smokegate.errors import DocumentError, PolicyError, RepositoryError, SmokegateError, UsageError

if TYPE_CHECKING:
    from smokegate.evidence import attestation
    from smokegate.evidence.documents import Evidence
    from smokegate.policy import Gate, Policy
    from smokegate.policy_file import LoadedPolicy
    from smokegate.render.examined import Shown, Signature


@click.command("show")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--policy", metavar="FILE", help="Judge by this policy instead of base's; needs no repo.")
@options.repo
@options.the_registry
@click.option("--format", "format_", type=click.Choice(("text", "json")), default="text", show_default=True)
def command(file: Path, policy: str | None, repo: str, registry: str | None, format_: str) -> int:
    """Show an evidence file: who asked, which bytes, which corpus, every number, each threshold with its margin.

    Exit code 0: shown, whatever its verdict. 2: it cannot be read.
    """
    from smokegate.render import evidence_json, evidence_page

    loaded, remark = _policy(policy, repo, registry)
    shown = examined(file, loaded, remark)
    if format_ == "json":
        text = evidence_json.render(shown)
    else:
        text = evidence_page.render(shown, colour=terminal.colour(), width=terminal.width())
    terminal.write(text, None)
    return 0


def examined(file: Path, loaded: LoadedPolicy, remark: str = "") -> Shown:
    from smokegate.evidence.documents import EvidenceFault, read
    from smokegate.evidence.examine import examine
    from smokegate.evidence.gates import evaluate
    from smokegate.evidence.signer import read_evidence
    from smokegate.render.examined import Shown

    data = read_evidence(file)
    evidence = read(data, str(file))
    if isinstance(evidence, EvidenceFault):
        where = f"{file}:{evidence.line}:{evidence.column}" if evidence.line else str(file)
        raise DocumentError(f"{where}: {evidence.message}", fix="name a PROMOTE.json or HOLD.json")
    policy = loaded.policy
    name, gate = gate_of(evidence, policy)
    raw = gate is not None and evidence.version == 2
    return Shown(
        file=str(file),
        evidence=evidence,
        policy=f"{loaded.source}{remark}",
        policy_sha256=loaded.sha256,
        gate_name=name,
        gate=gate,
        result=evaluate(gate, name, evidence) if raw and gate and name else None,
        faults=tuple(examine(evidence, gate, name, policy, [])) if gate and name else (),
        signatures=tuple(_signatures(file, data, policy)),
        unattested_allowed=policy.unattested == "allow",
        pinned_for=tuple(one.id for one in policy.legacy_evidence if one.evidence_sha256 == evidence.sha256),
    )


def gate_of(evidence: Evidence, policy: Policy) -> tuple[str | None, Gate | None]:
    """The policy's gate for what the evidence names; for one that names nothing, the one that it says it met."""
    from smokegate.globs import matches

    ids = [one.id for one in evidence.subjects if one.id is not None]
    for name, gate in policy.gates.items():
        if any(matches(glob, one) for glob in gate.match for one in ids):
            return name, gate
    said = evidence.gate.get("name")
    if isinstance(said, str) and said in policy.gates:
        return said, policy.gates[said]
    ensembles = [(name, gate) for name, gate in policy.gates.items() if gate.shape == "ensemble"]
    return ensembles[0] if evidence.version == 1 and len(ensembles) == 1 else (None, None)


def _policy(file: str | None, repo: str, registry: str | None) -> tuple[LoadedPolicy, str]:
    """The operator's; else base's; where there is no registry here, the built-in one, and that is said."""
    from smokegate.policy_file import default_policy, parse
    from smokegate.review.locate import policy_in_force

    if file is not None:
        try:
            return parse(Path(file).read_bytes(), file), ""
        except OSError as error:
            raise PolicyError(f"{file} cannot be read: {error.strerror}", fix="name a policy with --policy") from None
    try:
        return policy_in_force(repo, registry, None, None), ""
    except (RepositoryError, UsageError) as error:
        if registry is not None:
            raise
        return default_policy(), f" ({error.message.partition(chr(10))[0]})"


def _signatures(file: Path, data: bytes, policy: Policy) -> list[Signature]:
    from smokegate.evidence import attestation
    from smokegate.evidence.signer import read_signature

    found = []
    for kind in attestation.Kind:
        place = file.with_name(file.name + kind.value)
        signature = read_signature(place)
        if signature is not None:
            found.append(_signature(place.name, file.name, data, signature, kind, policy))
    return found


def _signature(
    place: str, name: str, data: bytes, signature: bytes, kind: attestation.Kind, policy: Policy
) -> Signature:
    from smokegate.evidence.attestation import Attested, verify
    from smokegate.render.examined import Signature

    try:
        answer = verify(data, name, signature, kind, policy)
    except SmokegateError as error:
        return Signature(place, unjudged=str(error.message))
    if isinstance(answer, Attested):
        return Signature(place, by=answer.by, signed_as=answer.signed_as)
    return Signature(place, refused=answer.reason)
