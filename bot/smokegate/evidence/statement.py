"""The in-toto statement that is signed: which models, by which evidence, down to its last byte.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from smokegate.evidence.refused import SIGN_AGAIN, Refused
from smokegate.registry.paths import stem
from smokegate.registry.strict_json import JsonFault, parse

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://smokegate.dev/promote/v2"
MAX_EVIDENCE_BYTES = 16 << 20
MAX_STATEMENT_BYTES = 32 << 20
_DEPTH = 64
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    name: str
    sha256: str

    def __str__(self) -> str:
        return f"{_shown(self.name)} (sha256 {self.sha256[:12]}...)"


def build(evidence: bytes, name: str) -> bytes:
    """The statement over these very bytes; Refused for evidence that names no bytes of models."""
    document = _evidence(evidence)
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": s.name, "digest": {"sha256": s.sha256}} for s in subjects_of(document)],
        "predicateType": PREDICATE_TYPE,
        "predicate": {"evidence_sha256": _digest(evidence), "name": name, "document": document},
    }
    return json.dumps(statement, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def check(payload: bytes, evidence: bytes) -> str:
    """Hold signed bytes to the evidence at hand: the file name under which it was signed, or Refused."""
    statement = _parsed(payload, MAX_STATEMENT_BYTES, "the signed payload")
    _check_kind(statement)
    _exactly(statement, ("_type", "subject", "predicateType", "predicate"), "the signed statement")
    predicate = statement["predicate"]
    _exactly(predicate, ("evidence_sha256", "name", "document"), "its predicate")
    if not isinstance(predicate["name"], str):
        raise _malformed("its predicate's `name` is not a text")
    signed = sorted(set(_signed_subjects(statement["subject"])))
    if predicate["evidence_sha256"] != _digest(evidence):
        raise _other_evidence(signed, predicate, evidence)
    document = _evidence(evidence)
    _check_subjects(signed, document)
    if place := difference(predicate["document"], document):
        raise _malformed(f"the document inside is not the one whose digest it gives: they differ at {place.pointer}")
    return predicate["name"]


def subjects_of(document: Any) -> list[Subject]:
    """The bytes that evidence is about: models, their int8 twins and their external data."""
    rows = document.get("subjects") if isinstance(document, dict) else None
    if not isinstance(rows, list) or not rows:
        raise Refused(
            "the evidence names no model bytes (`subjects`), so a signature over it would vouch for none",
            "write evidence of version 2: smokegate gate; version 1 counts only where the policy pins it "
            "under `legacy_evidence`",
        )
    return sorted({s for n, row in enumerate(rows) for s in _subjects_of_row(row, f"subjects[{n}]")})


def _subjects_of_row(row: Any, where: str) -> Iterator[Subject]:
    if not isinstance(row, dict):
        raise _unsound(f"{where} is not an object")
    model = _named(row, "onnx", "sha256", where)
    yield model
    if row.get("int8_sha256") is not None:
        yield Subject(f"{stem(model.name)}.int8.onnx", _sha256(row["int8_sha256"], f"{where}.int8_sha256"))
    external = row.get("external_data", [])
    if not isinstance(external, list):
        raise _unsound(f"{where}.external_data is not a list")
    for n, data in enumerate(external):
        yield _named(data, "path", "sha256", f"{where}.external_data[{n}]")


def _named(row: Any, name: str, digest: str, where: str) -> Subject:
    value = row.get(name) if isinstance(row, dict) else None
    if not isinstance(value, str) or not value:
        raise _unsound(f"{where}.{name} is not a path")
    return Subject(value, _sha256(row.get(digest), f"{where}.{digest}"))


def _sha256(value: Any, where: str) -> str:
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise _unsound(f"{where} is not a SHA-256 digest in lower-case hexadecimal")
    return value


def _check_kind(statement: Any) -> None:
    if not isinstance(statement, dict):
        raise _malformed("it is not an object")
    if statement.get("_type") != STATEMENT_TYPE:
        raise _malformed(f"its _type is {_shown(statement.get('_type'))}, not {STATEMENT_TYPE}")
    if statement.get("predicateType") != PREDICATE_TYPE:
        raise Refused(
            f"the signature is over another kind of statement: its predicate type is "
            f"{_shown(statement.get('predicateType'))}, not {PREDICATE_TYPE}",
            SIGN_AGAIN,
        )


def _signed_subjects(rows: Any) -> Iterator[Subject]:
    if not isinstance(rows, list) or not rows:
        raise _malformed("it has no subject")
    for n, row in enumerate(rows):
        where = f"subject[{n}]"
        _exactly(row, ("name", "digest"), where)
        _exactly(row["digest"], ("sha256",), f"{where}.digest")
        sha256 = row["digest"]["sha256"]
        if not isinstance(row["name"], str) or not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
            raise _malformed(f"{where} is not a name with a SHA-256 digest")
        yield Subject(row["name"], sha256)


def _check_subjects(signed: list[Subject], document: Any) -> None:
    wanted = subjects_of(document)
    if signed != wanted:
        raise Refused(
            f"the signature is for another subject: it vouches for {_listed(signed)}, "
            f"and this evidence is about {_listed(wanted)}",
            SIGN_AGAIN,
        )


def _other_evidence(signed: list[Subject], predicate: dict[str, Any], evidence: bytes) -> Refused:
    """What became of the evidence since, as far as it can be told; nothing here can make it pass."""
    try:
        document = _evidence(evidence)
    except Refused as refused:
        return Refused(f"the evidence is not what was signed: {refused.reason}", _restored(predicate))
    place = difference(predicate["document"], document)
    if place is None:
        return Refused(
            "the evidence was re-serialised: it holds the same JSON value that was signed, in other bytes "
            f"(sha256 {_digest(evidence)[:12]}... here, {_shown(predicate['evidence_sha256'], 14)} signed)",
            _restored(predicate),
        )
    try:
        _check_subjects(signed, document)
    except Refused as refused:
        return refused
    return Refused(
        f"the evidence was swapped or edited after it was signed: at {place.pointer} it says {place.here}, "
        f"signed was {place.signed}",
        _restored(predicate),
    )


def _restored(predicate: dict[str, Any]) -> str:
    return (
        f"put the bytes back that were signed as {_shown(predicate['name'])} "
        f"(sha256 {_shown(predicate['evidence_sha256'], 70)}), or {SIGN_AGAIN}"
    )


# -- comparing values ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Difference:
    pointer: str
    signed: str
    here: str


def difference(signed: Any, here: Any, pointer: str = "") -> Difference | None:
    """The first place at which two JSON values differ: 1 and 1.0 are one number, 1 and true are not one value."""
    if isinstance(signed, dict) and isinstance(here, dict):
        for key in sorted(signed.keys() | here.keys()):
            place = f"{pointer}/{_shown(key)[1:-1].replace('~', '~0').replace('/', '~1')}"
            if key not in signed or key not in here:
                return Difference(place, _said(signed, key), _said(here, key))
            if found := difference(signed[key], here[key], place):
                return found
        return None
    if isinstance(signed, list) and isinstance(here, list) and len(signed) == len(here):
        pairs = enumerate(zip(signed, here, strict=True))
        return next((d for n, (a, b) in pairs if (d := difference(a, b, f"{pointer}/{n}"))), None)
    if _kind(signed) is _kind(here) and signed == here:
        return None
    return Difference(pointer or "its top", _shown(signed), _shown(here))


def _kind(value: Any) -> type:
    return float if type(value) is int else type(value)


def _said(value: dict[str, Any], key: str) -> str:
    return _shown(value[key]) if key in value else "nothing"


# -- reading ---------------------------------------------------------------------------------------------------------


def _evidence(data: bytes) -> Any:
    try:
        return parse(data, max_bytes=MAX_EVIDENCE_BYTES, max_depth=_DEPTH)
    except JsonFault as fault:
        raise _unsound(f"it is not strict JSON: {fault}") from None


def _parsed(data: bytes, max_bytes: int, what: str) -> Any:
    try:
        return parse(data, max_bytes=max_bytes, max_depth=_DEPTH + 2)
    except JsonFault as fault:
        raise _malformed(f"{what} is not strict JSON: {fault}") from None


def _exactly(value: Any, names: tuple[str, ...], where: str) -> None:
    if not isinstance(value, dict):
        raise _malformed(f"{where} is not an object")
    if missing := [name for name in names if name not in value]:
        raise _malformed(f"{where} has no `{missing[0]}`")
    if extra := [name for name in value if name not in names]:
        raise _malformed(f"{where} has a field that is not part of it: {_shown(extra[0])}")


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _malformed(why: str) -> Refused:
    return Refused(f"the signed statement is not one of ours: {why}", SIGN_AGAIN)


def _unsound(why: str) -> Refused:
    return Refused(f"the evidence cannot be signed for: {why}", "write it anew: smokegate gate")


def _listed(subjects: list[Subject]) -> str:
    shown = ", ".join(str(s) for s in subjects[:3])
    return shown if len(subjects) <= 3 else f"{shown} and {len(subjects) - 3} more"


def _shown(value: Any, longest: int = 80) -> str:
    text = json.dumps(value)
    return text if len(text) <= longest else f"{text[: longest - 3]}..."
