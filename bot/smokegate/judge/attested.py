"""Who vouches for an evidence file, by the keys and identities of base's policy."""

from __future__ import annotations

from dataclasses import dataclass

from smokegate.evidence.attestation import Attested, signature_paths, verify
from smokegate.judge.side import Side
from smokegate.policy import Policy

_LONGEST_SIGNATURE = 4 << 20


@dataclass(frozen=True, slots=True)
class Signing:
    """`by` is who signed; a fault says why nobody's word can be taken. Neither: unsigned, as base's policy allows."""

    by: str | None
    fault: str | None = None
    fix: str = ""


def signing_of(side: Side, path: str, data: bytes, policy: Policy, *, pinned: bool = False) -> Signing:
    """A signature that does not hold blocks even where none is asked for: somebody vouched for something else.

    Pinned: base's policy itself names these bytes, so nobody else need vouch for them.
    """
    refusals = []
    for kind, place in signature_paths(path).items():
        if side.tree.node(place) is None:
            continue
        if not side.is_file(place) or side.real(place) != place:
            return Signing(None, f"its signature `{place}` is not a plain file", f"git add {place} as a regular file")
        signature = side.tree.read(place, _LONGEST_SIGNATURE)
        found = verify(data, path, signature, kind, policy)
        if isinstance(found, Attested):
            return Signing(found.by)
        refusals.append(found)
    if refusals:
        return Signing(None, refusals[0].reason.removeprefix(f"{path}: "), refusals[0].fix)
    if pinned:
        return Signing("base's policy (legacy_evidence)")
    if policy.unattested == "allow":
        return Signing(None)
    return Signing(
        None,
        "nobody signed it, and base's policy does not allow unattested evidence",
        f"smokegate evidence sign {path} --key KEY.pem, with a key that `signatures.keys` of base's policy names",
    )
