"""SG408: both sides of a supersession, and the cards."""

from __future__ import annotations

import pytest

from forge import Forge, passes, quiet
from smokegate.judge.report import Finding, Report


def said(report: Report) -> list[Finding]:
    passes(report)
    return [f for f in report.warnings if f.code == "SG408"]


def pair(forge: Forge) -> None:
    forge.add("alpha_v1", superseded_by="alpha_v2")
    forge.add("alpha_v2", supersedes="alpha_v1")
    forge.write("alpha_v1_card.md", "# alpha_v1\n\nSuperseded by alpha_v2.\n")
    forge.start()


@pytest.mark.parametrize(
    ("entry_id", "field", "message"),
    [
        ("alpha_v1", "superseded_by", "`alpha_v1` does not say `superseded_by`"),
        ("alpha_v2", "supersedes", "`alpha_v2` does not say `supersedes`"),
    ],
)
def test_a_side_that_falls_silent_is_missed_by_the_other(forge: Forge, entry_id: str, field: str, message: str) -> None:
    pair(forge)
    del forge.entry(entry_id)[field]
    (finding,) = said(forge.judged())
    assert finding.subject != entry_id and message in finding.message
    assert f"into `{entry_id}`" in finding.fix


def test_a_side_that_names_a_third_is_quoted(forge: Forge) -> None:
    pair(forge)
    forge.entry("alpha_v1")["superseded_by"] = "alpha_v3"
    forge.add("alpha_v3", supersedes="alpha_v1")
    (finding,) = said(forge.judged())
    assert "`alpha_v1` says superseded_by `alpha_v3`" in finding.message


def test_what_stood_is_debt(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.add("alpha_v2", supersedes="alpha_v1")
    forge.start()
    forge.entry("alpha_v2")["notes"] = "smaller"
    report = forge.judged()
    quiet(report)
    assert [(f.code, f.subject) for f in report.debt] == [("SG408", "alpha_v2")]


def test_nobody_is_superseded_by_who_is_not_there(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.entry("alpha_v1")["superseded_by"] = "alpha_v2"
    (finding,) = said(forge.judged())
    assert "is not in the registry" in finding.message and "take it back" in finding.fix


def test_who_was_retired_need_not_answer(forge: Forge) -> None:
    pair(forge)
    gone = forge.drop("alpha_v1")
    row = {"id": "alpha_v1", "sha256": gone["sha256"], "reason": "superseded", "superseded_by": "alpha_v2"}
    forge.write_json("retired.json", {"schema_version": 1, "retired": [row]})
    assert not said(forge.judged())


def test_the_card_of_the_old_one_says_so(forge: Forge) -> None:
    pair(forge)
    forge.write("alpha_v1_card.md", "# alpha_v1\n\nAn estimator.\n")
    (finding,) = said(forge.judged())
    assert (finding.subject, finding.path) == ("alpha_v1", "model/tiny/alpha_v1_card.md")


def test_sidecars_speak_where_the_schema_admits_no_further_field(forge: Forge) -> None:
    old, new = forge.add("alpha_v1"), forge.add("alpha_v2")
    forge.start()
    forge.write_json("alpha_v2.json", {**forge.read_json("alpha_v2.json"), "supersedes": old["id"]})
    (finding,) = said(forge.judged())
    assert finding.subject == "alpha_v2"
    forge.write_json("alpha_v1.json", {**forge.read_json("alpha_v1.json"), "superseded_by": new["id"]})
    assert not said(forge.judged())
