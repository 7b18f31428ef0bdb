from __future__ import annotations

import json
import math
from typing import Any

import pytest

from evidence.specimens import SOUND, comparison, ensemble, items, seeds
from smokegate.evidence.write import to_bytes


@pytest.mark.parametrize("shape", SOUND)
def test_bytes_are_sorted_strict_and_end_in_a_newline(shape: str) -> None:
    data = to_bytes(SOUND[shape]())
    assert data.endswith(b"}\n") and not data.endswith(b"\n\n")
    value = json.loads(data)
    assert json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False).encode() + b"\n" == data


def test_what_is_not_finite_is_not_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        to_bytes({"a": math.nan})


def test_the_verdict_is_worked_out_and_not_handed_in() -> None:
    rows = seeds()
    assert ensemble(seeds=rows)["verdict"] == "PROMOTE"
    rows[1]["folds"][0]["plcc"] = None
    held = ensemble(seeds=rows)
    assert held["verdict"] == "HOLD" and held["gate"]["passed"] is False
    assert held["recommendation"].startswith("HOLD: ensemble-plcc is not met.")
    assert held["gate"]["per_seed_plccs"]["1"] is None and held["gate"]["failing_seeds"] == [1]


def test_a_gate_that_is_no_ensembles_has_no_ensembles_numbers() -> None:
    gate: dict[str, Any] = comparison()["gate"]
    assert (gate["mean_plcc"], gate["per_seed_min"], gate["per_seed_pass"]) == (None, None, None)
    assert (gate["per_seed_plccs"], gate["failing_seeds"]) == ({}, [])
    assert gate["comparison"]["low"] > 0 and gate["comparison"]["items"] == 40


def test_a_promote_without_subjects_says_that_it_names_no_bytes() -> None:
    assert "names no model bytes yet" in ensemble(subjects=[])["recommendation"]
    assert "names no model bytes" not in ensemble()["recommendation"]


def test_a_promote_after_a_hold_says_so() -> None:
    assert "follows a HOLD of 2026-05-01" in ensemble(follows_hold="2026-05-01T00:00:00Z")["recommendation"]


def test_without_an_incumbent_there_is_no_interval() -> None:
    rule = comparison(items=items(incumbent=False))["gate"]["comparison"]
    assert (rule["low"], rule["high"], rule["inconclusive"]) == (None, None, False)
