"""`smokegate-report-v1`: strict JSON, held to its published schema, and nothing lost on the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given

from render.attacks import hostile_text, quick
from render.specimens import BLOCKED, GOLDEN, HOSTILE, MANY, PASSED, hostile
from smokegate.judge.report import Change, What
from smokegate.render import json_report, sarif

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "schemas/report.schema.json").read_text())
VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA)


def strictly(text: str) -> Any:
    """Parse as the strictest reader would."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({name for name, _ in pairs}) == len(pairs)
        assert [name for name, _ in pairs] == sorted(name for name, _ in pairs)
        return dict(pairs)

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    assert text.isascii() and text.endswith("}\n")
    assert all(ch.isprintable() or ch == "\n" for ch in text)
    assert "##[" not in text and not any(line.lstrip().startswith("::") for line in text.split("\n"))
    document = json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    json.dumps(document, ensure_ascii=False).encode()  # no lone surrogate
    return document


@pytest.mark.parametrize("name", GOLDEN)
def test_fits_the_schema(name: str) -> None:
    VALIDATOR.validate(strictly(json_report.render(GOLDEN[name])))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_fits_the_schema(text: str) -> None:
    VALIDATOR.validate(strictly(json_report.render([hostile(text)])))


@quick
@given(hostile_text)
def test_any_text_comes_back(text: str) -> None:
    document = strictly(json_report.render([hostile(text)]))
    VALIDATOR.validate(document)
    if text.encode(errors="replace").decode() == text:
        assert document["findings"][0]["path"] == document["changes"][0]["id"] == document["notes"][0] == text
    strictly(sarif.render([hostile(text)]))


def test_what_utf_8_cannot_hold_is_spelled_out() -> None:
    assert strictly(json_report.render([hostile("a\udcffb\ud800é\n")]))["registry"] == "a\\xffb\\ud800é\n"


def test_one_report_is_an_object_and_several_are_a_set() -> None:
    one = strictly(json_report.render([PASSED], version="1.2.3"))
    assert (one["schema"], one["verdict"], one["tool"]["version"]) == ("smokegate-report-v1", "pass", "1.2.3")
    several = strictly(json_report.render([PASSED, BLOCKED], version="1.2.3"))
    assert (several["schema"], several["verdict"]) == ("smokegate-report-set-v1", "block")
    assert several["reports"] == [one, strictly(json_report.render([BLOCKED], version="1.2.3"))]
    assert strictly(json_report.render([])) == {"schema": "smokegate-report-set-v1", "verdict": "pass", "reports": []}


def test_the_whole_report_is_told() -> None:
    document = strictly(json_report.render([MANY]))
    assert len(document["findings"]) == len(MANY.findings)
    assert document["summary"] == {
        "blocking": 1_500,
        "warnings": 500,
        "standing": 500,
        "entries_before": 12,
        "entries_after": 12,
    }


def test_a_change_names_only_what_is_there() -> None:
    added = json_report._change(Change("x", What.ADDED, stage_after="smoke"))
    assert added == {"id": "x", "what": "added", "fields": [], "identity_changed": False, "stage_after": "smoke"}
    flipped = json_report._change(Change("x", What.RENAMED, ("id",), "w", "smoke", "smoke", "a", "b", True))
    assert set(flipped) == set(SCHEMA["$defs"]["change"]["properties"])


def _damaged(path: str, value: Any) -> Any:
    document = json.loads(json_report.render([BLOCKED]))
    *parents, last = path.split(".")
    place = document
    for part in parents:
        place = place[int(part)] if isinstance(place, list) else place[part]
    if value is KeyError:
        del place[last]
    else:
        place[last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("schema", "smokegate-report-v2"),
        ("verdict", "pass"),
        ("verdict", "fine"),
        ("summary.blocking", 0),
        ("summary.blocking", -1),
        ("self_attested", KeyError),
        ("extra", 1),
        ("findings.0.line", 0),
        ("findings.0.line", KeyError),
        ("findings.0.severity", "off"),
        ("findings.0.code", "X1"),
        ("findings.0.extra", 1),
        ("changes.0.what", "gone"),
        ("changes.0.was", None),
        ("changes.0.stage_after", "staging"),
        ("tool.name", "other"),
        ("notes.0", 1),
    ],
)
def test_the_schema_refuses(path: str, value: Any) -> None:
    if path == "notes.0":
        document = json.loads(json_report.render([BLOCKED])) | {"notes": [1]}
    else:
        document = _damaged(path, value)
    assert not VALIDATOR.is_valid(document)


def test_the_schema_refuses_a_set_that_is_better_than_its_worst() -> None:
    document = json.loads(json_report.render([PASSED, BLOCKED]))
    assert not VALIDATOR.is_valid(document | {"verdict": "pass"})
    assert not VALIDATOR.is_valid(document | {"reports": []})


def test_the_schema_is_sound() -> None:
    jsonschema_rs.meta.validate(SCHEMA)
