"""Whether evidence is attested: signed, as it lies there, by somebody whom the policy on base trusts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from smokegate.evidence import dsse, keyless, keys, statement
from smokegate.evidence.keyless import PolicyIdentity
from smokegate.evidence.keys import PolicyKey
from smokegate.evidence.refused import Refused


class Kind(Enum):
    """How evidence is signed; the value is what its signature file's name ends with."""

    KEY = ".dsse.json"
    KEYLESS = ".sigstore.json"


class Signatures(Protocol):
    @property
    def keys(self) -> Sequence[PolicyKey]: ...
    @property
    def identities(self) -> Sequence[PolicyIdentity]: ...


class SigningPolicy(Protocol):
    @property
    def signatures(self) -> Signatures: ...


@dataclass(frozen=True, slots=True)
class Attested:
    by: str
    """The key or identity of the policy, in words."""
    signed_as: str
    """The evidence's file name when it was signed. Bytes are what is vouched for: the file may have moved since."""


@dataclass(frozen=True, slots=True)
class Refusal:
    reason: str
    fix: str


def signature_paths(evidence: str) -> dict[Kind, str]:
    """Where the signatures of an evidence file lie, whether they are there or not."""
    return {kind: evidence + kind.value for kind in Kind}


def kind_of(path: str) -> Kind | None:
    return next((kind for kind in Kind if path.endswith(kind.value)), None)


def verify(
    evidence: bytes,
    name: str,
    signature: bytes,
    kind: Kind,
    policy: SigningPolicy,
    *,
    trusted_root: bytes | None = None,
) -> Attested | Refusal:
    """Judge one signature file. A SmokegateError says that it cannot be judged here, which is no verdict.

    `trusted_root` stands in for the public Sigstore instance's root that ships with the `sigstore` package.
    """
    try:
        by, payload = _signed(signature, kind, policy.signatures, trusted_root)
        return Attested(by, statement.check(payload, evidence))
    except Refused as refused:
        return Refusal(f"{name}: {refused.reason}", refused.fix)


def _signed(signature: bytes, kind: Kind, trusted: Signatures, trusted_root: bytes | None) -> tuple[str, bytes]:
    """Who signed, and what."""
    if kind is Kind.KEY:
        if not trusted.keys:
            raise _nobody_trusted("a key", "keys", "smokegate evidence keygen --out KEY.pem prints the lines")
        envelope = dsse.read(signature)
        return str(keys.verify(envelope, trusted.keys)), envelope.payload
    if not trusted.identities:
        raise _nobody_trusted("an identity", "identities", "`identity` and `issuer`, as the certificate has them")
    return keyless.verify(signature, trusted.identities, trusted_root=trusted_root)


def _nobody_trusted(by: str, field: str, how: str) -> Refused:
    return Refused(
        f"it is signed by {by}, and the policy trusts none: `signatures.{field}` is empty",
        f"have an owner list it under `signatures.{field}` in the policy on the base branch ({how})",
    )
