"""SG103 and SG104: one bearer per name, and one judge at a time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from checks.cases.sg104 import SCHEMA
from forge import Forge, codes, passes, quiet
from onnx_models import mlp
from smokegate.judge.report import Finding, Report


def found(report: Report, code: str) -> list[Finding]:
    return [f for f in report.findings if f.code == code]


def twice(forge: Forge, **fields: Any) -> dict[str, Any]:
    copy = {**forge.entry("alpha_v1"), **fields}
    forge.registry["models"].append(copy)
    return copy


# -- SG103 -------------------------------------------------------------------------------------------------------------


def test_a_second_bearer_of_an_id_is_told_at_its_row(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.write("other.onnx", mlp(9))
    twice(forge, onnx="other.onnx")
    (finding,) = found(forge.judged(), "SG103")
    assert finding.subject == "alpha_v1#2" and "`alpha_v1`" in finding.message
    lines = forge.path("registry.json").read_text().splitlines()
    assert finding.line == max(n for n, line in enumerate(lines, 1) if '"id": "alpha_v1"' in line)


@pytest.mark.parametrize("spelling", ["./alpha_v1.onnx", "x/../alpha_v1.onnx", "/model/tiny/../tiny/alpha_v1.onnx"])
def test_another_spelling_of_a_path_is_the_same_file_or_refused(forge: Forge, spelling: str) -> None:
    forge.add("alpha_v1")
    forge.start()
    twice(forge, id="alpha_v2", onnx=spelling)
    assert {"SG103", "SG206"} & set(codes(forge.judged()))


def test_standing_duplicates_are_debt_whatever_happens_to_their_notes(forge: Forge) -> None:
    forge.add("alpha_v1")
    second = twice(forge, onnx="other.onnx")
    forge.write("other.onnx", forge.path("alpha_v1.onnx").read_bytes())
    forge.write("other.json", forge.path("alpha_v1.json").read_bytes())
    forge.start()
    forge.add("beta_v1")
    second["notes"] = "the same model, twice"
    report = forge.judged()
    passes(report)
    assert [f.introduced for f in found(report, "SG103")] == [False]


def test_a_third_bearer_is_not_an_old_fault(forge: Forge) -> None:
    forge.add("alpha_v1")
    twice(forge)
    forge.start()
    twice(forge)
    assert "SG103" in codes(forge.judged())


def test_a_duplicate_that_goes_to_production_is_not_an_old_fault(forge: Forge) -> None:
    forge.add("alpha_v1")
    second = twice(forge)
    forge.start()
    second["smoke"] = False
    assert "SG103" in codes(forge.judged())


# -- SG104 -------------------------------------------------------------------------------------------------------------


def test_a_schema_that_only_looks_different_says_nothing(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.write_json("registry.schema.json", SCHEMA)
    forge.start()
    forge.write("registry.schema.json", json.dumps(SCHEMA, sort_keys=True))
    forge.add("beta_v1")
    assert not found(forge.judged(), "SG104")


def test_true_and_one_are_two_schemas(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.write_json("registry.schema.json", {"not": {"const": True}})
    forge.start()
    forge.write_json("registry.schema.json", {"not": {"const": 1}})
    forge.add("beta_v1")
    assert found(forge.judged(), "SG104")


def test_a_schema_that_goes_or_breaks_with_entries_is_said(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.write_json("registry.schema.json", SCHEMA)
    forge.start()
    forge.add("beta_v1")
    forge.write("registry.schema.json", "{]")
    assert found(forge.judged(), "SG104")
    forge.delete("registry.schema.json")
    assert found(forge.judged(), "SG104")


def test_a_first_registry_may_bring_its_schema(forge: Forge) -> None:
    forge.write("/README.md", "nothing yet")
    forge.git("add", "-A")
    forge.git("commit", "-qm", "empty")
    forge.base = forge.git("rev-parse", "HEAD")
    forge.write_json("registry.schema.json", SCHEMA)
    forge.add("alpha_v1")
    quiet(forge.judged())
