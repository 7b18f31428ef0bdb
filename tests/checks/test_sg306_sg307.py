"""SG306 and SG307: a model runs, and what takes over from another can be fed like it."""

from __future__ import annotations

from typing import Any

import pytest
from onnx import TensorProto

from forge import Forge, codes, only, passes, quiet, sha256
from onnx_models import foreign, mlp, not_finite, passing_on, two_inputs, with_external
from smokegate.judge.report import Finding, Report, Severity
from sources.scratch_git import pointer_to


def found(report: Report, code: str) -> list[Finding]:
    return [f for f in report.findings if f.code == code]


# -- SG306 -------------------------------------------------------------------------------------------------------------


def test_output_that_is_no_number(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", not_finite())
    finding = only(forge.judged(), "SG306")
    assert "NaN" in finding.message and "`score`" in finding.message.replace("'", "`")


def test_a_model_that_loads_and_cannot_run(forge: Forge) -> None:
    forge.write("/.smokegate.yml", "ops: {extra: ['com.acme:Magic']}\n")
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", foreign("Magic", "com.acme"), sidecar=None)
    only(forge.judged(), "SG306")


def test_weights_from_outside_are_handed_in(forge: Forge) -> None:
    model, data = with_external(1, "beta_v1.bin")
    pin = {"path": "beta_v1.bin", "sha256": sha256(data), "size": len(data)}
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", model, external_data=[pin])
    forge.write("beta_v1.bin", data)
    quiet(forge.judged())


def test_weights_that_make_it_explode_are_the_models_fault(forge: Forge) -> None:
    model, data = with_external(1, "beta_v1.bin")
    nan = b"\xff\xff\xff\x7f" * (len(data) // 4)
    forge.add("alpha_v1")
    forge.start()
    pin = {"path": "beta_v1.bin", "sha256": sha256(nan), "size": len(nan)}
    forge.add("beta_v1", model, external_data=[pin])
    forge.write("beta_v1.bin", nan)
    only(forge.judged(), "SG306")


def test_a_twin_runs_too(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.write("alpha_v1.int8.onnx", not_finite())
    forge.entry("alpha_v1").update(quant_mode="static", int8_sha256=sha256(not_finite()))
    assert "alpha_v1.int8.onnx" in next(f for f in forge.judged().blocking if f.code == "SG306").message


def test_an_old_failure_is_debt_until_it_goes_up(forge: Forge) -> None:
    forge.add("alpha_v1", not_finite())
    forge.start()
    forge.entry("alpha_v1")["quant_calibration_set"] = "clips"
    report = forge.judged()
    passes(report)
    assert [f.introduced for f in found(report, "SG306")] == [False]
    forge.entry("alpha_v1")["smoke"] = False
    assert "SG306" in codes(forge.judged())


# -- SG307 -------------------------------------------------------------------------------------------------------------


def succession(forge: Forge, old: bytes, new: bytes, **fields: Any) -> Report:
    forge.add("alpha_v1", old, sidecar=None)
    forge.start()
    forge.entry("alpha_v1")["superseded_by"] = "alpha_v2"
    forge.add("alpha_v2", new, **{"sidecar": None, "supersedes": "alpha_v1", **fields})
    return forge.judged()


BROKEN = {
    "dtype": ({}, {"dtype": TensorProto.DOUBLE}, "is float64, was float32"),
    "fixed size": ({}, {"shape": ("N", 7)}, "has shape [N, 7], was [N, 6]"),
    "fixed batch": ({}, {"shape": (1, 6)}, "has shape [1, 6], was [N, 6]"),
    "rank": ({}, {"shape": ("N", 6, 1)}, "has shape [N, 6, 1]"),
    "input lost": ({"further_input": True}, {}, "input `further_in` is gone"),
    "input renamed": ({}, {"feed": "pixels"}, "input `features` is gone"),
    "output renamed": ({}, {"output": "quality"}, "output `score` is gone"),
    "further input": ({}, {"further_input": True}, "wants a further input `further_in`"),
    "output lost": ({"further_output": True}, {}, "output `further_out` is gone"),
}


@pytest.mark.parametrize(("old", "new", "why"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_contract(forge: Forge, old: dict[str, Any], new: dict[str, Any], why: str) -> None:
    finding = only(succession(forge, passing_on(**old), passing_on(**new)), "SG307")
    assert why in finding.message and finding.subject == "alpha_v2"
    lines = forge.path("registry.json").read_text().splitlines()
    assert finding.line is not None and '"supersedes"' in lines[finding.line - 1]


KEPT = {
    "the same": ({}, {}),
    "freer size": ({"shape": (1, 6)}, {"shape": ("N", 6)}),
    "freer still": ({}, {"shape": ("batch", None)}),
    "an output more": ({}, {"further_output": True}),
}


@pytest.mark.parametrize(("old", "new"), KEPT.values(), ids=KEPT.keys())
def test_a_kept_contract(forge: Forge, old: dict[str, Any], new: dict[str, Any]) -> None:
    assert not found(succession(forge, passing_on(**old), passing_on(**new)), "SG307")


def test_succession_may_be_said_in_the_sidecar(forge: Forge) -> None:
    new = mlp(2, output="quality")
    report = succession(forge, mlp(1), new, supersedes=None, sidecar={"supersedes": "alpha_v1"})
    assert "SG307" in codes(report)


def test_a_harmless_predecessor_does_not_hide_another(forge: Forge) -> None:
    forge.add("harmless_v1", mlp(3, output="quality"), sidecar=None)
    sidecar = {"supersedes": "alpha_v1"}
    report = succession(forge, mlp(1), mlp(2, output="quality"), supersedes="harmless_v1", sidecar=sidecar)
    assert "supersedes `alpha_v1`" in only(report, "SG307").message


def test_a_predecessor_that_leaves_on_the_same_day_is_remembered(forge: Forge) -> None:
    forge.add("alpha_v1", mlp(1))
    forge.start()
    forge.drop("alpha_v1")
    forge.add("alpha_v2", mlp(2, output="quality"), sidecar=None, supersedes="alpha_v1")
    assert "SG307" in codes(forge.judged())


def test_a_predecessor_that_nobody_can_look_at_is_said(forge: Forge) -> None:
    forge.add("alpha_v1", two_inputs(7), sidecar=None)
    forge.write("alpha_v1.onnx", pointer_to(two_inputs(7)))
    forge.start()
    forge.entry("alpha_v1")["superseded_by"] = "alpha_v2"
    forge.add("alpha_v2", mlp(2), supersedes="alpha_v1")
    report = forge.judged()
    passes(report)
    assert [f.severity for f in found(report, "SG307")] == [Severity.WARN]


@pytest.mark.parametrize("old", [b"", b"not a model"], ids=["empty", "broken"])
def test_a_predecessor_that_is_no_model_is_said(forge: Forge, old: bytes) -> None:
    report = succession(forge, old, mlp(2))
    passes(report)
    assert [f.severity for f in found(report, "SG307")] == [Severity.WARN]


def test_an_old_breach_is_debt_until_the_successor_changes(forge: Forge) -> None:
    forge.add("alpha_v1", mlp(1))
    forge.add("alpha_v2", mlp(2, output="quality"), sidecar=None, supersedes="alpha_v1")
    forge.start()
    forge.entry("alpha_v2")["quant_calibration_set"] = "clips"
    report = forge.judged()
    passes(report)
    assert [f.introduced for f in found(report, "SG307")] == [False]
    forge.write("alpha_v2.onnx", mlp(3, output="quality"))
    forge.entry("alpha_v2")["sha256"] = sha256(mlp(3, output="quality"))
    assert "SG307" in codes(forge.judged())
