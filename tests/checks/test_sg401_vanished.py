"""SG401 and what it takes for an entry to leave a registry."""

from __future__ import annotations

import json
from typing import Any

import pytest

from forge import Forge, codes, only, passes, quiet
from smokegate.judge.report import What

BLOCKED = "SG401"


def record(forge: Forge, *rows: dict[str, Any]) -> None:
    forge.write_json("retired.json", {"schema_version": 1, "retired": list(rows)})


def started(forge: Forge, **fields: Any) -> dict[str, Any]:
    forge.add("alpha_v1")
    gone = forge.add("beta_v1", **fields)
    forge.add("gamma_v1")
    forge.start()
    return gone


@pytest.mark.parametrize("smoke", [True, False])
def test_an_entry_that_goes_leaves_a_record(forge: Forge, smoke: bool) -> None:
    gone = started(forge, smoke=smoke)
    forge.drop("beta_v1")
    finding = only(forge.judged(), BLOCKED)
    assert finding.subject == "beta_v1"
    assert f"the {'smoke' if smoke else 'production'} entry `beta_v1` vanishes" in finding.message
    assert finding.fix.startswith('smokegate retire beta_v1 --reason "..."')

    record(forge, {"id": "beta_v1", "sha256": gone["sha256"], "reason": "drifts"})
    report = forge.judged()
    passes(report)
    assert [c.what for c in report.changes if c.id == "beta_v1"] == [What.RETIRED]


def test_the_line_is_that_of_the_neighbour_that_stayed(forge: Forge) -> None:
    started(forge)
    forge.drop("beta_v1")
    line = only(forge.judged(), BLOCKED).line
    assert line is not None
    text = forge.path("registry.json").read_text().splitlines()
    assert '"id": "alpha_v1"' in text[line]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sha256": "0" * 64}, "names other bytes"),
        ({"reason": "  "}, "gives no reason"),
        ({"reason": 7}, "gives no reason"),
        ({"superseded_by": "delta_v9"}, "its successor `delta_v9` is not in the registry"),
        ({"superseded_by": "beta_v1"}, "its successor `beta_v1` is not in the registry"),
        ({"id": "Beta_v1"}, "there is no record of it"),
        ({"id": None}, "there is no record of it"),
    ],
)
def test_a_record_that_says_less_does_not_count(forge: Forge, change: dict[str, Any], said: str) -> None:
    gone = started(forge)
    forge.drop("beta_v1")
    record(forge, {"id": "beta_v1", "sha256": gone["sha256"], "reason": "drifts", **change})
    assert said in only(forge.judged(), BLOCKED).message


@pytest.mark.parametrize("text", ["[]", '{"retired": {}}', '{"retired": ["beta_v1"]}', "null"])
def test_a_record_of_another_shape_is_none(forge: Forge, text: str) -> None:
    started(forge)
    forge.drop("beta_v1")
    forge.write("retired.json", text)
    only(forge.judged(), BLOCKED)


def test_a_record_that_cannot_be_read_is_said(forge: Forge) -> None:
    started(forge)
    forge.drop("beta_v1")
    forge.write("retired.json", '{"retired": [')
    report = forge.judged()
    assert sorted(codes(report)) == ["SG102", BLOCKED]
    assert "cannot be read" in next(f for f in report.blocking if f.code == BLOCKED).message


def test_a_record_of_these_bytes_counts_whenever_it_was_written(forge: Forge) -> None:
    gone = forge.add("beta_v1")
    record(forge, {"id": "beta_v1", "sha256": gone["sha256"], "reason": "drifts"})
    forge.start()
    forge.drop("beta_v1")
    passes(forge.judged())


def test_the_digest_of_the_record_may_be_that_of_the_bytes_or_the_declared_one(forge: Forge) -> None:
    gone = started(forge, sha256="1" * 64)
    forge.drop("beta_v1")
    for digest in ("1" * 64, json.loads(forge.path("beta_v1.json").read_text())["sha256"]):
        record(forge, {**gone, "id": "beta_v1", "sha256": digest, "reason": "drifts"})
        passes(forge.judged())


def test_a_registry_deleted_whole_loses_every_entry(forge: Forge) -> None:
    started(forge)
    forge.delete("registry.json")
    forge.commit(save=False)
    report = forge.check()
    assert {(f.code, f.subject) for f in report.blocking} == {
        (BLOCKED, "alpha_v1"),
        (BLOCKED, "beta_v1"),
        (BLOCKED, "gamma_v1"),
    }
    assert all(f"git checkout {report.base} -- model/tiny/registry.json" in f.fix for f in report.blocking)


@pytest.mark.parametrize("text", ["{}", '{"models": {}}', "[]", "null", '{"models": []}', '{"models": [null, 3, "x"]}'])
def test_a_registry_that_no_longer_lists_models_loses_every_entry(forge: Forge, text: str) -> None:
    started(forge)
    forge.write("registry.json", text)
    forge.commit(save=False)
    assert codes(forge.check()).count(BLOCKED) == 3


def test_a_registry_moved_to_where_nobody_governs_vanishes_and_is_pointed_at(forge: Forge) -> None:
    started(forge)
    forge.git("mv", "model/tiny/registry.json", "model/tiny/models.json")
    forge.commit(save=False)
    report = forge.check()
    assert codes(report) == [BLOCKED] * 3
    assert "model/tiny/models.json looks like a registry, and no policy governs it" in report.notes


def test_a_registry_moved_to_another_folder_vanishes_from_the_old_one(forge: Forge) -> None:
    started(forge, smoke=False)
    forge.git("mv", "model/tiny", "model/small")
    forge.commit(save=False)
    old, new = sorted(forge.check_all(), key=lambda r: r.registry != "model/tiny/registry.json")
    assert codes(old) == [BLOCKED] * 3
    assert codes(new) == ["SG405"]


@pytest.mark.parametrize("smoke", [True, False])
def test_a_rename_goes_with_a_retirement(forge: Forge, smoke: bool) -> None:
    gone = started(forge, smoke=smoke)
    forge.entry("beta_v1")["id"] = "beta_v2"
    report = forge.judged()
    finding = next(f for f in report.blocking if f.code == BLOCKED)
    assert "the same bytes now stand under `beta_v2`" in finding.message
    assert "smokegate retire beta_v1" in finding.fix and "--superseded-by beta_v2" in finding.fix
    assert codes(report) == [BLOCKED] if smoke else sorted(codes(report)) == [BLOCKED, "SG405"]

    record(forge, {"id": "beta_v1", "sha256": gone["sha256"], "reason": "named after", "superseded_by": "beta_v2"})
    passes(forge.judged())


def test_an_id_in_another_case_is_another_id(forge: Forge) -> None:
    started(forge, smoke=False)
    forge.entry("beta_v1")["id"] = "Beta_v1"
    assert {BLOCKED, "SG405", "SG101"} <= set(codes(forge.judged()))


def test_one_of_two_bearers_of_an_id_cannot_slip_away(forge: Forge) -> None:
    forge.add("alpha_v1", smoke=False)
    forge.add("alpha_v1", smoke=False, onnx="other.onnx")
    forge.start()
    forge.drop("alpha_v1")
    assert {"SG404", BLOCKED} <= set(codes(forge.judged()))


def test_an_entry_without_an_id_cannot_slip_away(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.add("beta_v1")
    del forge.registry["models"][1]["id"]
    forge.start()
    forge.registry["models"].pop()
    assert "give it an id" in only(forge.judged(), BLOCKED).fix


# -- rows that never had an id of their own ----------------------------------------------------------------------------


def test_of_two_equal_rows_one_may_go(forge: Forge) -> None:
    twice = forge.add("alpha_v1", smoke=False)
    forge.add("beta_v1")
    forge.registry["models"].append(dict(twice))
    forge.start()
    forge.registry["models"].pop()
    quiet(forge.judged())


@pytest.mark.parametrize("fields", [{"smoke": True}, {"kind": "nr"}])
def test_rows_that_differ_in_stage_or_meaning_are_no_copies(forge: Forge, fields: dict[str, Any]) -> None:
    forge.registry["models"].append({**forge.add("alpha_v1", smoke=False), **fields})
    forge.start()
    forge.registry["models"].pop()
    assert "an id of its own" in only(forge.judged(), BLOCKED).fix


@pytest.mark.parametrize("smoke", [True, False])
@pytest.mark.parametrize("shared", [True, False])
def test_a_row_may_be_given_an_id_of_its_own(forge: Forge, shared: bool, smoke: bool) -> None:
    forge.add("alpha_v1", smoke=smoke)
    forge.add("alpha_v1", onnx="beta.onnx", smoke=smoke)
    row = forge.registry["models"][1]
    if not shared:
        del row["id"]
    forge.start()
    row["id"] = "beta_v1"
    quiet(forge.judged())


def test_with_its_new_id_a_row_goes_no_further(forge: Forge) -> None:
    forge.add("alpha_v1", smoke=False)
    row = forge.add("alpha_v1", onnx="beta.onnx")
    forge.start()
    row.update(id="beta_v1", smoke=False)
    only(forge.judged(), "SG403")


def test_where_there_are_several_registries_the_fix_says_which(forge: Forge) -> None:
    started(forge)
    forge.write_json("/model/other/registry.json", {"schema_version": 1, "models": []})
    forge.start()
    forge.drop("beta_v1")
    forge.commit()
    (report,) = (r for r in forge.check_all() if r.registry == "model/tiny/registry.json")
    retire = 'smokegate retire beta_v1 --reason "..." --registry model/tiny/registry.json'
    assert only(report, BLOCKED).fix.startswith(retire)


# -- the record itself -------------------------------------------------------------------------------------------------


def retired_long_ago(forge: Forge) -> None:
    forge.add("alpha_v1")
    record(forge, {"id": "beta_v1", "sha256": "2" * 64, "reason": "drifts"})
    forge.start()


@pytest.mark.parametrize("rest", [None, [], [{"id": "beta_v1", "sha256": "3" * 64, "reason": "drifts"}]])
def test_a_record_is_not_taken_back(forge: Forge, rest: list[dict[str, Any]] | None) -> None:
    retired_long_ago(forge)
    if rest is None:
        forge.delete("retired.json")
    else:
        record(forge, *rest)
    report = forge.judged()
    finding = only(report, BLOCKED)
    assert (finding.subject, finding.path) == ("beta_v1", "model/tiny/retired.json")
    forge.git("checkout", report.base, "--", "model/tiny/retired.json")
    quiet(forge.judged())


def test_a_record_may_be_worded_anew_and_joined_by_others(forge: Forge) -> None:
    retired_long_ago(forge)
    record(
        forge,
        {"id": "older_v1", "sha256": "4" * 64, "reason": "was before our time"},
        {"id": "beta_v1", "sha256": "2" * 64, "reason": "drifts on film grain"},
    )
    quiet(forge.judged())


def test_a_retirement_that_is_undone_takes_its_record_with_it(forge: Forge) -> None:
    gone = started(forge)
    forge.drop("beta_v1")
    record(forge, {"id": "beta_v1", "sha256": gone["sha256"], "reason": "by mistake"})
    forge.start()
    forge.git("revert", "--no-edit", "HEAD")
    passes(forge.check())
