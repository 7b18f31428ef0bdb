"""SG207 to SG210: what git holds, what LFS holds for it, and what was looked at before it goes to production."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from forge import Forge, codes, only, passes, quiet, sha256
from onnx_models import mlp, with_external
from smokegate.judge.report import Finding, Report
from sources.scratch_git import pointer_to

POINTER = pointer_to(mlp(0)).decode()


def found(report: Report, code: str) -> list[Finding]:
    return [f for f in report.findings if f.code == code]


def store(forge: Forge, data: bytes, *, under: str | None = None, folder: str = ".git/lfs") -> Path:
    """Put an object where git-lfs keeps it."""
    oid = under or hashlib.sha256(data).hexdigest()
    place = forge.root / folder / "objects" / oid[:2] / oid[2:4] / oid
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    return place


# -- SG207 -------------------------------------------------------------------------------------------------------------

BROKEN = {
    "`ext-` line": POINTER.replace("oid", "ext-0-case sha256:" + "0" * 64 + "\noid"),
    "keys": POINTER.replace("size", "length"),
    "oid": POINTER.replace("sha256:", "sha256:Z"),
    "version": POINTER.replace("spec/v1", "spec/v9"),
    "CRLF": POINTER.replace("\n", "\r\n"),
    "too long": POINTER + "x" * 2000,
    "decimal": POINTER.replace("size ", "size -"),
}


@pytest.mark.parametrize(("why", "text"), BROKEN.items(), ids=BROKEN.keys())
def test_a_broken_pointer_is_no_model(forge: Forge, why: str, text: str) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.write("alpha_v1.onnx", text)
    finding = next(f for f in forge.judged().blocking if f.code == "SG207")
    assert why in finding.message
    assert (finding.path, finding.line) == ("model/tiny/alpha_v1.onnx", 1)
    assert "git checkout" in finding.fix


@pytest.mark.parametrize("where", ["twin", "weights"])
def test_broken_pointers_beside_the_model(forge: Forge, where: str) -> None:
    model, data = with_external(1, "beta_v1.bin")
    forge.add("beta_v1", model)
    forge.write("beta_v1.bin", data)
    forge.start()
    if where == "twin":
        forge.entry("beta_v1").update(quant_mode="static", int8_sha256=sha256(b"twin"))
    forge.write("beta_v1.int8.onnx" if where == "twin" else "beta_v1.bin", BROKEN["`ext-` line"])
    assert "SG207" in codes(forge.judged())


def test_a_card_in_lfs_is_no_prose(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.write("alpha_v1_card.md", POINTER)
    assert "prose" in only(forge.judged(), "SG207").message


def test_moving_to_lfs_is_no_news(forge: Forge) -> None:
    model, data = with_external(1, "beta_v1.bin")
    forge.add("alpha_v1", smoke=False)
    forge.add("beta_v1", model, external_data=[{"path": "beta_v1.bin", "sha256": sha256(data), "size": len(data)}])
    forge.write("beta_v1.bin", data)
    forge.start()
    forge.write("alpha_v1.onnx", POINTER)
    forge.write("beta_v1.onnx", pointer_to(model))
    forge.write("beta_v1.bin", pointer_to(data))
    quiet(forge.judged())


# -- SG208 -------------------------------------------------------------------------------------------------------------


def test_a_stray_model_is_a_warning_and_its_fix_removes_it_alone(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.write("[ab]*.onnx", mlp(3))
    report = forge.judged()
    passes(report)
    (finding,) = found(report, "SG208")
    remove = finding.fix.partition("or: ")[2]
    assert remove == "git rm -- ':(literal)model/tiny/[ab]*.onnx'"
    forge.git("rm", "-q", "--", ":(literal)model/tiny/[ab]*.onnx")
    quiet(forge.judged())
    assert forge.path("alpha_v1.onnx").exists()


def test_twins_and_models_elsewhere_are_not_stray(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.write("alpha_v1.int8.onnx", mlp(3))
    forge.write("/other/place.onnx", mlp(3))
    quiet(forge.judged())


def test_an_old_stray_is_debt(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.write("stray.onnx", mlp(3))
    forge.start()
    forge.add("beta_v1")
    report = forge.judged()
    quiet(report)
    assert [f.introduced for f in found(report, "SG208")] == [False]


def test_what_a_registry_inside_names_is_not_stray(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    row = {"id": "b", "kind": "fr", "onnx": "b.onnx", "sha256": sha256(mlp(3)), "smoke": True, "license": "MIT"}
    forge.write_json("inner/registry.json", {"schema_version": 1, "models": [row]})
    forge.write("inner/b.onnx", mlp(3))
    forge.write("stray.onnx", mlp(4))
    forge.commit()
    strays = [f.path for report in forge.check_all() for f in found(report, "SG208")]
    assert strays == ["model/tiny/stray.onnx"]


def test_of_a_registry_that_cannot_be_read_nothing_is_stray(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.write("registry.json", "{")
    forge.commit(save=False)
    assert not found(forge.check(), "SG208")


# -- SG209 -------------------------------------------------------------------------------------------------------------

BIG = bytes((1 << 20) + 1)


@pytest.fixture
def narrow(forge: Forge) -> Forge:
    """No more than a MiB, and one blob above that stands from before."""
    forge.write("/.smokegate.yml", "limits: {git_blob_mib: 1}\n")
    forge.add("alpha_v1")
    forge.write("standing.bin", BIG)
    forge.start()
    return forge


def test_a_big_blob_under_a_new_name_is_not_new(narrow: Forge) -> None:
    narrow.git("mv", "model/tiny/standing.bin", "model/tiny/renamed.bin")
    passes(narrow.judged())


def test_a_copy_of_a_big_blob_is_not_new(narrow: Forge) -> None:
    narrow.write("copy.bin", BIG)
    passes(narrow.judged())


def test_a_big_blob_that_changes_is_new(narrow: Forge) -> None:
    narrow.write("standing.bin", BIG + b"!")
    finding = only(narrow.judged(), "SG209")
    assert finding.subject == "model/tiny/standing.bin" and "1.0 MiB" in finding.message


def test_a_pointer_to_something_big_is_small(narrow: Forge) -> None:
    narrow.write("fresh.bin", pointer_to(BIG + b"!"))
    passes(narrow.judged())


def test_big_files_outside_the_registrys_folder_are_none_of_its_business(narrow: Forge) -> None:
    narrow.write("/video/clip.yuv", BIG + b"!")
    passes(narrow.judged())


# -- SG210 -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def in_lfs(forge: Forge) -> Forge:
    """A smoke entry whose model lies in LFS."""
    forge.add("alpha_v1")
    forge.write("alpha_v1.onnx", POINTER)
    forge.start()
    return forge


def test_a_flip_of_bytes_that_nobody_saw_blocks(in_lfs: Forge) -> None:
    in_lfs.entry("alpha_v1")["smoke"] = False
    (finding,) = found(in_lfs.judged(), "SG210")
    assert finding.blocks and finding.path == "model/tiny/alpha_v1.onnx"
    assert "git lfs fetch origin --include=model/tiny/alpha_v1.onnx" in finding.fix


def test_an_object_at_hand_was_seen(in_lfs: Forge) -> None:
    store(in_lfs, mlp(0))
    in_lfs.entry("alpha_v1")["smoke"] = False
    assert not found(in_lfs.judged(), "SG210")


@pytest.mark.parametrize("forged", [mlp(1), mlp(0)[:-1], b""], ids=["other bytes", "cut short", "empty"])
def test_an_object_that_is_not_what_its_name_says_was_not_seen(in_lfs: Forge, forged: bytes) -> None:
    store(in_lfs, forged, under=sha256(mlp(0)))
    in_lfs.entry("alpha_v1")["smoke"] = False
    assert found(in_lfs.judged(), "SG210")


def test_the_store_that_head_configures_is_not_looked_into(in_lfs: Forge) -> None:
    store(in_lfs, mlp(0), folder="brought-along")
    in_lfs.write("/.lfsconfig", "[lfs]\n\tstorage = ../brought-along\n")
    in_lfs.entry("alpha_v1")["smoke"] = False
    assert found(in_lfs.judged(), "SG210")


def test_the_store_that_the_operator_configures_is(in_lfs: Forge) -> None:
    store(in_lfs, mlp(0), folder="shared-store")
    in_lfs.git("config", "lfs.storage", str(in_lfs.root / "shared-store"))
    in_lfs.entry("alpha_v1")["smoke"] = False
    assert not found(in_lfs.judged(), "SG210")


def test_a_flip_under_another_name_is_a_flip(in_lfs: Forge) -> None:
    in_lfs.entry("alpha_v1").update(id="alpha_v2", smoke=False)
    assert found(in_lfs.judged(), "SG210")


def test_weights_outside_must_have_been_seen_too(forge: Forge) -> None:
    model, data = with_external(1, "beta_v1.bin")
    pin = {"path": "beta_v1.bin", "sha256": sha256(data), "size": len(data)}
    forge.add("beta_v1", model, external_data=[pin])
    forge.write("beta_v1.bin", pointer_to(data))
    forge.start()
    forge.entry("beta_v1")["smoke"] = False
    assert [f.path for f in found(forge.judged(), "SG210")] == ["model/tiny/beta_v1.bin"]
    store(forge, data)
    assert not found(forge.check(), "SG210")


def test_a_twin_must_have_been_seen_too(forge: Forge) -> None:
    forge.add("alpha_v1", quant_mode="static", int8_sha256=sha256(mlp(5)))
    forge.write("alpha_v1.int8.onnx", pointer_to(mlp(5)))
    forge.start()
    forge.entry("alpha_v1")["smoke"] = False
    assert [f.path for f in found(forge.judged(), "SG210")] == ["model/tiny/alpha_v1.int8.onnx"]


def test_production_that_changes_must_have_been_seen(forge: Forge) -> None:
    forge.add("alpha_v1", smoke=False)
    forge.start()
    forge.write("alpha_v1.onnx", pointer_to(mlp(1)))
    forge.entry("alpha_v1")["sha256"] = sha256(mlp(1))
    assert found(forge.judged(), "SG210")


def test_production_that_merely_moves_to_lfs_need_not(forge: Forge) -> None:
    forge.add("alpha_v1", smoke=False)
    forge.start()
    forge.write("alpha_v1.onnx", POINTER)
    quiet(forge.judged())


def test_a_smoke_entry_need_not_be_at_hand(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", mlp(1))
    forge.write("beta_v1.onnx", pointer_to(mlp(1)))
    quiet(forge.judged())
