"""SG301, SG302, SG303: a model is ONNX, of the opset it is said to be, made of operators that are allowed."""

from __future__ import annotations

from typing import Any

import pytest

from forge import Forge, codes, only, passes, quiet, sha256
from onnx_models import branching, calling, foreign, mlp
from smokegate.judge.report import Finding, Report
from sources.scratch_git import pointer_to


def found(report: Report, code: str) -> list[Finding]:
    return [f for f in report.findings if f.code == code]


def added(forge: Forge, model: bytes, **fields: Any) -> Report:
    """A registry that is joined by an entry with this model, without a sidecar to disagree with."""
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", model, sidecar=None, **fields)
    return forge.judged()


# -- SG301 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "0 bytes"),
        (mlp(0)[:-7], "cut short"),
        (b"<!DOCTYPE html><title>404</title>", "an HTML page"),
        (b"\x80\x02}q\x00.", "pickle"),
        (b"\x3a\xff\xff\xff\xff\x0f", "not readable as ONNX"),
        (b"\x08\x08", "no graph"),
    ],
    ids=["empty", "truncated", "html", "pickle", "claims gigabytes", "no graph"],
)
def test_what_is_no_model_is_told_for_what_it_is(forge: Forge, data: bytes, why: str) -> None:
    finding = only(added(forge, data), "SG301")
    assert why in finding.message and finding.subject == "beta_v1"
    lines = forge.path("registry.json").read_text().splitlines()
    assert finding.line is not None and '"onnx": "beta_v1.onnx"' in lines[finding.line - 1]


def test_a_pointer_to_a_pointer_is_no_model(forge: Forge) -> None:
    """The object is at hand, and is itself the text of a pointer: somebody ran git-lfs over its own output."""
    text = pointer_to(mlp(0))
    oid = sha256(text)
    forge.add("alpha_v1")
    forge.start()
    forge.write(f"/.git/lfs/objects/{oid[:2]}/{oid[2:4]}/{oid}", text)
    forge.add("beta_v1", text, sidecar=None)
    forge.write("beta_v1.onnx", pointer_to(text))
    assert "git-lfs pointer" in only(forge.judged(), "SG301").message


def test_a_graph_past_the_bounds_of_the_policy(forge: Forge) -> None:
    forge.write("/.smokegate.yml", "limits: {model_nodes: 3}\n")
    assert "limits.model_nodes" in only(added(forge, mlp(1)), "SG301").message


def test_a_broken_twin(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.write("alpha_v1.int8.onnx", b"not a model")
    forge.entry("alpha_v1").update(quant_mode="static", int8_sha256=sha256(b"not a model"))
    assert "alpha_v1.int8.onnx" in only(forge.judged(), "SG301").message


def test_an_old_broken_model_is_debt_until_it_goes_up(forge: Forge) -> None:
    forge.add("alpha_v1", b"broken", sidecar=None)
    forge.start()
    forge.entry("alpha_v1")["opset"] = 13
    report = forge.judged()
    passes(report)
    assert [f.introduced for f in found(report, "SG301")] == [False]
    forge.entry("alpha_v1")["smoke"] = False
    assert "SG301" in codes(forge.judged())


def test_models_that_nobody_touched_are_looked_at_only_when_asked(forge: Forge) -> None:
    forge.add("alpha_v1", b"broken", sidecar=None)
    forge.start()
    forge.add("beta_v1")
    forge.commit()
    assert not found(forge.check(), "SG301")
    assert [f.introduced for f in found(forge.check(deep=True), "SG301")] == [False]


# -- SG302 -------------------------------------------------------------------------------------------------------------


def test_the_fix_of_a_wrong_opset_is_the_graphs(forge: Forge) -> None:
    finding = only(added(forge, mlp(1, opset=13), opset=17), "SG302")
    assert finding.fix == 'set "opset": 13'
    lines = forge.path("registry.json").read_text().splitlines()
    assert finding.line is not None and '"opset": 17' in lines[finding.line - 1]


def test_an_opset_beyond_the_policy(forge: Forge) -> None:
    forge.write("/.smokegate.yml", "opset: {max: 14}\n")
    finding = only(added(forge, mlp(1), opset=17), "SG302")
    assert "the policy admits 7 to 14" in finding.message


def test_an_opset_beyond_the_policy_that_nobody_declares(forge: Forge) -> None:
    forge.write("/.smokegate.yml", "opset: {max: 14}\n")
    only(added(forge, mlp(1), opset=None), "SG302")


def test_a_policy_may_admit_newer_opsets(forge: Forge) -> None:
    forge.write("/.smokegate.yml", "opset: {max: 22}\n")
    quiet(added(forge, mlp(1, opset=22), opset=22))


def test_a_twin_may_have_an_opset_of_its_own_within_bounds(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.write("alpha_v1.int8.onnx", mlp(5, opset=19))
    forge.entry("alpha_v1").update(quant_mode="static", int8_sha256=sha256(mlp(5, opset=19)))
    passes(forge.judged())
    forge.write("alpha_v1.int8.onnx", mlp(5, opset=22))
    forge.entry("alpha_v1").update(int8_sha256=sha256(mlp(5, opset=22)))
    assert "alpha_v1.int8.onnx" in only(forge.judged(), "SG302").message


def test_a_declared_opset_is_bounded_where_no_graph_is_at_hand(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", mlp(1), opset=99)
    forge.write("beta_v1.onnx", pointer_to(mlp(1)))
    only(forge.judged(), "SG302")


# -- SG303 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "operator"),
    [
        (branching("Asinh"), "Asinh"),
        (calling("Asinh"), "Asinh"),
        (foreign(), "com.microsoft:Gelu"),
        (calling("Gelu", "com.microsoft"), "com.microsoft:Gelu"),
    ],
    ids=["in a branch", "in a function", "of another domain", "of another domain in a function"],
)
def test_an_operator_is_found_wherever_it_hides(forge: Forge, model: bytes, operator: str) -> None:
    finding = only(added(forge, model), "SG303")
    assert finding.message.endswith(f"allowlist: {operator}")


@pytest.mark.parametrize("model", [branching(), calling()], ids=["branch", "function"])
def test_branches_and_functions_of_allowed_operators_are_welcome(forge: Forge, model: bytes) -> None:
    quiet(added(forge, model))


def test_the_policy_on_base_may_admit_one_more(forge: Forge) -> None:
    forge.write("/.smokegate.yml", "ops: {extra: ['com.microsoft:Gelu']}\n")
    quiet(added(forge, foreign()))


def test_the_policy_at_head_may_not(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.write("/.smokegate.yml", "ops: {extra: ['com.microsoft:Gelu']}\n")
    forge.add("beta_v1", foreign(), sidecar=None)
    assert "SG303" in codes(forge.judged())


def test_a_twin_is_held_to_the_allowlist(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.write("alpha_v1.int8.onnx", branching("Asinh"))
    forge.entry("alpha_v1").update(quant_mode="dynamic", int8_sha256=sha256(branching("Asinh")))
    assert "SG303" in codes(forge.judged())


def test_endless_operator_names_do_not_fill_the_report(forge: Forge) -> None:
    report = added(forge, calling("Relu", "x" * 100_000))
    assert all(len(f.message) < 2_000 and len(f.fix) < 2_000 for f in report.findings)
    assert "SG303" in codes(report)
