"""What the tests of signatures sign with, and what they sign."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from smokegate.evidence import dsse, keys, statement
from smokegate.policy import Policy

if TYPE_CHECKING:
    from smokegate.evidence.keys import PrivateKey


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def subject(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "onnx": f"{name}.onnx", "sha256": sha256(name), "identity": sha256(f"{name}!"), **more}


def document(*subjects: dict[str, Any], **more: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {"schema_version": 2, "verdict": "PROMOTE", "gate": {"mean_plcc": 0.97, "passed": True}}
    return {**fields, "subjects": list(subjects) or [subject("fr_v1")], **more}


def evidence(*subjects: dict[str, Any], **more: Any) -> bytes:
    return (json.dumps(document(*subjects, **more), indent=2) + "\n").encode()


def p256() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def ed() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


def sealed(payload: bytes, *signers: tuple[str, PrivateKey]) -> bytes:
    """An envelope over any payload, signed by each."""
    message = dsse.pae(dsse.PAYLOAD_TYPE, payload)
    return dsse.write(payload, [dsse.Signature(name, keys.sign(key, message)) for name, key in signers])


def signed(data: bytes, *signers: tuple[str, PrivateKey], name: str = "PROMOTE.json") -> bytes:
    return sealed(statement.build(data, name), *signers)


def trusting(*named: tuple[str, PrivateKey], identities: list[dict[str, str]] | None = None) -> Policy:
    pems = [{"id": name, "pem": keys.public_pem(key.public_key())} for name, key in named]
    return Policy.model_validate({"signatures": {"keys": pems, "identities": identities or []}})
