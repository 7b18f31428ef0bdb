from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from evidence.specimens import SOUND, ensemble, evidence
from smokegate.evidence.documents import Evidence, EvidenceFault, read
from smokegate.evidence.models import PromoteV1, misfits
from smokegate.evidence.write import to_bytes

FROZEN = Path(__file__).parents[1] / "data" / "evidence" / "v1"
DIGESTS = {
    "promote_corpus_absent": "cc4752516c6711cda840de3aef2721ca10cc62c92b9341ef9a02a6ecb3a0cc44",
    "hold_spread": "449b2c25779639f1791e62fb98aac52eaebab05d4697e7a84a9b107f289e407b",
    "promote_corpus_digest": "83315d8821340f6899fd307d47556b1a8f3ca372073de27daf227558228918b0",
    "promote_unknown_fields": "32db317a669fbb01008ff1aa0b9feabc03a671865f679da22fefc90f89afc46c",
}


def text(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


@pytest.mark.parametrize("name", DIGESTS)
def test_version_1_is_read_for_ever(name: str) -> None:
    data = (FROZEN / f"{name}.json").read_bytes()
    found = read(data, name)
    assert isinstance(found, Evidence)
    assert found.sha256 == hashlib.sha256(data).hexdigest() == DIGESTS[name]
    assert found.version == 1
    assert found.verdict == name.partition("_")[0].upper()
    assert found.subjects == ()
    assert not list(misfits(found.raw, PromoteV1))


def test_every_frozen_sample_is_recorded() -> None:
    assert {path.stem for path in FROZEN.glob("*.json")} == set(DIGESTS)


def test_unknown_fields_are_mentioned() -> None:
    found = read((FROZEN / "promote_unknown_fields.json").read_bytes(), "x")
    assert isinstance(found, Evidence)
    assert found.unknown == ("corpus.host", "gate.tool_version", "host", "notes")
    document = ensemble()
    document["subjects"][1]["colour"] = document["measurements"]["seeds"][2]["folds"][0]["colour"] = 3
    document["measurements"]["colour"] = 3
    assert set(evidence(document).unknown) == {
        "measurements.colour",
        "measurements.seeds[2].folds[0].colour",
        "subjects[1].colour",
    }


@pytest.mark.parametrize("shape", SOUND)
def test_what_is_written_is_read_back(shape: str) -> None:
    document = SOUND[shape]()
    data = to_bytes(document)
    found = read(data, "PROMOTE.json")
    assert isinstance(found, Evidence)
    assert found.raw == document
    assert to_bytes(found.raw) == data
    assert found.unknown == ()
    assert [one.id for one in found.subjects] == [one["id"] for one in document["subjects"]]
    assert found.subjects[0].external == {"fr_v1": "x"} or len(found.subjects[0].external) == 1


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"[]", "no JSON object"),
        (b'"PROMOTE"', "no JSON object"),
        (b'{"a": 1, "a": 2}', "a"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": 1e400}', "1e400"),
        (b'{"a": 1} x', "after"),
        (b"\xff{}", "UTF"),
        (b'{"a":' * 99 + b"1" + b"}" * 99, "deep"),
        (b" " * (17 << 20), "at most"),
    ],
)
def test_what_is_no_document_is_a_fault_with_its_place(data: bytes, why: str) -> None:
    found = read(data, "PROMOTE.json")
    assert isinstance(found, EvidenceFault)
    assert why.lower() in found.message.lower()
    assert found.line == 1 and found.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("value", "version"), [(1, 1), (2, 2), (2.0, 2), (3, 3), (True, None), ("2", None), (None, None), (2.5, None)]
)
def test_the_version_is_a_number(value: Any, version: int | None) -> None:
    found = read(text(schema_version=value), "x")
    assert isinstance(found, Evidence)
    assert found.version == version


@pytest.mark.parametrize("strange", [None, 1, "x", [], {}, [1], [[]], True])
def test_a_field_of_a_strange_type_reads_as_absent(strange: Any) -> None:
    names = ("verdict", "subjects", "measurements", "corpus", "gate", "incumbent")
    found = read(text(schema_version=2, **dict.fromkeys(names, strange)), "x")
    assert isinstance(found, Evidence)
    assert found.verdict in {None, "x"}
    assert (found.subjects, found.measurements, found.corpus, found.gate) == ((), {}, {}, {})
    assert list(found.unknown) == []
    rows = read(text(schema_version=2, subjects=[{"id": strange, "measured": strange, "external_data": strange}]), "x")
    assert isinstance(rows, Evidence)
    assert rows.subjects[0].measured("fp32") is None and rows.subjects[0].external == {}
