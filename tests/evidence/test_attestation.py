from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from evidence.home_sigstore import Sigstore
from evidence.signing import ed, evidence, p256, sealed, signed, subject, trusting
from smokegate.errors import SmokegateError
from smokegate.evidence import attestation, statement
from smokegate.evidence.attestation import Attested, Kind, Refusal
from smokegate.policy import Policy

if TYPE_CHECKING:
    from smokegate.evidence.keys import PrivateKey

NAME = "PROMOTE.json"
WORKFLOW = {
    "identity": "https://github.com/acme/models/.github/workflows/w.yml@refs/heads/main",
    "issuer": "https://i.x",
}
FROZEN = Path(__file__).parents[1] / "data" / "evidence" / "signed"


def by_key(data: bytes, signature: bytes, policy: Policy) -> Attested | Refusal:
    return attestation.verify(data, NAME, signature, Kind.KEY, policy)


def refused(data: bytes, signature: bytes, policy: Policy) -> str:
    answer = by_key(data, signature, policy)
    assert isinstance(answer, Refusal)
    assert answer.fix
    assert answer.reason.startswith(f"{NAME}: ")
    return answer.reason.removeprefix(f"{NAME}: ")


@pytest.mark.parametrize("key", [p256(), ed()])
def test_evidence_signed_by_a_key_of_the_policy_is_attested(key: PrivateKey) -> None:
    data = evidence()
    answer = by_key(data, signed(data, ("harness", key)), trusting(("harness", key)))
    assert isinstance(answer, Attested)
    assert answer.by.startswith("key `harness`")
    assert answer.signed_as == NAME


def test_each_way_to_fail_has_words_of_its_own() -> None:
    key, other = p256(), p256()
    policy = trusting(("harness", key))
    data = evidence(subject("fr_v1"))
    good = signed(data, ("harness", key))
    slsa = json.loads(statement.build(data, NAME)) | {"predicateType": "https://slsa.dev/provenance/v1"}
    ways = {
        "wrong signature": refused(data, signed(data, ("harness", other)), policy),
        "unknown key": refused(data, signed(data, ("stranger", other)), policy),
        "swapped or edited": refused(evidence(subject("fr_v1"), verdict="HOLD"), good, policy),
        "re-serialised": refused(json.dumps(json.loads(data)).encode(), good, policy),
        "another subject": refused(evidence(subject("fr_v2")), good, policy),
        "another kind of statement": refused(data, sealed(json.dumps(slsa).encode(), ("harness", key)), policy),
        "no DSSE envelope": refused(data, good[:-3], policy),
        "not one of ours": refused(data, sealed(b"hello", ("harness", key)), policy),
        "trusts none": refused(data, good, Policy()),
    }
    for words, reason in ways.items():
        assert words in reason
        assert not any(other in reason for other in ways if other != words), reason


def test_evidence_may_move_and_says_what_it_was_called() -> None:
    key = ed()
    data = evidence()
    answer = attestation.verify(
        data, "evidence/fr_v1-PROMOTE.json", signed(data, ("k", key)), Kind.KEY, trusting(("k", key))
    )
    assert answer == Attested("key `k` (Ed25519)", "PROMOTE.json")


def test_hold_renamed_promote_is_still_a_hold_and_an_edited_one_is_refused() -> None:
    """The name is no part of the proof; the verdict, which is, lies within the bytes."""
    key = ed()
    policy = trusting(("k", key))
    held = evidence(verdict="HOLD")
    signature = signed(held, ("k", key), name="HOLD.json")
    assert isinstance(by_key(held, signature, policy), Attested)
    assert "at /verdict" in refused(held.replace(b"HOLD", b"PROMOTE"), signature, policy)


def test_every_changed_byte_of_the_evidence_is_refused() -> None:
    key = ed()
    policy = trusting(("k", key))
    data = evidence()
    signature = signed(data, ("k", key))
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1
        refused(bytes(changed), signature, policy)


def test_a_policy_without_identities_refuses_every_bundle_and_says_what_is_missing() -> None:
    for kind, field in ((Kind.KEY, "signatures.keys"), (Kind.KEYLESS, "signatures.identities")):
        answer = attestation.verify(evidence(), NAME, b"anything", kind, Policy())
        assert isinstance(answer, Refusal)
        assert f"`{field}` is empty" in answer.reason
        assert f"`{field}`" in answer.fix


def test_keys_do_not_stand_in_for_identities_nor_the_other_way() -> None:
    key = p256()
    data = evidence()
    policy = trusting(("k", key), identities=[WORKFLOW])
    answer = attestation.verify(data, NAME, signed(data, ("k", key)), Kind.KEYLESS, policy)
    assert isinstance(answer, Refusal)
    home = Sigstore()
    bundle = json.dumps(home.bundle(statement.build(data, NAME), WORKFLOW["identity"], WORKFLOW["issuer"])).encode()
    answer = attestation.verify(data, NAME, bundle, Kind.KEY, policy, trusted_root=home.root())
    assert isinstance(answer, Refusal)


def keyless(home: Sigstore, data: bytes, payload: bytes, **signer: str) -> Attested | Refusal:
    who = {**WORKFLOW, **signer}
    bundle = json.dumps(home.bundle(payload, who["identity"], who["issuer"])).encode()
    policy = trusting(identities=[WORKFLOW])
    return attestation.verify(data, NAME, bundle, Kind.KEYLESS, policy, trusted_root=home.root())


def test_keyless_evidence_is_held_to_the_same_statement() -> None:
    home = Sigstore()
    data = evidence(subject("fr_v1"))
    payload = statement.build(data, NAME)
    answer = keyless(home, data, payload)
    assert isinstance(answer, Attested)
    assert WORKFLOW["identity"] in answer.by
    assert WORKFLOW["issuer"] in answer.by
    slsa = json.dumps(json.loads(payload) | {"predicateType": "https://slsa.dev/provenance/v1"}).encode()
    ways = {
        "wrong identity": keyless(home, data, payload, identity="https://github.com/mallory"),
        "wrong issuer": keyless(home, data, payload, issuer="https://mallory.x"),
        "another subject": keyless(home, evidence(subject("fr_v2")), payload),
        "re-serialised": keyless(home, data + b"\n", payload),
        "another kind of statement": keyless(home, data, slsa),
        "swapped or edited": keyless(home, evidence(subject("fr_v1"), adr="x"), payload),
    }
    for words, refusal in ways.items():
        assert isinstance(refusal, Refusal)
        assert words in refusal.reason


@pytest.mark.parametrize(("package", "kind"), [("cryptography", Kind.KEY), ("sigstore", Kind.KEYLESS)])
def test_without_the_package_nothing_is_judged(monkeypatch: pytest.MonkeyPatch, package: str, kind: Kind) -> None:
    """Neither attested nor refused: the command stops, and says what to install."""
    import sys

    key = p256()
    data = evidence()
    signature = signed(data, ("k", key))
    if kind is Kind.KEYLESS:
        signature = json.dumps(
            Sigstore().bundle(statement.build(data, NAME), WORKFLOW["identity"], WORKFLOW["issuer"])
        ).encode()
    policy = trusting(("k", key), identities=[WORKFLOW])
    for name in [n for n in sys.modules if n == package or n.startswith(f"{package}.")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SmokegateError, match=f"need the package `{package}`"):
        attestation.verify(data, NAME, signature, kind, policy)


def test_nothing_heavy_is_loaded_before_there_is_a_signature_to_verify() -> None:
    import subprocess
    import sys

    code = "import sys, smokegate.evidence.attestation; print(sorted({'cryptography', 'sigstore'} & set(sys.modules)))"
    environment = {"PYTHONPATH": str(Path(attestation.__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "[]"


def test_signature_files_lie_beside_the_evidence() -> None:
    assert list(attestation.signature_paths("a/PROMOTE.json").values()) == [
        "a/PROMOTE.json.dsse.json",
        "a/PROMOTE.json.sigstore.json",
    ]
    assert attestation.kind_of("a/PROMOTE.json.dsse.json") is Kind.KEY
    assert attestation.kind_of("a/PROMOTE.json.sigstore.json") is Kind.KEYLESS
    assert attestation.kind_of("a/PROMOTE.json") is None


@pytest.mark.parametrize("kind", list(Kind))
def test_signatures_of_the_past_stand_for_ever(kind: Kind) -> None:
    """Frozen in 0.1: these files are never made anew."""
    pems = [{"id": p.stem, "pem": p.read_text()} for p in sorted(FROZEN.glob("*.pem"))]
    policy = Policy.model_validate({"signatures": {"keys": pems, "identities": [WORKFLOW]}})
    data = (FROZEN / NAME).read_bytes()
    assert hashlib.sha256(data).hexdigest() == "c49be54935810147b939ca9d22c88afdd2fd8633c9fb076b082b1d06abfcde24"
    root = (FROZEN / "trusted_root.json").read_bytes()
    signature = (FROZEN / f"{NAME}{kind.value}").read_bytes()
    assert isinstance(attestation.verify(data, NAME, signature, kind, policy, trusted_root=root), Attested)
    if kind is Kind.KEY:
        for pem in pems:
            alone = Policy.model_validate({"signatures": {"keys": [pem]}})
            answer = attestation.verify(data, NAME, signature, kind, alone)
            assert isinstance(answer, Attested)
            assert f"`{pem['id']}`" in answer.by
