"""SG201, SG202, SG203: the files that an entry names are there, and are the ones it means."""

from __future__ import annotations

import os

from forge import Forge, codes, only, passes, quiet, sha256
from onnx_models import mlp
from smokegate.judge.report import Finding, Report, Severity
from sources.scratch_git import pointer_to

URL = "https://releases.invalid/alpha_v1.onnx"


def found(report: Report, code: str) -> Finding:
    (finding,) = [f for f in report.findings if f.code == code]
    return finding


def submodule(forge: Forge, name: str) -> None:
    commit = forge.git("rev-parse", "HEAD")
    forge.git("update-index", "--add", "--cacheinfo", f"160000,{commit},{forge.folder}/{name}")


def committed_as_is(forge: Forge) -> Report:
    """What is in the index, which holds what a working tree cannot."""
    forge.git("commit", "-qm", "index")
    return forge.check()


# -- SG201 -------------------------------------------------------------------------------------------------------------


def test_a_model_that_moves_to_a_release_is_said_and_does_not_block(forge: Forge) -> None:
    forge.add("alpha_v1", smoke=False)
    forge.start()
    forge.entry("alpha_v1")["release_url"] = URL
    forge.delete("alpha_v1.onnx")
    report = forge.judged()
    passes(report)
    assert found(report, "SG201").severity is Severity.WARN
    assert "release_url" in found(report, "SG201").message


def test_a_released_model_that_changes_on_the_way_blocks(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.entry("alpha_v1").update(release_url=URL, sha256=sha256(b"others"))
    forge.delete("alpha_v1.onnx")
    assert found(forge.judged(), "SG201").blocks


def test_a_new_entry_has_no_released_model(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", release_url=URL)
    forge.delete("beta_v1.onnx")
    assert only(forge.judged(), "SG201").subject == "beta_v1"


def test_a_released_model_does_not_flip_unseen(forge: Forge) -> None:
    forge.add("alpha_v1", release_url=URL)
    forge.delete("alpha_v1.onnx")
    forge.start()
    forge.entry("alpha_v1")["smoke"] = False
    assert {"SG201", "SG210"} <= set(codes(forge.judged()))


def test_a_release_url_that_comes_later_excuses_nothing_by_itself(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.delete("alpha_v1.onnx")
    report = forge.judged()
    finding = only(report, "SG201")
    assert f"git checkout {forge.base[:7]}" in finding.fix
    forge.git(*finding.fix.partition("; if base's file is meant: git ")[2].split())
    quiet(forge.judged())


def test_a_folder_in_place_of_the_model(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.delete("alpha_v1.onnx")
    forge.write("alpha_v1.onnx/model.onnx", mlp(0))
    assert "is a folder" in found(forge.judged(), "SG201").message


def test_a_submodule_in_place_of_the_model(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.git("rm", "-q", "--cached", f"{forge.folder}/alpha_v1.onnx")
    submodule(forge, "alpha_v1.onnx")
    assert "is a submodule" in found(committed_as_is(forge), "SG201").message


def test_a_submodule_in_place_of_the_models_folder(forge: Forge) -> None:
    forge.add("alpha_v1", onnx="models/alpha_v1.onnx")
    forge.start()
    forge.git("rm", "-rq", "--cached", f"{forge.folder}/models")
    submodule(forge, "models")
    assert "lies in the submodule `model/tiny/models`" in found(committed_as_is(forge), "SG201").message


def test_evidence_that_an_entry_names_must_be_there(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", evidence="evidence/beta_v1.PROMOTE.json")
    finding = only(forge.judged(), "SG201")
    assert "evidence/beta_v1.PROMOTE.json" in finding.message


def test_a_signature_that_an_entry_names_must_be_there(forge: Forge) -> None:
    signed = forge.add("alpha_v1", smoke=False, sigstore_bundle="alpha_v1.onnx.sigstore.json")
    forge.write("alpha_v1.onnx.sigstore.json", "{}\n")
    forge.start()
    forge.delete("alpha_v1.onnx.sigstore.json")
    assert "alpha_v1.onnx.sigstore.json" in only(forge.judged(), "SG201").message
    signed["release_url"] = "https://models.example/alpha_v1.onnx"
    passes(forge.judged())


def test_a_file_that_a_pin_names_must_be_there(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", external_data=[{"path": "gone.bin", "sha256": "0" * 64, "size": 1}])
    finding = only(forge.judged(), "SG201")
    assert "gone.bin" in finding.message
    lines = forge.path("registry.json").read_text().splitlines()
    assert finding.line is not None and '"path": "gone.bin"' in lines[finding.line - 1]


def test_an_old_gap_is_debt_while_its_entry_is_edited(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.delete("alpha_v1.onnx")
    forge.start()
    forge.entry("alpha_v1")["notes"] = "lost long ago"
    report = forge.judged()
    passes(report)
    assert not found(report, "SG201").introduced


# -- SG202 -------------------------------------------------------------------------------------------------------------


def test_the_fix_of_a_wrong_digest_is_the_digest(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.entry("alpha_v1")["sha256"] = sha256(b"others")
    finding = only(forge.judged(), "SG202")
    assert f'"sha256": "{sha256(mlp(0))}"' in finding.fix
    assert "git checkout" not in finding.fix  # the file is base's
    lines = forge.path("registry.json").read_text().splitlines()
    assert finding.line is not None and '"sha256"' in lines[finding.line - 1]


def test_a_pointer_counts_as_the_bytes_it_names(forge: Forge) -> None:
    forge.add("alpha_v1", smoke=False)
    forge.start()
    forge.write("alpha_v1.onnx", pointer_to(mlp(0)))
    quiet(forge.judged())


def test_a_pointer_to_other_bytes_is_said_to_be_a_pointer(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.write("alpha_v1.onnx", pointer_to(mlp(1)))
    finding = found(forge.judged(), "SG202")
    assert "the LFS pointer" in finding.message and sha256(mlp(1)) in finding.message


def test_the_digest_of_the_pointer_text_is_recognised(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.write("alpha_v1.onnx", pointer_to(mlp(0)))
    forge.entry("alpha_v1")["sha256"] = sha256(pointer_to(mlp(0)))
    finding = found(forge.judged(), "SG202")
    assert "of the LFS pointer" in finding.message and "itself" in finding.message
    assert sha256(mlp(0)) in finding.fix


def test_an_old_mismatch_cannot_be_used_to_swap_bytes(forge: Forge) -> None:
    forge.add("alpha_v1", sha256=sha256(b"never right"), sidecar=None)
    forge.start()
    forge.entry("alpha_v1")["notes"] = "known to be wrong"
    passes(forge.judged())
    forge.write("alpha_v1.onnx", mlp(8))
    assert only(forge.judged(), "SG202").subject == "alpha_v1"


def test_a_mended_digest_is_no_news(forge: Forge) -> None:
    forge.add("alpha_v1", sha256=sha256(b"never right"), smoke=False)
    forge.start()
    forge.entry("alpha_v1")["sha256"] = sha256(mlp(0))
    quiet(forge.judged())


def test_bytes_that_no_digest_pins_are_said_even_where_the_schema_does_not_ask(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.write_json("registry.schema.json", True)
    forge.start()
    forge.add("beta_v1", sha256=None)
    assert only(forge.judged(), "SG202").subject == "beta_v1"


def test_the_undo_of_a_hostile_name_is_one_argument(forge: Forge) -> None:
    forge.write_json("registry.schema.json", True)
    name = "$(touch pwned) ; *.onnx"
    forge.add("alpha_v1", onnx=name)
    forge.add("beta_v1")
    forge.start()
    forge.write(name, mlp(8))
    forge.write("beta_v1.onnx", mlp(9))
    finding = next(f for f in forge.judged().blocking if f.subject == "alpha_v1" and f.code == "SG202")
    undo = finding.fix.partition("; if base's file is meant: ")[2]
    assert os.system(f"cd {forge.root} && {undo}") == 0  # noqa: S605 - as it would be pasted
    assert forge.path(name).read_bytes() == mlp(0)
    assert forge.path("beta_v1.onnx").read_bytes() == mlp(9)
    assert not (forge.root / "pwned").exists()


# -- SG203 -------------------------------------------------------------------------------------------------------------


def quantised(forge: Forge, **fields: object) -> None:
    forge.write("alpha_v1.int8.onnx", mlp(5))
    forge.entry("alpha_v1").update(quant_mode="static", int8_sha256=sha256(mlp(5)), **fields)


def test_a_twin_that_is_not_there(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    quantised(forge)
    forge.delete("alpha_v1.int8.onnx")
    assert "`model/tiny/alpha_v1.int8.onnx` is not in the tree" in only(forge.judged(), "SG203").message


def test_a_twin_with_other_bytes(forge: Forge) -> None:
    forge.add("alpha_v1")
    quantised(forge)
    forge.start()
    forge.write("alpha_v1.int8.onnx", mlp(6))
    finding = only(forge.judged(), "SG203")
    assert sha256(mlp(6)) in finding.fix and "alpha_v1.int8.onnx" in finding.fix


def test_a_digest_of_a_twin_is_held_to_it_whatever_the_mode(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    quantised(forge)
    forge.entry("alpha_v1").update(quant_mode="fp32", int8_sha256=sha256(b"others"))
    only(forge.judged(), "SG203")


def test_plain_models_need_no_twin(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", quant_mode="fp32")
    quiet(forge.judged())


def test_a_twin_that_moves_to_a_release_does_not_block(forge: Forge) -> None:
    forge.add("alpha_v1", smoke=False)
    quantised(forge)
    forge.start()
    forge.entry("alpha_v1")["release_url"] = URL
    forge.delete("alpha_v1.onnx")
    forge.delete("alpha_v1.int8.onnx")
    report = forge.judged()
    passes(report)
    assert found(report, "SG203").severity is Severity.WARN
