"""A Sigstore bundle that an entry declares for its model: which bytes it speaks of, and whether it verifies."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from smokegate.evidence import keyless
from smokegate.evidence.keyless import PolicyIdentity
from smokegate.evidence.refused import Refused
from smokegate.registry.strict_json import JsonFault, parse

MAX_BYTES = 4 << 20
_DEPTH = 16


def fault(bundle: bytes, digest: str, identities: Sequence[PolicyIdentity]) -> str | None:
    """Why the bundle says nothing for bytes of this sha256; None where it does.

    Who signed is only asked where base's policy names identities: without one, anybody's signature is as good.
    """
    try:
        value = parse(bundle, max_bytes=MAX_BYTES, max_depth=_DEPTH)
    except JsonFault as error:
        return f"is not strict JSON: {error.message}"
    signed = _signed_digests(value)
    if signed is None:
        return "is no Sigstore bundle over a file or an in-toto statement"
    if digest not in signed:
        return "speaks of other bytes than the model's"
    if not identities:
        return None
    try:
        keyless.verify_bytes(bundle, digest, identities)
    except Refused as refused:
        return f"does not verify: {refused.reason}"
    return None


def _signed_digests(value: Any) -> set[str] | None:
    if not isinstance(value, dict):
        return None
    message, envelope = value.get("messageSignature"), value.get("dsseEnvelope")
    try:
        if isinstance(message, dict):
            return {base64.b64decode(message["messageDigest"]["digest"], validate=True).hex()}
        if isinstance(envelope, dict):
            payload = parse(base64.b64decode(envelope["payload"], validate=True), max_bytes=MAX_BYTES, max_depth=_DEPTH)
            return {subject["digest"]["sha256"] for subject in payload["subject"]}
    except (KeyError, TypeError, ValueError, binascii.Error):
        return None
    return None
