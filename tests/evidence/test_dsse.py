from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smokegate.evidence import dsse
from smokegate.evidence.dsse import MAX_SIGNATURES, PAYLOAD_TYPE, Signature
from smokegate.evidence.refused import Refused


def envelope(**changes: Any) -> dict[str, Any]:
    signature = {"keyid": "k", "sig": "c2ln"}
    return {"payload": "e30=", "payloadType": PAYLOAD_TYPE, "signatures": [signature], **changes}


def refused(value: Any) -> str:
    with pytest.raises(Refused) as caught:
        dsse.read(value if isinstance(value, bytes) else json.dumps(value).encode())
    assert caught.value.fix
    return caught.value.reason


def test_what_is_signed_is_encoded_as_the_protocol_has_it() -> None:
    assert dsse.pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert dsse.pae("", b"") == b"DSSEv1 0  0 "
    assert dsse.pae("\u00e9", b"\n \xff") == b"DSSEv1 2 \xc3\xa9 3 \n \xff"


@given(st.text(), st.binary(), st.text(), st.binary())
def test_no_two_messages_are_signed_as_one(a_type: str, a: bytes, b_type: str, b: bytes) -> None:
    assert (dsse.pae(a_type, a) == dsse.pae(b_type, b)) == ((a_type, a) == (b_type, b))


@given(st.binary(min_size=1), st.lists(st.tuples(st.text(max_size=20), st.binary(min_size=1)), min_size=1, max_size=4))
def test_what_is_written_is_read(payload: bytes, signatures: list[tuple[str, bytes]]) -> None:
    written = [Signature(keyid, sig) for keyid, sig in signatures]
    data = dsse.write(payload, written)
    read = dsse.read(data)
    assert (read.payload, list(read.signatures)) == (payload, written)
    assert read.signed_bytes == dsse.pae(PAYLOAD_TYPE, payload)
    assert data.endswith(b"}\n")


def test_both_alphabets_of_the_protocol_are_read() -> None:
    payload = b"\xfb\xff\xfe???"
    for text in (base64.b64encode(payload), base64.urlsafe_b64encode(payload)):
        assert dsse.read(json.dumps(envelope(payload=text.decode())).encode()).payload == payload


@pytest.mark.parametrize(
    "text", ["e30", "e30==", "e3 0=", "e30=\n", "e31=", "e30=e30=", "+_==", "-/8=", "\u00e930=", "", None, 3, ["e30="]]
)
def test_base64_has_one_spelling(text: Any) -> None:
    assert "payload is not" in refused(envelope(payload=text))
    assert "signatures[0].sig is not" in refused(envelope(signatures=[{"sig": text}]))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], "it is not an object"),
        (envelope(extra=1), 'does not know: "extra"'),
        ({k: v for k, v in envelope().items() if k != "payload"}, "has no `payload`"),
        ({k: v for k, v in envelope().items() if k != "payloadType"}, "has no `payloadType`"),
        ({k: v for k, v in envelope().items() if k != "signatures"}, "has no `signatures`"),
        (envelope(payloadType="text/plain"), 'payloadType is "text/plain"'),
        (envelope(payloadType=["x" * 500]), "..."),
        (envelope(signatures=[]), "carries no signature"),
        (envelope(signatures={"sig": "c2ln"}), "carries no signature"),
        (envelope(signatures=["c2ln"]), "signatures[0] is not an object"),
        (envelope(signatures=[{"keyid": "k"}]), "signatures[0] has no `sig`"),
        (envelope(signatures=[{"sig": "c2ln", "cert": "x"}]), 'does not know: "cert"'),
        (envelope(signatures=[{"sig": "c2ln", "keyid": None}]), "signatures[0].keyid"),
        (envelope(signatures=[{"sig": "c2ln", "keyid": "k" * 513}]), "signatures[0].keyid"),
        (envelope(signatures=[{"sig": "c2ln"}] * (MAX_SIGNATURES + 1)), "carries 17 signatures"),
        (envelope(signatures=[{"sig": "AAAA" * 400}]), "has 1200 bytes"),
        (b'{"payload":"e30=","payload":"e30="}', "duplicate key"),
        (json.dumps(envelope()).encode() + b"{}", "strict JSON"),
        (b"", "the file is empty"),
        (b"\xff", "not UTF-8"),
    ],
)
def test_what_is_not_exactly_an_envelope_is_refused(value: Any, said: str) -> None:
    reason = refused(value)
    assert said in reason
    assert reason.startswith("the signature file is no DSSE envelope: ")
    assert len(reason) < 300


def test_an_endless_file_is_not_read() -> None:
    assert "at most" in refused(b" " * (dsse.MAX_ENVELOPE_BYTES + 1))


def test_a_signature_needs_no_keyid() -> None:
    assert dsse.read(json.dumps(envelope(signatures=[{"sig": "c2ln"}])).encode()).signatures == (Signature("", b"sig"),)
