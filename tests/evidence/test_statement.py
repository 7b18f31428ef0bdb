from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from evidence.signing import document, evidence, sha256, subject
from smokegate.evidence import statement
from smokegate.evidence.refused import Refused
from smokegate.evidence.statement import Subject, difference


def refused(payload: bytes | dict[str, Any], data: bytes) -> str:
    with pytest.raises(Refused) as caught:
        statement.check(payload if isinstance(payload, bytes) else json.dumps(payload).encode(), data)
    assert caught.value.fix
    return caught.value.reason


def stated(data: bytes) -> dict[str, Any]:
    value = json.loads(statement.build(data, "PROMOTE.json"))
    assert isinstance(value, dict)
    return value


def test_a_statement_vouches_for_every_byte_that_the_evidence_names() -> None:
    external = [{"path": "fr_v2.onnx.data", "sha256": sha256("weights"), "size": 7}]
    data = evidence(subject("fr_v2", int8_sha256=sha256("int8"), external_data=external), subject("fr_v1"))
    value = stated(data)
    assert value["_type"] == "https://in-toto.io/Statement/v1"
    assert value["predicateType"] == "https://smokegate.dev/promote/v2"
    assert value["subject"] == [
        {"name": "fr_v1.onnx", "digest": {"sha256": sha256("fr_v1")}},
        {"name": "fr_v2.int8.onnx", "digest": {"sha256": sha256("int8")}},
        {"name": "fr_v2.onnx", "digest": {"sha256": sha256("fr_v2")}},
        {"name": "fr_v2.onnx.data", "digest": {"sha256": sha256("weights")}},
    ]
    assert value["predicate"]["evidence_sha256"] == sha256(data.decode())
    assert value["predicate"]["document"] == json.loads(data)
    assert statement.check(statement.build(data, "PROMOTE.json"), data) == "PROMOTE.json"


def test_data_that_two_models_share_is_named_once() -> None:
    shared = [{"path": "w.data", "sha256": sha256("w"), "size": 1}]
    value = stated(evidence(subject("a", external_data=shared), subject("b", external_data=shared)))
    assert [s["name"] for s in value["subject"]] == ["a.onnx", "b.onnx", "w.data"]


def test_a_statement_of_another_tool_in_other_spelling_stands() -> None:
    """Signers re-order, indent and spell numbers their way; what counts is the digest of the evidence."""
    data = evidence(threshold=1.0, many=1e3, none=None)
    value = stated(data)
    value["predicate"]["document"] |= {"threshold": 1, "many": 1000}
    value["subject"].reverse()
    assert statement.check(json.dumps(value, indent=4).encode(), data) == "PROMOTE.json"


@pytest.mark.parametrize("indent", [None, 4])
def test_re_serialised_evidence_is_called_that(indent: int | None) -> None:
    data = evidence()
    other = json.dumps(json.loads(data), indent=indent).encode()
    assert "re-serialised: it holds the same JSON value" in refused(statement.build(data, "PROMOTE.json"), other)


def test_other_line_endings_are_other_bytes() -> None:
    data = evidence()
    reason = refused(statement.build(data, "PROMOTE.json"), data.replace(b"\n", b"\r\n"))
    assert "re-serialised" in reason


def test_evidence_that_was_edited_says_where() -> None:
    data = evidence()
    reason = refused(statement.build(data, "PROMOTE.json"), data.replace(b"0.97", b"0.99"))
    assert "swapped or edited after it was signed: at /gate/mean_plcc it says 0.99, signed was 0.97" in reason


def test_evidence_about_another_model_says_both() -> None:
    reason = refused(statement.build(evidence(subject("fr_v1")), "PROMOTE.json"), evidence(subject("fr_v2")))
    assert reason.startswith("the signature is for another subject")
    assert f'"fr_v1.onnx" (sha256 {sha256("fr_v1")[:12]}...)' in reason
    assert f'"fr_v2.onnx" (sha256 {sha256("fr_v2")[:12]}...)' in reason


def test_subjects_are_those_of_the_evidence_even_under_its_own_digest() -> None:
    data = evidence(subject("fr_v1"), subject("fr_v2"))
    for change in (lambda s: s[:1], lambda s: [*s, {"name": "x.onnx", "digest": {"sha256": sha256("x")}}]):
        value = stated(data)
        value["subject"] = change(value["subject"])
        assert "for another subject" in refused(value, data)


def test_broken_evidence_is_not_what_was_signed() -> None:
    payload = statement.build(evidence(), "PROMOTE.json")
    for broken in (b"", b"{", b"[1, 1e999]", b'{"a": 1, "a": 1}', b"\xff"):
        assert "the evidence is not what was signed" in refused(payload, broken)


@pytest.mark.parametrize("kind", ["https://slsa.dev/provenance/v1", "https://smokegate.dev/promote/v1", "", None, 3])
def test_another_predicate_type_is_named(kind: object) -> None:
    value = stated(evidence())
    value["predicateType"] = kind
    reason = refused(value, evidence())
    assert f"its predicate type is {json.dumps(kind)}, not https://smokegate.dev/promote/v2" in reason


def test_a_statement_of_another_kind_with_fields_of_its_own_is_refused_by_its_type() -> None:
    value = {**stated(evidence()), "predicateType": "https://slsa.dev/provenance/v1", "predicate": {"builder": {}}}
    assert "another kind of statement" in refused(value, evidence())


def _altered(value: Any) -> Iterator[Any]:
    """Every value one step away: each member or item gone, renamed, added, or of another value."""
    if isinstance(value, dict):
        yield {**value, "extra": 1}
        for key, child in value.items():
            rest = {k: v for k, v in value.items() if k != key}
            yield rest
            yield {**rest, f"{key}x": child}
            yield from ({**value, key: other} for other in _altered(child))
    elif isinstance(value, list):
        yield []
        yield [*value, 7]
        for n, child in enumerate(value):
            yield from ([*value[:n], other, *value[n + 1 :]] for other in _altered(child))
    else:
        yield from (None, True, 12345, "another", [value], {"a": value})
        if isinstance(value, str):
            yield from (value + "0", value.upper() + "X", value[:-1])


def test_no_statement_that_differs_in_anything_but_its_name_stands() -> None:
    data = evidence(subject("fr_v1", external_data=[{"path": "w", "sha256": sha256("w"), "size": 1}]))
    value = stated(data)
    tried = 0
    for other in _altered(value):
        if isinstance(other.get("predicate"), dict) and isinstance(other["predicate"].get("name"), str):
            unnamed = copy.deepcopy(other)
            unnamed["predicate"]["name"] = "PROMOTE.json"
            if unnamed == value:
                continue
        refused(other, data)
        tried += 1
    assert tried > 150


def test_no_evidence_that_differs_in_anything_stands() -> None:
    data = evidence(subject("fr_v1", int8_sha256=None))
    payload = statement.build(data, "PROMOTE.json")
    others = [
        text for text in (json.dumps(o, indent=2) + "\n" for o in _altered(json.loads(data))) if text != data.decode()
    ]
    assert len(others) > 60
    for other in others:
        refused(payload, other.encode())


@pytest.mark.parametrize(
    ("subjects", "said"),
    [
        (None, "names no model bytes"),
        ([], "names no model bytes"),
        ("fr_v1.onnx", "names no model bytes"),
        (["fr_v1.onnx"], "subjects[0] is not an object"),
        ([{}], "subjects[0].onnx is not a path"),
        ([subject("a", onnx="")], "subjects[0].onnx is not a path"),
        ([subject("a", sha256=None)], "subjects[0].sha256 is not a SHA-256"),
        ([subject("a"), subject("b", sha256="A" * 64)], "subjects[1].sha256 is not a SHA-256"),
        ([subject("a", sha256="0" * 63)], "subjects[0].sha256 is not a SHA-256"),
        ([subject("a", int8_sha256="")], "subjects[0].int8_sha256 is not a SHA-256"),
        ([subject("a", external_data={})], "subjects[0].external_data is not a list"),
        ([subject("a", external_data=[{"path": "w"}])], "subjects[0].external_data[0].sha256 is not a SHA-256"),
        ([subject("a", external_data=[3])], "subjects[0].external_data[0].path is not a path"),
    ],
)
def test_evidence_that_names_no_sound_bytes_is_not_signed(subjects: Any, said: str) -> None:
    with pytest.raises(Refused) as caught:
        statement.build(json.dumps(document() | {"subjects": subjects}).encode(), "PROMOTE.json")
    assert said in caught.value.reason


def test_fifty_megabytes_are_not_signed() -> None:
    with pytest.raises(Refused, match="at most"):
        statement.build(b'{"a": "' + b"x" * (50 << 20) + b'"}', "PROMOTE.json")


@pytest.mark.parametrize(
    ("signed", "here", "pointer"),
    [
        (1, 1.0, None),
        (0, -0.0, None),
        (1, True, "its top"),
        (0, False, "its top"),
        (None, False, "its top"),
        ({"a": [1, {"b": "x"}]}, {"a": [1, {"b": "y"}]}, "/a/1/b"),
        ({"a/b": {"~": 1}}, {"a/b": {"~": 2}}, "/a~1b/~0"),
        ([1, 2], [1, 2, 3], "its top"),
        ({"a": 1}, {"b": 1}, "/a"),
        ({}, {"b": 1}, "/b"),
    ],
)
def test_values_are_compared_as_json(signed: Any, here: Any, pointer: str | None) -> None:
    found = difference(signed, here)
    assert (found and found.pointer) == pointer


def test_a_subject_is_shown_on_one_short_line() -> None:
    assert len(str(Subject("\n" * 500, "0" * 64))) < 120
    assert "\n" not in str(Subject("\n" * 500, "0" * 64))
