"""SG406 and SG407: what is said when something is taken away."""

from __future__ import annotations

from typing import Any

import pytest

from forge import Forge, passes, quiet, sha256
from onnx_models import with_external
from smokegate.judge.report import Report


def warnings(report: Report) -> list[str]:
    passes(report)
    return [f.code for f in report.warnings]


def demoted(forge: Forge) -> None:
    forge.add("alpha_v1", smoke=False, notes="trained on four corpora", description="an estimator")
    forge.write("alpha_v1_card.md", "# alpha_v1\n")
    forge.start()
    forge.entry("alpha_v1")["smoke"] = True


def test_a_demotion_says_why(forge: Forge) -> None:
    demoted(forge)
    assert warnings(forge.judged()) == ["SG406"]


@pytest.mark.parametrize(
    "fields",
    [{"notes": "drifts on grain"}, {"description": "an estimator that drifts on grain"}],
)
def test_in_the_row(forge: Forge, fields: dict[str, Any]) -> None:
    demoted(forge)
    forge.entry("alpha_v1").update(fields)
    quiet(forge.judged())


def test_or_in_the_card(forge: Forge) -> None:
    demoted(forge)
    forge.write("alpha_v1_card.md", "# alpha_v1\n\nDrifts on grain.\n")
    quiet(forge.judged())


def test_taking_words_away_says_nothing(forge: Forge) -> None:
    demoted(forge)
    del forge.entry("alpha_v1")["notes"]
    forge.delete("alpha_v1_card.md")
    assert sorted(warnings(forge.judged())) == ["SG406", "SG407"]


def test_emptying_a_field_loses_it(forge: Forge) -> None:
    forge.add("alpha_v1", description="an estimator", license_url="https://example.invalid/l")
    forge.start()
    forge.entry("alpha_v1")["description"] = ""
    del forge.entry("alpha_v1")["license_url"]
    report = forge.judged()
    assert warnings(report) == ["SG407"]
    assert "`description`, `license_url`" in report.warnings[0].message


def test_what_was_empty_is_not_lost(forge: Forge) -> None:
    forge.add("alpha_v1", description="")
    forge.start()
    del forge.entry("alpha_v1")["description"]
    quiet(forge.judged())


def test_a_rename_loses_no_field_unseen(forge: Forge) -> None:
    entry = forge.add("alpha_v1", description="an estimator")
    forge.start()
    row = {"id": "alpha_v1", "sha256": entry["sha256"], "reason": "a name", "superseded_by": "alpha_v2"}
    forge.write_json("retired.json", {"schema_version": 1, "retired": [row]})
    entry["id"] = "alpha_v2"
    del entry["description"]
    assert warnings(forge.judged()) == ["SG407"]


@pytest.mark.parametrize("whole", [True, False])
def test_pins_may_move_to_the_sidecar_if_all_of_them_do(forge: Forge, whole: bool) -> None:
    model, data = with_external(1)
    forge.write("weights.bin", data)
    forge.write("more.bin", data)
    pins = [{"path": name, "sha256": sha256(data), "size": len(data)} for name in ("weights.bin", "more.bin")]
    forge.add("alpha_v1", model, external_data=pins)
    forge.start()
    del forge.entry("alpha_v1")["external_data"]
    kept = pins if whole else pins[:1]
    forge.write_json("alpha_v1.json", forge.sidecar(model, external_data=kept))
    assert warnings(forge.judged()) == ([] if whole else ["SG407"])


def test_supersession_may_move_to_the_sidecar(forge: Forge) -> None:
    forge.add("alpha_v1", superseded_by="alpha_v2")
    forge.add("alpha_v2", supersedes="alpha_v1")
    forge.start()
    for entry_id, field in (("alpha_v1", "superseded_by"), ("alpha_v2", "supersedes")):
        value = forge.entry(entry_id).pop(field)
        forge.write_json(f"{entry_id}.json", {**forge.read_json(f"{entry_id}.json"), field: value})
    quiet(forge.judged())
