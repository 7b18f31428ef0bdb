"""DSSE envelopes, read strictly. https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from smokegate.evidence.refused import SIGN_AGAIN, Refused
from smokegate.registry.strict_json import JsonFault, parse

PAYLOAD_TYPE = "application/vnd.in-toto+json"
MAX_ENVELOPE_BYTES = 48 << 20
MAX_SIGNATURES = 16
MAX_SIGNATURE_BYTES = 1024
MAX_KEYID = 512
_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Signature:
    keyid: str
    """A hint of whoever wrote the file, and no more than that."""
    sig: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    payload: bytes
    signatures: tuple[Signature, ...]

    @property
    def signed_bytes(self) -> bytes:
        return pae(PAYLOAD_TYPE, self.payload)


def pae(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding: what is really signed. Lengths are of bytes, in plain decimal."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def read(data: bytes) -> Envelope:
    """The envelope that a `.dsse.json` file holds; Refused if it is not exactly one."""
    try:
        value = parse(data, max_bytes=MAX_ENVELOPE_BYTES, max_depth=_DEPTH)
    except JsonFault as fault:
        raise _malformed(f"it is not strict JSON: {fault}") from None
    return envelope_of(value)


def envelope_of(value: Any) -> Envelope:
    fields = _fields(value, "it", required=("payload", "payloadType", "signatures"))
    if fields["payloadType"] != PAYLOAD_TYPE:
        raise _malformed(f"its payloadType is {_shown(fields['payloadType'])}, not {PAYLOAD_TYPE}")
    rows = fields["signatures"]
    if not isinstance(rows, list) or not rows:
        raise _malformed("it carries no signature")
    if len(rows) > MAX_SIGNATURES:
        raise _malformed(f"it carries {len(rows)} signatures; at most {MAX_SIGNATURES} are read")
    payload = _decoded(fields["payload"], "payload")
    return Envelope(payload, tuple(_signature(row, f"signatures[{n}]") for n, row in enumerate(rows)))


def write(payload: bytes, signatures: Sequence[Signature]) -> bytes:
    document = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": s.keyid, "sig": base64.b64encode(s.sig).decode()} for s in signatures],
    }
    return (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()


def _signature(row: Any, where: str) -> Signature:
    fields = _fields(row, where, required=("sig",), optional=("keyid",))
    keyid = fields.get("keyid", "")
    if not isinstance(keyid, str) or len(keyid) > MAX_KEYID:
        raise _malformed(f"{where}.keyid is not a text of at most {MAX_KEYID} characters")
    sig = _decoded(fields["sig"], f"{where}.sig")
    if len(sig) > MAX_SIGNATURE_BYTES:
        raise _malformed(f"{where}.sig has {len(sig)} bytes; at most {MAX_SIGNATURE_BYTES} are read")
    return Signature(keyid, sig)


def _fields(value: Any, where: str, *, required: Sequence[str], optional: Sequence[str] = ()) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _malformed(f"{where} is not an object")
    for name in required:
        if name not in value:
            raise _malformed(f"{where} has no `{name}`")
    for name in value:
        if name not in required and name not in optional:
            raise _malformed(f"{where} has a field that DSSE does not know: {_shown(name)}")
    return value


def _decoded(text: Any, where: str) -> bytes:
    """Standard or URL-safe, as the protocol has it, and in the one spelling that its bytes have in that alphabet."""
    if not isinstance(text, str) or not text:
        raise _malformed(f"{where} is not a text in base64")
    alphabet = b"-_" if "-" in text or "_" in text else b"+/"
    try:
        data = base64.b64decode(text.encode("ascii"), altchars=alphabet, validate=True)
    except ValueError:
        raise _malformed(f"{where} is not base64") from None
    if base64.b64encode(data, altchars=alphabet).decode() != text:
        raise _malformed(f"{where} is not base64 in its one strict spelling")
    return data


def _malformed(why: str) -> Refused:
    return Refused(f"the signature file is no DSSE envelope: {why}", SIGN_AGAIN)


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
