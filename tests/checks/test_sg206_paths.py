"""SG206, the choke point for paths: whatever a registry calls a file, it is one file, in the folder, and itself."""

from __future__ import annotations

import unicodedata

import pytest

from forge import Forge, codes, passes, quiet
from onnx_models import mlp
from smokegate.judge.report import Finding, Report


def found(report: Report) -> list[Finding]:
    return [f for f in report.findings if f.code == "SG206"]


def lax(forge: Forge) -> None:
    """A registry whose own schema admits any spelling, so that this check alone stands in the way."""
    forge.write_json("registry.schema.json", True)
    forge.add("alpha_v1")
    forge.start()


SPELLINGS = {
    "../elsewhere.onnx": "leaves the registry's folder",
    "../../../elsewhere.onnx": "leaves the repository",
    "models/../../elsewhere.onnx": "leaves the registry's folder",
    "models/../alpha_v2.onnx": "`..`",
    "/etc/alpha_v2.onnx": "is absolute",
    "C:alpha_v2.onnx": "is absolute",
    "models\\alpha_v2.onnx": "backslash",
    "alpha_v2\0.onnx": "NUL",
    "alpha_v2\n.onnx": "control character",
    "alpha_v2.onnx.": "ends in a dot",
    "models /alpha_v2.onnx": "ends in a dot or a space",
    "models//alpha_v2.onnx": "empty",
    "./alpha_v2.onnx": "`.` part",
    "": "is empty",
    "nul.onnx": "reserve for a device",
    "mode\u0301l.onnx": "normal form C",
}


@pytest.mark.parametrize(("spelling", "why"), SPELLINGS.items())
@pytest.mark.parametrize("field", ["onnx", "evidence", "sigstore_bundle"])
def test_a_path_has_one_spelling_that_stays_inside(forge: Forge, field: str, spelling: str, why: str) -> None:
    lax(forge)
    forge.write("/model/elsewhere.onnx", mlp(1))
    forge.write("/elsewhere.onnx", mlp(1))
    forge.registry["models"].append({**forge.entry("alpha_v1"), "id": "alpha_v2", field: spelling})
    finding = next(f for f in found(forge.judged()) if f.subject == "alpha_v2")
    assert why in finding.message and finding.blocks
    assert finding.line is not None
    assert f'"{field}"' in forge.path("registry.json").read_text().splitlines()[finding.line - 1]


@pytest.mark.parametrize("spelling", ["../x.bin", "/x.bin", "a/../x.bin", "x.bin."])
def test_the_paths_of_pins_are_held_to_it(forge: Forge, spelling: str) -> None:
    lax(forge)
    forge.add("alpha_v2", external_data=[{"path": spelling, "sha256": "0" * 64, "size": 1}])
    assert "`external_data[0]`" in found(forge.judged())[0].message


def test_a_model_in_a_symlinked_folder(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.path("real").mkdir()
    forge.path("alias").symlink_to("real")
    forge.add("beta_v1", onnx="alias/beta_v1.onnx")
    assert "symlink `model/tiny/alias`" in found(forge.judged())[0].message


def test_a_model_that_is_a_link_out_of_the_repo(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1")
    forge.delete("beta_v1.onnx")
    forge.path("beta_v1.onnx").symlink_to("/etc/passwd")
    assert {"SG206", "SG201"} <= set(codes(forge.judged()))


def test_a_standing_link_cannot_be_turned_to_other_bytes(forge: Forge) -> None:
    forge.add("alpha_v1", smoke=False)
    forge.delete("alpha_v1.onnx")
    forge.write("one/alpha_v1.bytes", mlp(0))
    forge.write("two/alpha_v1.bytes", mlp(1))
    forge.path("alpha_v1.onnx").symlink_to("one/alpha_v1.bytes")
    forge.start()
    forge.add("beta_v1")
    report = forge.judged()
    passes(report)
    assert [f.introduced for f in found(report)] == [False]
    forge.delete("alpha_v1.onnx")
    forge.path("alpha_v1.onnx").symlink_to("two/alpha_v1.bytes")
    assert {"SG206", "SG404"} <= set(codes(forge.judged()))


@pytest.mark.parametrize(
    "name", ["alpha_v1.json", "alpha_v1.int8.onnx", "alpha_v1.int8.json", "registry.json", "retired.json"]
)
def test_no_file_that_counts_is_a_link(forge: Forge, name: str) -> None:
    forge.add("alpha_v1", quant_mode="static", int8_sha256="0" * 64)
    forge.start()
    path = forge.path(name)
    forge.write(f"/elsewhere/{name}.bytes", path.read_bytes() if path.exists() else b"{}")
    path.unlink(missing_ok=True)
    path.symlink_to(f"../../elsewhere/{name}.bytes")
    forge.commit(save=False)
    finding = next(f for f in found(forge.check()) if f.blocks)
    assert f"symlink `model/tiny/{name}`" in finding.message


def test_a_submodule_in_the_models_place(forge: Forge) -> None:
    forge.add("alpha_v1", onnx="models/alpha_v1.onnx")
    forge.start()
    forge.git("rm", "-rq", "--cached", "model/tiny/models")
    forge.git("update-index", "--add", "--cacheinfo", f"160000,{forge.base},model/tiny/models")
    forge.git("commit", "-qm", "a submodule")
    assert "lies in the submodule `model/tiny/models`" in found(forge.check())[0].message


def test_files_that_only_case_tells_apart(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.write("Alpha_v1.onnx", mlp(1))
    (finding,) = found(forge.judged())
    assert "Alpha_v1.onnx" in finding.message and finding.blocks


def test_files_that_only_normalisation_tells_apart(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    for form in ("NFC", "NFD"):
        forge.write(unicodedata.normalize(form, "modèle.txt"), form)
    (finding,) = found(forge.judged())
    assert finding.blocks and "\\xcc\\x80" in finding.message  # the bytes, since the names look the same


def test_an_old_collision_is_debt_until_its_model_flips(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.write("ALPHA_v1.onnx", mlp(1))
    forge.start()
    forge.add("beta_v1")
    passes(forge.judged())
    forge.entry("alpha_v1")["smoke"] = False
    assert "SG206" in codes(forge.judged())


@pytest.mark.parametrize("twin", ["ALPHA_v1", "\u0430lpha_v1", "\uff41lpha_v1", "alpha_v1\u200b", "alph\u03b1_v1"])
def test_ids_that_a_reader_takes_for_one(forge: Forge, twin: str) -> None:
    lax(forge)
    forge.write("other.onnx", mlp(1))
    forge.write_json("other.json", forge.sidecar(mlp(1)))
    forge.registry["models"].append({**forge.entry("alpha_v1"), "id": twin, "onnx": "other.onnx"})
    finding = next(f for f in found(forge.judged()) if f.path.endswith("registry.json"))
    assert "`alpha_v1`" in finding.message and finding.blocks


def test_deep_and_foreign_names_are_welcome(forge: Forge) -> None:
    lax(forge)
    forge.add("beta_v1", onnx="modèles/fr/βeta v1.onnx")
    quiet(forge.judged())
