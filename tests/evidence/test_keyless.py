"""Refusals, and acceptance under a root of one's own. Nothing here reaches for the network: the fixture sees to it."""

from __future__ import annotations

import base64
import json
import os
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from evidence.home_sigstore import NOW, Sigstore
from smokegate.evidence import keyless
from smokegate.evidence.refused import Refused
from smokegate.policy import Identity

WORKFLOW = "https://github.com/acme/models/.github/workflows/gpu-harness.yml@refs/heads/main"
ISSUER = "https://token.actions.githubusercontent.com"
PAYLOAD = b'{"_type": "x"}'
TRUSTED = (Identity(identity=WORKFLOW, issuer=ISSUER),)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Nor anything from a home folder: whoever ran there before may have left a root of trust."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "__init__", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    keyless._embedded.cache_clear()
    yield
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def home() -> Sigstore:
    return Sigstore()


def verified(bundle: dict[str, Any] | bytes, root: bytes | None) -> tuple[str, bytes]:
    data = bundle if isinstance(bundle, bytes) else json.dumps(bundle).encode()
    return keyless.verify(data, TRUSTED, trusted_root=root)


def refused(bundle: dict[str, Any] | bytes, root: bytes | None) -> str:
    with pytest.raises(Refused) as caught:
        verified(bundle, root)
    assert caught.value.fix
    assert len(caught.value.reason) < 900
    assert "\n" not in caught.value.reason
    return caught.value.reason


def test_a_bundle_under_the_given_root_stands(home: Sigstore) -> None:
    who, payload = verified(home.bundle(PAYLOAD, WORKFLOW, ISSUER), home.root())
    assert (who, payload) == (f'identity "{WORKFLOW}" (issuer "{ISSUER}")', PAYLOAD)


def test_a_person_may_sign_too(home: Sigstore) -> None:
    bundle = json.dumps(home.bundle(PAYLOAD, "ana@example.org", "https://accounts.example.org")).encode()
    ana = Identity(identity="ana@example.org", issuer="https://accounts.example.org")
    assert keyless.verify(bundle, [*TRUSTED, ana], trusted_root=home.root())[1] == PAYLOAD


@pytest.mark.parametrize(
    "identity",
    [
        "https://github.com/mallory/models/.github/workflows/gpu-harness.yml@refs/heads/main",
        WORKFLOW.replace("refs/heads/main", "refs/heads/feature"),
        WORKFLOW + "x",
        WORKFLOW[:-1],
        WORKFLOW.upper(),
        "mallory@example.org",
    ],
)
def test_another_identity_is_refused_and_both_are_said(home: Sigstore, identity: str) -> None:
    reason = refused(home.bundle(PAYLOAD, identity, ISSUER), home.root())
    assert reason == (
        f'wrong identity: signed by identity "{identity}" (issuer "{ISSUER}"), '
        f'and the policy trusts identity "{WORKFLOW}" (issuer "{ISSUER}")'
    )


def test_another_issuer_of_the_same_name_is_refused_and_both_are_said(home: Sigstore) -> None:
    reason = refused(home.bundle(PAYLOAD, WORKFLOW, "https://mallory.example.org"), home.root())
    assert reason.startswith("wrong issuer: ")
    assert 'issuer "https://mallory.example.org"' in reason
    assert f'issuer "{ISSUER}"' in reason


def test_identity_and_issuer_are_taken_as_one(home: Sigstore) -> None:
    """Two identities of the policy do not lend each other their issuers."""
    crossed = (Identity(identity=WORKFLOW, issuer="https://a.invalid"), Identity(identity="b@b.b", issuer=ISSUER))
    with pytest.raises(Refused, match="wrong issuer"):
        keyless.verify(json.dumps(home.bundle(PAYLOAD, WORKFLOW, ISSUER)).encode(), crossed, trusted_root=home.root())


def _embedded(url: str) -> bytes:
    from sigstore._utils import read_embedded

    return read_embedded("trusted_root.json", url)


def test_another_root_is_refused(home: Sigstore) -> None:
    bundle = home.bundle(PAYLOAD, WORKFLOW, ISSUER)
    production = refused(bundle, None)
    assert production.startswith("the bundle does not verify against the public Sigstore instance's root: ")
    assert "the root that was given" in refused(bundle, _embedded("https://tuf-repo-cdn.sigstage.dev"))
    refused(bundle, Sigstore().root())


def test_the_public_root_is_the_one_that_ships_with_the_library() -> None:
    assert keyless._embedded() == _embedded("https://tuf-repo-cdn.sigstore.dev")
    assert b"fulcio.sigstore.dev" in keyless._embedded()
    assert b"sigstage" not in keyless._embedded()


@pytest.mark.parametrize("part", ["certificateAuthorities", "ctlogs", "tlogs"])
def test_each_part_of_the_root_is_needed(home: Sigstore, part: str) -> None:
    """A root that differs in one service: its authority, its certificate log or its transparency log."""
    mixed = json.loads(home.root())
    mixed[part] = json.loads(Sigstore().root())[part]
    refused(home.bundle(PAYLOAD, WORKFLOW, ISSUER), json.dumps(mixed).encode())


def _leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _leaves(child, (*path, key))
    elif isinstance(value, list):
        for n, child in enumerate(value):
            yield from _leaves(child, (*path, n))
    else:
        yield path, value


def _with(value: Any, path: tuple[str | int, ...], change: Callable[[Any, str | int], None]) -> Any:
    copy = json.loads(json.dumps(value))
    holder = copy
    for step in path[:-1]:
        holder = holder[step]
    change(holder, path[-1])
    return copy


def _put(new: Any) -> Callable[[Any, str | int], None]:
    def change(holder: Any, key: str | int) -> None:
        holder[key] = new

    return change


def _gone(holder: Any, key: str | int) -> None:
    del holder[key]


def _tampered(text: str) -> Iterator[Any]:
    """One bit in the first, the middle and the last byte of what is encoded, or of the text; a number next to it."""
    if text.isdigit():
        yield from (str(int(text) + 1), "-1", "0", str(2**63), "x")
        return
    data = _decoded(text)
    raw = text.encode() if data is None else data
    for at in {0, len(raw) // 3, len(raw) // 2, len(raw) - 1}:
        yield _like(data, raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
    yield from (_like(data, raw[:-1]), _like(data, raw + b"\0"), "", None)


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None


def _like(decoded: bytes | None, raw: bytes) -> str:
    return raw.decode("utf-8", "replace") if decoded is None else base64.b64encode(raw).decode()


def test_nothing_in_a_bundle_can_be_changed(home: Sigstore) -> None:
    bundle = home.bundle(PAYLOAD, WORKFLOW, ISSUER)
    root = home.root()
    leaves = list(_leaves(bundle))
    assert len(leaves) == 17
    for path, value in leaves:
        for new in _tampered(value):
            reason = refused(_with(bundle, path, _put(new)), root)
            assert reason, (path, new)
        refused(_with(bundle, path, _gone), root)


@pytest.mark.parametrize("part", ["certificate", "tlogEntries"])
def test_parts_of_two_good_bundles_do_not_make_one(home: Sigstore, part: str) -> None:
    mine, other = (home.bundle(payload, WORKFLOW, ISSUER) for payload in (PAYLOAD, b'{"_type": "y"}'))
    refused({**mine, "dsseEnvelope": other["dsseEnvelope"]}, home.root())
    swapped = {**mine["verificationMaterial"], part: other["verificationMaterial"][part]}
    refused({**mine, "verificationMaterial": swapped}, home.root())


def test_a_signature_outside_the_life_of_its_certificate_is_refused(home: Sigstore) -> None:
    for when in (NOW - timedelta(hours=1), NOW + timedelta(hours=1)):
        refused(home.bundle(PAYLOAD, WORKFLOW, ISSUER, logged_at=when), home.root())


def test_a_log_that_was_told_of_something_else_is_refused(home: Sigstore) -> None:
    assert "log entry" in refused(home.bundle(PAYLOAD, WORKFLOW, ISSUER, logged=b"{}"), home.root())


def test_a_certificate_for_another_use_is_refused(home: Sigstore) -> None:
    reason = refused(home.bundle(PAYLOAD, WORKFLOW, ISSUER, eku=ExtendedKeyUsageOID.SERVER_AUTH), home.root())
    assert "code signing" in reason


def test_another_payload_type_is_refused(home: Sigstore) -> None:
    assert "payloadType" in refused(home.bundle(PAYLOAD, WORKFLOW, ISSUER, payload_type="text/plain"), home.root())


@pytest.mark.parametrize(
    ("bundle", "said"),
    [
        (b"", "the file is empty"),
        (b"[]", "it is not an object"),
        (b'{"mediaType": 1, "mediaType": 1}', "duplicate key"),
        (b'{"mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1"}', "version 0.3 is read"),
        (b'{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "messageSignature": {}}', "bare bytes"),
        (b'{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "dsseEnvelope": {}}', "has no `payload`"),
        (b"[" * 100, "nested deeper"),
    ],
)
def test_what_is_no_bundle_that_we_take_says_why(bundle: bytes, said: str) -> None:
    assert said in refused(bundle, None)


def test_two_signatures_under_one_certificate_are_refused(home: Sigstore) -> None:
    bundle = home.bundle(PAYLOAD, WORKFLOW, ISSUER)
    bundle["dsseEnvelope"]["signatures"] *= 2
    assert "several signatures" in refused(bundle, home.root())


PUBLISHED = os.environ.get("SMOKEGATE_GENUINE_BUNDLE", "")


@pytest.mark.skipif(not PUBLISHED, reason="SMOKEGATE_GENUINE_BUNDLE names no published bundle (docs/signing.md)")
def test_a_genuine_bundle_of_the_public_instance_stands_and_no_tampered_one() -> None:
    data = Path(PUBLISHED).read_bytes()
    stranger = refused(data, None)
    assert stranger.startswith("wrong identity: ")
    name, issuer = stranger.split('identity "')[1].split('"')[0], stranger.split('issuer "')[1].split('"')[0]
    trusted = [Identity(identity=name, issuer=issuer)]
    payload = keyless.verify(data, trusted)[1]
    assert json.loads(payload)["_type"] == "https://in-toto.io/Statement/v1"
    for path, value in _leaves(json.loads(data)):
        for new in _tampered(value) if path[-1] != "envelope" else ("", value.replace("\n9", "\n8")):
            with pytest.raises(Refused):  # of the checkpoint, the name beside the log's signature is a hint, unsigned
                keyless.verify(json.dumps(_with(json.loads(data), path, _put(new))).encode(), trusted)
    with pytest.raises(Refused):
        keyless.verify(data, trusted, trusted_root=_embedded("https://tuf-repo-cdn.sigstage.dev"))
