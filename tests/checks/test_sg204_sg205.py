"""SG204 and SG205: weights outside the graph are the pinned ones, in a file that is really there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from forge import Forge, codes, only, passes, quiet, sha256
from onnx_models import mlp, with_external
from smokegate.judge.report import Finding, Report, Severity
from sources.scratch_git import pointer_to

MODEL, DATA = with_external(1, "beta_v1.bin")


def pin(data: bytes = DATA, **fields: Any) -> dict[str, Any]:
    return {"path": "beta_v1.bin", "sha256": sha256(data), "size": len(data), **fields}


def found(report: Report, code: str) -> list[Finding]:
    return [f for f in report.findings if f.code == code]


def start(forge: Forge, **fields: Any) -> None:
    """A registry with one entry whose weights lie outside."""
    forge.add("beta_v1", MODEL, **fields)
    forge.write("beta_v1.bin", DATA)
    forge.start()


# -- SG204 -------------------------------------------------------------------------------------------------------------


def test_unpinned_weights_of_a_smoke_entry_are_a_warning(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", MODEL)
    forge.write("beta_v1.bin", DATA)
    report = forge.judged()
    passes(report)
    assert [f.severity for f in found(report, "SG204")] == [Severity.WARN]


def test_unpinned_weights_cannot_come_in_by_smoke_and_flip_later(forge: Forge) -> None:
    start(forge)
    forge.entry("beta_v1")["smoke"] = False
    assert "SG204" in codes(forge.judged())


def test_old_unpinned_weights_in_production_are_debt_until_they_change(forge: Forge) -> None:
    start(forge, smoke=False)
    forge.entry("beta_v1")["sha256"] = sha256(b"wrong")
    forge.commit()
    report = forge.check(deep=True)
    assert [f.introduced for f in found(report, "SG204")] == [False]
    forge.write("beta_v1.bin", with_external(2, "beta_v1.bin")[1])
    assert "SG204" in codes(forge.judged())


def test_the_row_that_the_fix_gives_is_the_pin(forge: Forge) -> None:
    start(forge, smoke=False)
    forge.entry("beta_v1")["notes"] = "to be pinned"
    (finding,) = found(forge.judged(deep=True), "SG204")
    forge.entry("beta_v1")["external_data"] = [json.loads(finding.fix.partition(": ")[2])]
    quiet(forge.judged())


def test_a_pin_may_stand_in_the_sidecar(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", MODEL, sidecar=forge.sidecar(MODEL, external_data=[pin()]))
    forge.write("beta_v1.bin", DATA)
    quiet(forge.judged())


@pytest.mark.parametrize("wrong", [pin(b"others"), pin(size=len(DATA) + 1)], ids=["digest", "size"])
@pytest.mark.parametrize("where", ["entry", "sidecar"])
def test_a_wrong_pin_blocks_even_in_smoke(forge: Forge, wrong: dict[str, Any], where: str) -> None:
    start(forge, external_data=[pin()])
    if where == "entry":
        forge.entry("beta_v1")["external_data"] = [wrong]
    else:
        forge.write_json("beta_v1.json", forge.sidecar(MODEL, external_data=[wrong]))
    finding = only(forge.judged(), "SG204")
    document = "registry.json" if where == "entry" else "beta_v1.json"
    assert finding.path == f"model/tiny/{document}"
    lines = forge.path(document).read_text().splitlines()
    assert finding.line is not None and '"path"' in lines[finding.line]


def test_a_wrong_pin_does_not_hide_behind_a_right_one(forge: Forge) -> None:
    start(forge)
    forge.entry("beta_v1")["external_data"] = [pin(b"others")]
    forge.write_json("beta_v1.json", forge.sidecar(MODEL, external_data=[pin()]))
    only(forge.judged(), "SG204")


def test_swapped_weights_break_their_pin(forge: Forge) -> None:
    start(forge, external_data=[pin()])
    forge.write("beta_v1.bin", with_external(2, "beta_v1.bin")[1])
    finding = only(forge.judged(), "SG204")
    assert f"git checkout {forge.base[:12]} -- model/tiny/beta_v1.bin" in finding.fix


def test_pinning_old_weights_is_no_change_of_production(forge: Forge) -> None:
    start(forge, smoke=False)
    forge.entry("beta_v1")["external_data"] = [pin()]
    quiet(forge.judged())


def test_weights_in_lfs_are_pinned_by_what_the_pointer_names(forge: Forge) -> None:
    start(forge, external_data=[pin()])
    forge.write("beta_v1.bin", pointer_to(DATA))
    quiet(forge.judged())
    forge.write("beta_v1.bin", pointer_to(DATA[::-1]))
    only(forge.judged(), "SG204")


def test_pins_are_named_from_the_registrys_folder_wherever_the_model_lies(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    model, data = with_external(3, "gamma_v1.bin")
    forge.write("deep/gamma_v1.bin", data)
    forge.add("gamma_v1", model, onnx="deep/gamma_v1.onnx", external_data=[pin(data, path="deep/gamma_v1.bin")])
    quiet(forge.judged())
    forge.entry("gamma_v1")["external_data"] = [pin(data, path="gamma_v1.bin")]
    assert [f.severity for f in found(forge.judged(), "SG204")] == [Severity.WARN]


@pytest.mark.parametrize("folder", ["", "deep/"], ids=["beside the registry", "in a folder"])
def test_pinned_weights_that_move_to_a_release_do_not_block(forge: Forge, folder: str) -> None:
    model, data = with_external(3, "gamma_v1.bin")
    forge.write(f"{folder}gamma_v1.bin", data)
    pinned = [pin(data, path=f"{folder}gamma_v1.bin")]
    forge.add("gamma_v1", model, onnx=f"{folder}gamma_v1.onnx", external_data=pinned, smoke=False)
    forge.start()
    forge.entry("gamma_v1")["release_url"] = "https://releases.invalid/gamma_v1.zip"
    forge.delete(f"{folder}gamma_v1.bin")
    passes(forge.judged())
    forge.delete(f"{folder}gamma_v1.onnx")
    passes(forge.judged())


def test_a_twins_weights_are_pinned_too(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    twin, data = with_external(4, "alpha_v1.int8.bin")
    forge.write("alpha_v1.int8.onnx", twin)
    forge.write("alpha_v1.int8.bin", data)
    forge.entry("alpha_v1").update(quant_mode="static", int8_sha256=sha256(twin))
    (finding,) = found(forge.judged(), "SG204")
    assert "alpha_v1.int8.onnx" in finding.message


# -- SG205 -------------------------------------------------------------------------------------------------------------


def refused(forge: Forge, model: bytes) -> Finding:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", model)
    return next(f for f in forge.judged().blocking if f.code == "SG205")


def test_weights_that_dangle(forge: Forge) -> None:
    finding = refused(forge, MODEL)
    assert "does not exist" in finding.message and finding.fix.startswith("git add -- model/tiny/beta_v1.bin")


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("../beta_v1.bin", "leaves the registry's folder"),
        ("../../../beta_v1.bin", "leaves the repository"),
        ("/etc/passwd", "is absolute"),
        ("C:/weights.bin", "is absolute"),
        ("a\\b.bin", "backslash"),
        ("weights.bin.", "ends in a dot"),
        ("a//b.bin", "empty"),
        ("we\nights.bin", "control character"),
        ("e\u0301.bin", "normal form C"),
    ],
)
def test_weights_that_lie_where_they_may_not(forge: Forge, location: str, why: str) -> None:
    assert why in refused(forge, with_external(1, location)[0]).message


def test_weights_behind_a_symlink(forge: Forge) -> None:
    forge.write("elsewhere.bin", DATA)
    forge.path("beta_v1.bin").symlink_to("elsewhere.bin")
    assert "symlink `model/tiny/beta_v1.bin`" in refused(forge, MODEL).message


def test_weights_in_a_symlinked_folder(forge: Forge) -> None:
    forge.write("real/beta_v1.bin", DATA)
    forge.path("alias").symlink_to("real")
    assert "symlink `model/tiny/alias`" in refused(forge, with_external(1, "alias/beta_v1.bin")[0]).message


def test_an_offset_past_the_end(forge: Forge) -> None:
    forge.write("beta_v1.bin", DATA)
    assert "too short" in refused(forge, with_external(1, "beta_v1.bin", offset=8)[0]).message


def test_a_pointer_is_as_long_as_what_it_names(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", MODEL, external_data=[pin()])
    forge.write("beta_v1.bin", pointer_to(DATA))
    quiet(forge.judged())


def test_a_folder_of_that_name_holds_no_weights(forge: Forge) -> None:
    forge.write("beta_v1.bin/part", DATA)
    assert "is a folder" in refused(forge, MODEL).message


def test_weights_outside_the_folder_cannot_be_swapped_later(forge: Forge) -> None:
    """They stand from before this tool came; what runs still changes with them."""
    model, data = with_external(1, "../shared.bin")
    forge.write("/model/shared.bin", data)
    forge.add("beta_v1", model, smoke=False)
    forge.start()
    forge.write("/model/shared.bin", data[::-1])
    assert {"SG205", "SG404"} <= set(codes(forge.judged()))


@pytest.mark.parametrize("name", ["weights.txt", "weights.json", "weights.md", "weights.onnx", "weights.py"])
def test_weights_called_like_a_document_cannot_be_swapped_unseen(forge: Forge, name: str) -> None:
    model, data = with_external(1, name)
    forge.write(name, data)
    forge.add("beta_v1", model, smoke=False, external_data=[pin(data, path=name)])
    forge.start()
    forge.write(name, data[::-1])
    forge.entry("beta_v1")["external_data"] = [pin(data[::-1], path=name)]
    assert "SG404" in codes(forge.judged())


def test_a_model_that_keeps_nothing_outside_is_left_alone(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", mlp(3))
    quiet(forge.judged())
