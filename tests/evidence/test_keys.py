from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from evidence import signing
from evidence.signing import ed, p256
from smokegate.evidence import dsse, keys
from smokegate.evidence.keys import KeyFault
from smokegate.evidence.refused import Refused

if TYPE_CHECKING:
    from smokegate.evidence.keys import PrivateKey
    from smokegate.policy import Policy

PAYLOAD = b'{"a": 1}'


def pem(key: Any) -> str:
    text: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return text.decode()


def verified(data: bytes, policy: Policy) -> str:
    return str(keys.verify(dsse.read(data), policy.signatures.keys))


def refused(data: bytes, policy: Policy) -> str:
    with pytest.raises(Refused) as caught:
        verified(data, policy)
    assert caught.value.fix
    return caught.value.reason


@pytest.mark.parametrize(("key", "kind"), [(p256(), "ECDSA P-256"), (ed(), "Ed25519")])
def test_a_signature_by_a_key_of_the_policy_stands(key: PrivateKey, kind: str) -> None:
    data = signing.sealed(PAYLOAD, ("harness", key))
    assert verified(data, signing.trusting(("other", p256()), ("harness", key))) == f"key `harness` ({kind})"


def test_a_keyid_is_a_hint_and_no_more() -> None:
    """A liar's hint neither helps nor harms: the key that verifies is the one that is named."""
    honest, liar = p256(), p256()
    policy = signing.trusting(("honest", honest), ("other", ed()))
    for hint in ("honest", "other", "liar", "", "\u202e"):
        assert verified(signing.sealed(PAYLOAD, (hint, honest)), policy) == "key `honest` (ECDSA P-256)"
        refused(signing.sealed(PAYLOAD, (hint, liar)), policy)


def test_one_valid_signature_of_several_suffices_and_is_named() -> None:
    harness = ed()
    data = signing.sealed(PAYLOAD, ("a", p256()), ("b", ed()), ("harness", harness))
    assert verified(data, signing.trusting(("harness", harness))) == "key `harness` (Ed25519, signature 3 of 3)"


def test_an_unknown_key_is_named_beside_those_that_are_known() -> None:
    policy = signing.trusting(("first", p256()), ("second", ed()))
    reason = refused(signing.sealed(PAYLOAD, ("stranger", p256())), policy)
    assert reason.startswith('unknown key: signed by key "stranger"')
    assert "`first`, `second`" in reason
    assert "a key that it does not name" in refused(signing.sealed(PAYLOAD, ("", p256())), policy)


def test_a_wrong_key_under_a_known_name_is_told_from_an_unknown_one() -> None:
    known = p256()
    policy = signing.trusting(("harness", known))
    for hint in ("harness", keys.key_id(known.public_key())):
        reason = refused(signing.sealed(PAYLOAD, (hint, p256())), policy)
        assert reason.startswith(f'wrong signature: it claims key "{hint}"')


@pytest.mark.parametrize("key", [p256(), ed()])
def test_a_changed_payload_is_refused(key: PrivateKey) -> None:
    value = json.loads(signing.sealed(PAYLOAD, ("harness", key)))
    value["payload"] = "eyJhIjogMn0="
    assert "changed after signing" in refused(json.dumps(value).encode(), signing.trusting(("harness", key)))


@pytest.mark.parametrize("key", [p256(), ed()])
def test_every_changed_bit_of_a_signature_is_refused(key: PrivateKey) -> None:
    policy = signing.trusting(("harness", key))
    sig = dsse.read(signing.sealed(PAYLOAD, ("harness", key))).signatures[0].sig
    for bit in range(len(sig) * 8):
        changed = bytearray(sig)
        changed[bit // 8] ^= 1 << bit % 8
        refused(dsse.write(PAYLOAD, [dsse.Signature("harness", bytes(changed))]), policy)


def test_signatures_of_no_substance_are_refused() -> None:
    policy = signing.trusting(("a", p256()), ("b", ed()))
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    empty = [encode_dss_signature(r, s) for r in (0, 1, order) for s in (0, 1, order)]
    for sig in (b"\0", bytes(64), b"\x30\x00", b"\xff" * 1024, *empty):
        refused(dsse.write(PAYLOAD, [dsse.Signature("a", sig)]), policy)


def test_a_signature_is_over_the_envelope_and_not_over_the_bare_payload() -> None:
    key = p256()
    bare = dsse.write(PAYLOAD, [dsse.Signature("harness", keys.sign(key, PAYLOAD))])
    refused(bare, signing.trusting(("harness", key)))


def test_a_signature_under_another_hash_is_refused() -> None:
    from cryptography.hazmat.primitives.hashes import SHA384

    key = p256()
    sig = key.sign(dsse.pae(dsse.PAYLOAD_TYPE, PAYLOAD), ec.ECDSA(SHA384()))
    assert decode_dss_signature(sig)
    refused(dsse.write(PAYLOAD, [dsse.Signature("harness", sig)]), signing.trusting(("harness", key)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (pem(ec.generate_private_key(ec.SECP384R1())), "is on the curve secp384r1"),
        (pem(ec.generate_private_key(ec.SECP256K1())), "is on the curve secp256k1"),
        (pem(ec.generate_private_key(ec.SECP224R1())), "is on the curve secp224r1"),
        (pem(rsa.generate_private_key(65537, 2048)), "is an RSA key of 2048 bits"),
        (pem(rsa.generate_private_key(65537, 1024)), "is an RSA key of 1024 bits"),  # noqa: S505
        (pem(dsa.generate_private_key(2048)), "is of the kind DSA"),
        (pem(ed448.Ed448PrivateKey.generate()), "is of the kind Ed448"),
    ],
)
def test_a_key_of_another_kind_is_refused_by_its_name(text: str, said: str) -> None:
    with pytest.raises(KeyFault, match=said) as caught:
        keys.load_public(text)
    assert "ECDSA P-256 (with SHA-256) and Ed25519 are accepted" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "cannot be read"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "cannot be read"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "holds a PRIVATE key"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "is a certificate"),
    ],
)
def test_what_is_no_public_key_says_what_it_is(text: str, said: str) -> None:
    with pytest.raises(KeyFault, match=said):
        keys.load_public(text)


def test_a_broken_key_of_the_policy_does_not_hide_a_good_one_and_is_told_where_none_is_good() -> None:
    key = ed()
    wide = pem(rsa.generate_private_key(65537, 2048))
    good = signing.trusting(("harness", key))
    broken = good.model_copy(
        update={"signatures": good.signatures.model_copy(update={"keys": (_key("wide", wide), *good.signatures.keys)})}
    )
    assert verified(signing.sealed(PAYLOAD, ("wide", key)), broken) == "key `harness` (Ed25519)"
    reason = refused(signing.sealed(PAYLOAD, ("stranger", p256())), broken)
    assert "key `wide` of the policy is an RSA key of 2048 bits" in reason


def _key(name: str, text: str) -> Any:
    from smokegate.policy import SigningKey

    return SigningKey(id=name, pem=text)


def test_a_name_drawn_from_a_key_fits_the_policy_and_tells_keys_apart() -> None:
    names = {keys.key_id(make().public_key()) for make in (p256, ed) for _ in range(5)}
    assert len(names) == 10
    for name in names:
        assert signing.trusting((name, p256())).signatures.keys[0].id == name
