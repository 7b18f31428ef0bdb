"""SG304 and SG305: what runs a model knows how to feed it, and what it knows is true."""

from __future__ import annotations

import json
from typing import Any

import pytest

from forge import Forge, codes, only, passes, quiet, sha256
from onnx_models import mlp, two_inputs
from smokegate.judge.report import Finding, Report
from sources.scratch_git import pointer_to


def found(report: Report, code: str) -> list[Finding]:
    return [f for f in report.findings if f.code == code]


# -- SG304 -------------------------------------------------------------------------------------------------------------


def test_an_entry_that_flips_without_a_sidecar(forge: Forge) -> None:
    forge.add("alpha_v1", sidecar=None)
    forge.start()
    forge.entry("alpha_v1")["smoke"] = False
    assert "SG304" in codes(forge.judged())


def test_a_sidecar_that_production_loses(forge: Forge) -> None:
    forge.add("alpha_v1", smoke=False)
    forge.start()
    forge.delete("alpha_v1.json")
    (finding,) = found(forge.judged(), "SG304")
    assert finding.blocks
    assert finding.fix.endswith(f"git checkout {forge.base[:12]} -- model/tiny/alpha_v1.json")


def test_an_old_gap_is_debt(forge: Forge) -> None:
    forge.add("alpha_v1", sidecar=None, smoke=False)
    forge.start()
    forge.entry("alpha_v1")["notes"] = "nobody knows"
    report = forge.judged()
    passes(report)
    assert [f.introduced for f in found(report, "SG304")] == [False]


def test_a_folder_is_no_sidecar(forge: Forge) -> None:
    forge.add("alpha_v1", smoke=False)
    forge.start()
    forge.delete("alpha_v1.json")
    forge.write("alpha_v1.json/sidecar.json", "{}")
    assert found(forge.judged(), "SG304")


# -- SG305 -------------------------------------------------------------------------------------------------------------


def joined(forge: Forge, model: bytes, sidecar: Any, **fields: Any) -> Report:
    """A registry that a model joins with this sidecar."""
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", model, sidecar=sidecar, **fields)
    return forge.judged()


WRONG: dict[str, tuple[Any, str]] = {
    "input_names": (["pixels"], '["features"]'),
    "output_names": (["score", "more"], '["score"]'),
    "input_name": ("pixels", '"features"'),
    "output_name": ("quality", '"score"'),
    "opset": (13, "17"),
    "onnx_opset": (13, "17"),
    "sha256": ("0" * 64, f'"{sha256(mlp(1))}"'),
    "onnx_has_scaler": (False, "true"),
}


@pytest.mark.parametrize("field", WRONG)
def test_each_wrong_claim_is_told_at_its_line_with_what_is_right(forge: Forge, field: str) -> None:
    claimed, right = WRONG[field]
    finding = only(joined(forge, mlp(1), forge.sidecar(mlp(1), **{field: claimed})), "SG305")
    assert finding.path == "model/tiny/beta_v1.json" and finding.subject == "beta_v1"
    assert finding.fix.startswith(f'set "{field}": {right}')
    lines = forge.path("beta_v1.json").read_text().splitlines()
    assert finding.line is not None and f'"{field}"' in lines[finding.line - 1]


@pytest.mark.parametrize("field", WRONG)
def test_a_claim_of_the_wrong_type_is_no_silence(forge: Forge, field: str) -> None:
    wrong: Any = 17.5 if field.endswith("opset") else {"names": ["features"]}
    only(joined(forge, mlp(1), forge.sidecar(mlp(1), **{field: wrong})), "SG305")


@pytest.mark.parametrize("sidecar", [[], ["features"], "features", 1], ids=json.dumps)
def test_a_sidecar_that_is_no_object_says_nothing(forge: Forge, sidecar: Any) -> None:
    assert "no JSON object" in only(joined(forge, mlp(1), sidecar), "SG305").message


def test_what_is_unsaid_is_not_wrong(forge: Forge) -> None:
    quiet(joined(forge, mlp(1), {"opset": None, "training": {"epochs": 3}}))


def test_one_name_among_several_inputs_is_fine(forge: Forge) -> None:
    quiet(joined(forge, two_inputs(), {"input_name": "codec", "output_name": "score"}))


def test_a_list_of_names_must_be_complete(forge: Forge) -> None:
    finding = only(joined(forge, two_inputs(), {"input_names": ["features"]}), "SG305")
    assert '["features", "codec"]' in finding.fix


def test_the_order_of_names_is_the_callers(forge: Forge) -> None:
    quiet(joined(forge, two_inputs(), {"input_names": ["codec", "features"]}))


def test_a_scaler_that_is_not_in_the_graph(forge: Forge) -> None:
    model = mlp(1, scaler=False)
    finding = only(joined(forge, model, forge.sidecar(model, scaler=True)), "SG305")
    assert "feeds its inputs straight on" in finding.message


def test_a_scaler_that_would_be_applied_twice(forge: Forge) -> None:
    """Without the flag a runtime standardises by what the sidecar gives, and then the graph does so again."""
    sidecar = forge.sidecar(mlp(1), feature_mean=[0.0] * 6, feature_std=[1.0] * 6)
    del sidecar["onnx_has_scaler"]
    assert 'add "onnx_has_scaler": true' in only(joined(forge, mlp(1), sidecar), "SG305").fix


def test_a_model_in_lfs_is_still_held_to_its_digest(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", mlp(1), sidecar=forge.sidecar(mlp(2)))
    forge.write("beta_v1.onnx", pointer_to(mlp(1)))
    only(forge.judged(), "SG305")


def test_bytes_that_change_under_a_sidecar_leave_it_behind(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.write("alpha_v1.onnx", mlp(9, output="quality"))
    forge.entry("alpha_v1")["sha256"] = sha256(mlp(9, output="quality"))
    assert codes(forge.judged()) == ["SG305", "SG305"]  # the digest and the output


def test_an_old_disagreement_is_debt_until_it_goes_up(forge: Forge) -> None:
    forge.add("alpha_v1", sidecar=forge.sidecar(mlp(0), opset=13))
    forge.start()
    forge.entry("alpha_v1")["quant_calibration_set"] = "clips"
    report = forge.judged()
    passes(report)
    assert [f.introduced for f in found(report, "SG305")] == [False]
    forge.entry("alpha_v1")["smoke"] = False
    assert "SG305" in codes(forge.judged())


@pytest.fixture
def twin(forge: Forge) -> Forge:
    forge.add("alpha_v1", quant_mode="static", int8_sha256=sha256(mlp(5)))
    forge.write("alpha_v1.int8.onnx", mlp(5))
    forge.start()
    return forge


def test_a_twins_own_sidecar_describes_the_twin(twin: Forge) -> None:
    twin.write_json("alpha_v1.int8.json", twin.sidecar(mlp(5)))
    passes(twin.judged())
    twin.write_json("alpha_v1.int8.json", twin.sidecar(mlp(0)))
    assert only(twin.judged(), "SG305").path == "model/tiny/alpha_v1.int8.json"


def test_a_twin_that_leans_on_its_parents_sidecar_has_its_ports(twin: Forge) -> None:
    twin.write("alpha_v1.int8.onnx", mlp(5, output="quality"))
    twin.entry("alpha_v1")["int8_sha256"] = sha256(mlp(5, output="quality"))
    finding = only(twin.judged(), "SG305")
    assert finding.path == "model/tiny/alpha_v1.json" and "output" in finding.message


def test_a_twin_that_leans_on_its_parents_sidecar_may_have_its_own_opset(twin: Forge) -> None:
    twin.write("alpha_v1.int8.onnx", mlp(5, opset=19))
    twin.entry("alpha_v1")["int8_sha256"] = sha256(mlp(5, opset=19))
    passes(twin.judged())


def test_a_parents_sidecar_that_pins_the_twin_is_held_to_it(twin: Forge) -> None:
    twin.write_json("alpha_v1.json", twin.sidecar(mlp(0), int8_sha256=sha256(b"others")))
    assert '"int8_sha256"' in only(twin.judged(), "SG305").fix
