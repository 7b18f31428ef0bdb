"""Public keys of the policy, and whether one of them signed an envelope."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from smokegate.errors import SmokegateError
from smokegate.evidence.dsse import Envelope
from smokegate.evidence.refused import SIGN_AGAIN, Refused

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import (
        ECDSA,
        EllipticCurvePrivateKey,
        EllipticCurvePublicKey,
    )
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

    PublicKey = EllipticCurvePublicKey | Ed25519PublicKey
    PrivateKey = EllipticCurvePrivateKey | Ed25519PrivateKey

ACCEPTED = "ECDSA P-256 (with SHA-256) and Ed25519 are accepted"


class PolicyKey(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def pem(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Signer:
    """The key of the policy behind a valid signature, and which of the envelope's signatures that is."""

    id: str
    kind: str
    position: int
    of: int

    def __str__(self) -> str:
        which = f", signature {self.position} of {self.of}" if self.of > 1 else ""
        return f"key `{self.id}` ({self.kind}{which})"


def verify(envelope: Envelope, keys: Sequence[PolicyKey]) -> Signer:
    """The signer, where a key of the policy made any of the signatures. Whatever a keyid says, every key is tried."""
    need_cryptography()
    usable: list[tuple[str, PublicKey]] = []
    broken: list[str] = []
    for key in keys:
        try:
            usable.append((key.id, load_public(key.pem)))
        except KeyFault as fault:
            broken.append(f"key `{key.id}` of the policy {fault}")
    message = envelope.signed_bytes
    for n, signature in enumerate(envelope.signatures, start=1):
        for name, public in usable:
            if _valid(public, signature.sig, message):
                return Signer(name, kind_of(public), n, len(envelope.signatures))
    raise _nobody(envelope, usable, broken)


def _nobody(envelope: Envelope, usable: list[tuple[str, PublicKey]], broken: list[str]) -> Refused:
    hints = [s.keyid for s in envelope.signatures if s.keyid]
    known = {name for name, _ in usable} | {key_id(public) for _, public in usable}
    claimed = next((hint for hint in hints if hint in known), None)
    aside = f"; {'; '.join(broken)}" if broken else ""
    names = ", ".join(f"`{name}`" for name, _ in usable) or "none that can be used"
    if claimed is not None:
        return Refused(
            f"wrong signature: it claims key {_shown(claimed)}, which the policy has, but it is not one of that key's "
            f"over this payload, nor of any other key of the policy: another key made it, or the payload was changed "
            f"after signing{aside}",
            SIGN_AGAIN,
        )
    who = f"key {', '.join(_shown(h) for h in hints[:3])}" if hints else "a key that it does not name"
    return Refused(
        f"unknown key: signed by {who}, which is none of the policy's keys ({names}){aside}",
        "sign with a key of the policy, or have an owner add this one under `signatures.keys` on the base branch",
    )


def _valid(public: PublicKey, signature: bytes, message: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - only where there is a signature
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey  # noqa: PLC0415

    try:
        if isinstance(public, EllipticCurvePublicKey):
            public.verify(signature, message, _ecdsa())
        else:
            public.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def sign(private: PrivateKey, message: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey  # noqa: PLC0415

    if isinstance(private, EllipticCurvePrivateKey):
        return private.sign(message, _ecdsa())
    return private.sign(message)


def _ecdsa() -> ECDSA:
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    return ECDSA(SHA256())


# -- keys themselves -------------------------------------------------------------------------------------------------


class KeyFault(ValueError):
    """Why a key is not used; reads on after its name."""


def load_public(pem: str) -> PublicKey:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415

    if "PRIVATE KEY" in pem:
        raise KeyFault("holds a PRIVATE key: whoever can read the policy can sign with it; make a new key pair")
    if "BEGIN CERTIFICATE" in pem:
        raise KeyFault("is a certificate, not a public key: take its key with openssl x509 -pubkey -noout")
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise KeyFault("cannot be read: a PEM block that starts with BEGIN PUBLIC KEY is wanted") from None
    return _accepted(key)


def load_private(pem: bytes, passphrase: bytes | None) -> PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    encrypted = b"ENCRYPTED" in pem
    if encrypted and not passphrase:
        raise KeyFault("is encrypted: name the environment variable that holds its passphrase with --passphrase-env")
    try:
        key = load_pem_private_key(pem, passphrase if encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        why = "the passphrase is wrong, or it is" if encrypted else "it is"
        raise KeyFault(f"cannot be read: {why} not a private key in PEM (PKCS8)") from None
    _accepted(key.public_key())
    assert isinstance(key, EllipticCurvePrivateKey | Ed25519PrivateKey)  # noqa: S101  (its public half was accepted)
    return key


def _accepted(key: object) -> PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415

    if isinstance(key, Ed25519PublicKey):
        return key
    if isinstance(key, EllipticCurvePublicKey):
        if isinstance(key.curve, SECP256R1):
            return key
        raise KeyFault(f"is on the curve {key.curve.name}: {ACCEPTED}")
    if isinstance(key, RSAPublicKey):
        raise KeyFault(f"is an RSA key of {key.key_size} bits: {ACCEPTED}")
    name = type(key).__name__.removesuffix("PublicKey").lstrip("_")
    raise KeyFault(f"is of the kind {name}: {ACCEPTED}")


def kind_of(key: PublicKey) -> str:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    return "Ed25519" if isinstance(key, Ed25519PublicKey) else "ECDSA P-256"


def key_id(key: PublicKey) -> str:
    """A name for a key that is drawn from the key: `p256-` or `ed25519-` and the start of its digest."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    kind = "ed25519" if kind_of(key) == "Ed25519" else "p256"
    return f"{kind}-{hashlib.sha256(der).hexdigest()[:16]}"


def public_pem(key: PublicKey) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def need_cryptography() -> None:
    """Without it nothing can be judged, which is no verdict on the signature."""
    try:
        import cryptography  # noqa: F401, PLC0415
    except ImportError:
        raise SmokegateError(
            "signatures need the package `cryptography`", fix="pip install 'smokegate[signing]'"
        ) from None


def _shown(text: str) -> str:
    return json.dumps(text if len(text) <= 80 else f"{text[:77]}...")
