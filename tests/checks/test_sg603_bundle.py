"""SG603: a bundle that an entry names speaks of the model's bytes."""

from __future__ import annotations

from typing import Any

import pytest

from checks.cases.sg603 import bundle
from forge import Forge, quiet
from smokegate.judge.report import Finding

PLACE = "alpha_v1.sigstore.json"
BOB = {"identity": "bob@example.org", "issuer": "https://issuer.example.org"}


def named(forge: Forge, data: Any, **fields: Any) -> None:
    forge.start()
    entry = forge.add("alpha_v1", **{"sigstore_bundle": PLACE, **fields})
    if data is not None:
        forge.write(PLACE, data) if isinstance(data, bytes) else forge.write_json(PLACE, data(entry["sha256"]))


def complaint(forge: Forge) -> Finding:
    found = [f for f in forge.judged().findings if f.code == "SG603"]
    assert len(found) == 1, found
    return found[0]


def test_a_bundle_over_the_models_bytes(forge: Forge) -> None:
    named(forge, bundle)
    quiet(forge.judged())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "does not exist"),
        (b"", "is not strict JSON"),
        (b"{", "is not strict JSON"),
        (b'{"a": 1, "a": 2}', "is not strict JSON"),
        (b"[]", "is no Sigstore bundle"),
        (b"{}", "is no Sigstore bundle"),
        (b'{"messageSignature": {"messageDigest": {"digest": "%%%"}}}', "is no Sigstore bundle"),
        (b'{"messageSignature": {"messageDigest": {"digest": 7}}}', "is no Sigstore bundle"),
        (b'{"messageSignature": {"messageDigest": []}}', "is no Sigstore bundle"),
        (b'{"dsseEnvelope": {"payload": "e30="}}', "is no Sigstore bundle"),
        (b'{"dsseEnvelope": {"payload": "W10="}}', "is no Sigstore bundle"),
        (
            b'{"dsseEnvelope": {"payload": "eyJzdWJqZWN0IjogW3siZGlnZXN0IjogeyJzaGEyNTYiOiBbXX19XX0="}}',
            "is no Sigstore",
        ),
        (b'{"dsseEnvelope": {"payload": "bm90IGpzb24="}}', "is no Sigstore bundle"),
        (lambda _: bundle("0" * 64), "speaks of other bytes than the model's"),
    ],
)
def test_what_is_none(forge: Forge, data: Any, said: str) -> None:
    named(forge, data)
    assert said in complaint(forge).message


def test_where_base_names_signers_it_has_to_verify(forge: Forge) -> None:
    pytest.importorskip("sigstore")
    forge.trust(signatures={"identities": [BOB]})
    named(forge, bundle)
    assert "does not verify" in complaint(forge).message


def test_it_is_debt_once_it_stands(forge: Forge) -> None:
    named(forge, lambda _: bundle("0" * 64))
    forge.start()
    forge.entry("alpha_v1")["smoke"] = True
    forge.write_json("alpha_v1.json", {**forge.read_json("alpha_v1.json"), "trained_on": "six clips"})
    quiet(forge.judged())
