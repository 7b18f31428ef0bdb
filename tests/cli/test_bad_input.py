"""Bad input gets a clear finding or a clear exit 2: never a traceback, never a pass."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from markdown_it import MarkdownIt

import onnx_models
from cli.conftest import Outcome, Run
from forge import FOLDER, Forge, sha256

BLOCKED = 1
CANNOT_JUDGE = 2


@pytest.fixture
def sound(forge: Forge) -> Forge:
    forge.add("alpha_v1", smoke=False)
    forge.add("beta_v1")
    forge.start()
    return forge


def check(run: Run, forge: Forge, *more: str) -> Outcome:
    return run("check", "--repo", str(forge.root), "--base", forge.base, "--head", "HEAD", *more)


def findings(run: Run, forge: Forge) -> list[tuple[str, str]]:
    """(code, message) of what blocks."""
    outcome = check(run, forge, "--format", "json")
    assert outcome.code == BLOCKED, (outcome.out, outcome.err)
    told = json.loads(outcome.out)
    reports = told if isinstance(told, list) else [told]
    assert {report["verdict"] for report in reports} != {"pass"}
    rows = [f for report in reports for f in report["findings"]]
    return [(f["code"], f["message"]) for f in rows if f["introduced"] and f["severity"] == "block"]


# -- the registry itself -----------------------------------------------------------------------------------------------


def duplicated(text: str) -> str:
    return text.replace('"smoke": true', '"smoke": true, "smoke": true')


def duplicated_by_escape(text: str) -> str:
    return text.replace('"id": "beta_v1"', '"id": "beta_v1", "i\\u0064": "gamma_v1"')


TEXTS: dict[str, tuple[Callable[[str], str | bytes], str]] = {
    "truncated": (lambda text: text[: len(text) // 2], "string"),
    "empty": (lambda _: "", "empty"),
    "binary": (lambda _: bytes(range(256)), "UTF-8|UTF-16"),
    "utf-16": (lambda text: text.encode("utf-16"), "UTF-16"),
    "100 MB": (lambda text: text.rstrip() + " " * 100_000_000, "larger than the 16 MiB"),
    "nested": (
        lambda text: text.rstrip().removesuffix("}") + ', "x": ' + "[" * 10_000 + "]" * 10_000 + "}",
        "deep|nest",
    ),
    "duplicate key": (duplicated, "smoke"),
    "duplicate by escape": (duplicated_by_escape, "id"),
    "NaN": (lambda text: text.replace('"opset": 17', '"opset": NaN', 1), "NaN"),
    "infinity": (lambda text: text.replace('"opset": 17', '"opset": 1e999', 1), "1e999|finite|range|large"),
    "huge integer": (lambda text: text.replace('"opset": 17', f'"opset": {"9" * 9000}', 1), "digits|long"),
    "trailing text": (lambda text: text + "{}", "after|trailing"),
    "lone surrogate": (lambda text: text.replace('"beta_v1"', '"\\ud800"', 1), "surrogate"),
    "comment": (lambda text: "// hello\n" + text, "expected|value"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_registry_that_cannot_be_read(sound: Forge, run: Run, name: str) -> None:
    spoil, said = TEXTS[name]
    data = spoil(sound.path("registry.json").read_text())
    sound.write("registry.json", data)
    sound.commit(save=False)
    rows = findings(run, sound)
    assert {code for code, _ in rows} >= {"SG102"}
    assert any(re.search(said, message, re.IGNORECASE) for code, message in rows if code == "SG102"), rows


@pytest.mark.parametrize(
    "value",
    [[], {}, 1, None, {"models": 1}, {"models": [1, "x", None]}, {"schema_version": 1, "models": {"a": 1}}],
)
def test_a_registry_of_another_shape(sound: Forge, run: Run, value: Any) -> None:
    sound.write_json("registry.json", value)
    sound.commit(save=False)
    assert {code for code, _ in findings(run, sound)} >= {"SG101", "SG401"}


def test_the_deepest_document_that_a_policy_may_admit(sound: Forge, run: Run) -> None:
    deep: list[Any] = []
    for _ in range(500):
        deep = [deep]
    sound.write("/.smokegate.yml", "limits: {document_depth: 512}\n")
    sound.write_json("registry.schema.json", {"type": "object"})
    sound.entry("beta_v1")["kind"] = deep
    sound.start()
    sound.entry("alpha_v1")["kind"] = sound.entry("beta_v1")["kind"] = [deep]
    sound.write_json("alpha_v1.json", {"feature_std": deep, "external_data": deep})
    sound.commit()
    assert {code for code, _ in findings(run, sound)} == {"SG404"}


WRONG_FIELDS: list[dict[str, Any]] = [
    {"id": 1}, {"id": ""}, {"id": None}, {"onnx": 5}, {"sha256": []}, {"opset": "17"}, {"smoke": {}}, {"kind": 1},
    {"quant_mode": []}, {"int8_sha256": 7}, {"external_data": {}}, {"external_data": [None, {"path": 1}]},
    {"license": 3}, {"notes": {"a": [1]}}, {"supersedes": 1}, {"evidence": 1}, {"release_url": []},
    {"sigstore_bundle": 1},
]  # fmt: skip


@pytest.mark.parametrize("fields", WRONG_FIELDS, ids=str)
def test_fields_of_the_wrong_type(sound: Forge, run: Run, fields: dict[str, Any]) -> None:
    sound.entry("beta_v1").update(fields)
    sound.commit()
    assert {code for code, _ in findings(run, sound)} & {"SG101"}


@pytest.mark.parametrize("other", ["Beta_v1", "b\u0435ta_v1", "\u03b2eta_v1", "be\u200bta_v1", "\uff42eta_v1"])
def test_ids_that_look_alike(sound: Forge, run: Run, other: str) -> None:
    sound.write_json("registry.schema.json", {"type": "object"})
    sound.start()
    sound.add(other, onnx_models.mlp(9), onnx="other.onnx")
    sound.commit()
    assert any(code == "SG206" and "look-alike" in message for code, message in findings(run, sound))


@pytest.mark.parametrize(
    "onnx_path",
    ["../beta_v1.onnx", "/etc/passwd.onnx", "sub\\beta_v1.onnx", "beta_v1\0.onnx", "beta_v1.onnx.", "beta_v1.onnx ",
     "./beta_v1.onnx", "a//b.onnx", "C:beta.onnx", "con.onnx", "com1.onnx", "a\nb.onnx", "", ".", "..", "~/x.onnx"],
)  # fmt: skip
def test_paths_that_are_not_plain(sound: Forge, run: Run, onnx_path: str) -> None:
    sound.entry("beta_v1")["onnx"] = onnx_path
    sound.commit()
    assert {code for code, _ in findings(run, sound)} & {"SG101", "SG206"}


def test_two_entries_on_one_file(sound: Forge, run: Run) -> None:
    sound.entry("beta_v1")["onnx"] = "alpha_v1.onnx"
    sound.commit()
    assert ("SG103", "`alpha_v1`, `beta_v1` share the file `model/tiny/alpha_v1.onnx`") in findings(run, sound)


def test_no_registry(sound: Forge, run: Run) -> None:
    sound.git("rm", "-rq", FOLDER)
    sound.git("commit", "-qm", "gone")
    base = sound.git("rev-parse", "HEAD")
    outcome = run("check", "--repo", str(sound.root), "--base", base, "--head", "HEAD")
    assert outcome.code == CANNOT_JUDGE
    assert "no registry" in outcome.err


def test_a_registry_that_is_named_and_is_not_there(sound: Forge, run: Run) -> None:
    for name in ("model/registry.json", "../registry.json", "/etc/passwd", "", "model/tiny"):
        outcome = check(run, sound, "--registry", name)
        assert outcome.code == CANNOT_JUDGE, name


# -- models ------------------------------------------------------------------------------------------------------------

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n"


def huge_claim() -> bytes:
    """A tensor that says it has four billion bytes, and has four."""
    model = onnx.load_model_from_string(onnx_models.mlp(9))
    model.graph.initializer[0].dims[:] = [1 << 32]
    length = b"\xff\xff\xff\xff\x0f"
    data: bytes = model.SerializeToString()
    return data + b"\x3a" + length + b"\0" * 4


def a_folder(forge: Forge, _: bytes) -> None:
    forge.delete("beta_v1.onnx")
    forge.write("beta_v1.onnx/x", b"x")


FILES: dict[str, tuple[Callable[[Forge, bytes], None], str]] = {
    "zero bytes": (lambda f, _: f.write("beta_v1.onnx", b""), "SG301"),
    "no protobuf": (lambda f, _: f.write("beta_v1.onnx", b"\xff" * 64), "SG301"),
    "truncated": (lambda f, data: f.write("beta_v1.onnx", data[:-9]), "SG301"),
    "claims gigabytes": (lambda f, _: f.write("beta_v1.onnx", huge_claim()), "SG301"),
    "symlink": (lambda f, _: f.link("beta_v1.onnx", "alpha_v1.onnx"), "SG206"),
    "symlink out": (lambda f, _: f.link("beta_v1.onnx", "/etc/passwd"), "SG206"),
    "symlink to itself": (lambda f, _: f.link("beta_v1.onnx", "beta_v1.onnx"), "SG206"),
    "pointer mismatch": (lambda f, _: f.write("beta_v1.onnx", POINTER.format(oid="a" * 64, size=9)), "SG202"),
    "pointer malformed": (lambda f, _: f.write("beta_v1.onnx", POINTER.format(oid="A" * 64, size=9)), "SG207"),
    "pointer ext": (
        lambda f, d: f.write(
            "beta_v1.onnx",
            POINTER.format(oid=sha256(d), size=len(d)).replace("oid", f"ext-0-x sha256:{'b' * 64}\noid", 1),
        ),
        "SG207",
    ),
    "a folder": (a_folder, "SG201"),
    "gone": (lambda f, _: f.delete("beta_v1.onnx"), "SG201"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_model_that_is_not_one(sound: Forge, run: Run, name: str) -> None:
    spoil, code = FILES[name]
    spoil(sound, sound.path("beta_v1.onnx").read_bytes())
    sound.commit()
    assert code in {found for found, _ in findings(run, sound)}


def test_a_well_formed_pointer_without_its_object_passes_in_smoke_and_not_further(sound: Forge, run: Run) -> None:
    sound.to_lfs("beta_v1.onnx", at_hand=False)
    sound.commit()
    assert check(run, sound).code == 0
    sound.start()
    sound.entry("beta_v1")["smoke"] = False
    sound.commit()
    assert "SG210" in {code for code, _ in findings(run, sound)}


@pytest.mark.parametrize("place", ["beta_v1.onnx", "sub"])
def test_a_submodule_in_a_models_place(sound: Forge, run: Run, place: str) -> None:
    if place == "sub":
        sound.entry("beta_v1")["onnx"] = "sub/beta_v1.onnx"
    sound.delete("beta_v1.onnx")
    sound.commit()
    sound.git("update-index", "--add", "--cacheinfo", f"160000,{sound.base},{FOLDER}/{place}")
    sound.git("commit", "-qm", "submodule")
    assert {code for code, _ in findings(run, sound)} >= {"SG201"}


def external(location: str, *, offset: str = "0", length: str | None = None) -> bytes:
    graph, _ = onnx_models.with_external(9, "w.bin")
    model = onnx.load_model_from_string(graph)
    tensor = next(t for t in model.graph.initializer if t.external_data)
    said = {"location": location, "offset": offset, "length": length or tensor.external_data[2].value}
    del tensor.external_data[:]
    for key, value in said.items():
        tensor.external_data.add(key=key, value=value)
    data: bytes = model.SerializeToString()
    return data


@pytest.mark.parametrize(
    ("model", "codes"),
    [
        (external("w.bin", offset="-4"), {"SG301", "SG205"}),
        (external("w.bin", offset="1000000"), {"SG205"}),
        (external("w.bin", length="99999999999999999999"), {"SG301", "SG205"}),
        (external("w.bin", offset="x"), {"SG301", "SG205"}),
        (external("/etc/passwd"), {"SG205"}),
        (external("../w.bin"), {"SG205"}),
        (external("..\\w.bin"), {"SG205"}),
        (external("w.bin\0"), {"SG205", "SG301"}),
        (external(""), {"SG205", "SG301"}),
        (external("nowhere.bin"), {"SG205"}),
        (external("."), {"SG205"}),
        (external("registry.json", length="1"), {"SG301", "SG306", "SG205"}),
    ],
)
def test_external_data_that_does_not_resolve(sound: Forge, run: Run, model: bytes, codes: set[str]) -> None:
    sound.add("heavy_v1", model)
    sound.write("w.bin", onnx_models.with_external(9, "w.bin")[1])
    sound.commit()
    assert codes & {code for code, _ in findings(run, sound)}


def test_external_data_whose_ranges_overlap(sound: Forge, run: Run) -> None:
    graph, weights = onnx_models.with_external(9, "w.bin")
    model = onnx.load_model_from_string(graph)
    other = next(t for t in model.graph.initializer if t.name == "w2")
    length = len(other.raw_data)
    other.ClearField("raw_data")
    other.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", "w.bin"), ("offset", "8"), ("length", str(length))):
        other.external_data.add(key=key, value=value)
    sound.add("heavy_v1", model.SerializeToString())
    sound.write("w.bin", weights)
    sound.commit()
    assert any(code in {"SG205", "SG301"} and "overlap" in message for code, message in findings(run, sound))


# -- names that try to break out ---------------------------------------------------------------------------------------

HOSTILE = "x\n::error::`|<img src=x onerror=y>|\u202e\x1b[31m\"'\r\n@ana #1 ](http://example.invalid).onnx"
FORMATS = ("text", "json", "markdown", "sarif", "github")


@pytest.fixture
def hostile(sound: Forge) -> Forge:
    sound.write(HOSTILE, onnx_models.mlp(9))
    sound.write(HOSTILE.removesuffix(".onnx") + ".json", "{")
    sound.path("registry.schema.json").write_text('{"type": "object"}')
    sound.registry["models"].append(
        {"id": HOSTILE, "onnx": HOSTILE, "sha256": HOSTILE, "smoke": True, "license": HOSTILE}
    )
    raw = os.fsencode(str(sound.path(""))) + b"/caf\xe9\xff.onnx"
    Path(os.fsdecode(raw)).write_bytes(b"x")
    sound.commit()
    return sound


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("more", [(), ("--verbose",), ("--all",)])
def test_nothing_breaks_out_of_a_report(hostile: Forge, run: Run, format_: str, more: tuple[str, ...]) -> None:
    outcome = check(run, hostile, "--format", format_, *more)
    assert outcome.code == BLOCKED
    assert "\x1b[31m" not in outcome.out
    assert "\u202e" not in outcome.out
    if format_ in {"json", "sarif"}:
        json.loads(outcome.out)
        return
    commands = re.findall(r"^\s*::.*$", outcome.out, re.MULTILINE)
    if format_ == "github":
        assert commands
        assert all(re.match(r"::(error|warning|notice) (file|title)=", command) for command in commands)
    else:
        assert commands == []
    if format_ == "markdown":
        page = MarkdownIt("commonmark").enable("table").render(outcome.out)
        shown = re.sub(r"<code\b.*?</code>|<!--.*?-->", "", page, flags=re.DOTALL)
        assert not re.search(r"<img|onerror|@ana|href=.http://example", shown)


def test_an_error_does_not_break_out_either(sound: Forge, run: Run) -> None:
    outcome = check(run, sound, "--registry", HOSTILE)
    assert outcome.code == CANNOT_JUDGE
    assert "\x1b" not in outcome.err
    assert not re.search(r"^\s*::", outcome.err, re.MULTILINE)


# -- the repository ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "revisions",
    [
        ("--base", "nowhere"),
        ("--head", "nowhere"),
        ("--base", "--upload-pack=touch /tmp/owned"),
        ("--base", ""),
        ("--base", "HEAD..HEAD"),
        ("--base", "HEAD:model"),
        ("--base", "HEAD^{tree}"),
        ("--base", "\udcff"),
        ("--base", "dir:/nowhere", "--head", "dir:/nowhere"),
        ("--base", "dir:/"),
    ],
)
def test_revisions_that_name_nothing(sound: Forge, run: Run, revisions: tuple[str, ...]) -> None:
    outcome = run("check", "--repo", str(sound.root), *revisions)
    assert outcome.code == CANNOT_JUDGE
    assert outcome.err.strip()


@pytest.mark.parametrize("kind", ["missing", "folder", "unreadable yaml", "unknown key", "binary"])
def test_a_policy_of_ones_own_that_cannot_be_used(sound: Forge, run: Run, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "policy.yml"
    if kind == "folder":
        path.mkdir()
    elif kind != "missing":
        text = {"unreadable yaml": b"checks: [\n", "unknown key": b"cheks: {}\n", "binary": b"\0\xff"}[kind]
        path.write_bytes(text)
    outcome = check(run, sound, "--policy", str(path))
    assert outcome.code == CANNOT_JUDGE
    assert "policy" in outcome.err


def test_not_a_repository(tmp_path: Path, run: Run) -> None:
    for place in (tmp_path, tmp_path / "nowhere"):
        outcome = run("check", "--repo", str(place))
        assert outcome.code == CANNOT_JUDGE
        assert "--repo" in outcome.err


def test_an_empty_repository(tmp_path: Path, run: Run) -> None:
    forge = Forge(tmp_path / "empty")
    for arguments in ((), ("--base", "HEAD"), ("--head", "HEAD")):
        outcome = run("check", "--repo", str(forge.root), *arguments)
        assert outcome.code == CANNOT_JUDGE
        assert outcome.err.strip()


def test_a_bare_repository(sound: Forge, tmp_path: Path, run: Run) -> None:
    bare = tmp_path / "bare"
    sound.git("clone", "-q", "--bare", str(sound.root), str(bare))
    outcome = run("check", "--repo", str(bare))
    assert outcome.code == CANNOT_JUDGE
    assert "--head" in outcome.err
    assert run("check", "--repo", str(bare), "--base", sound.base, "--head", "HEAD").code == 0


def test_unrelated_histories(sound: Forge, run: Run) -> None:
    sound.git("checkout", "-q", "--orphan", "other")
    sound.commit("unrelated")
    outcome = run("check", "--repo", str(sound.root), "--head", "HEAD")
    assert outcome.code == CANNOT_JUDGE
    assert "unrelated" in outcome.err


def test_a_base_that_moved_on_is_said(sound: Forge, run: Run) -> None:
    sound.git("checkout", "-q", "-b", "side")
    sound.commit("side")
    assert "parted" not in check(run, sound).out
    sound.git("checkout", "-q", "main")
    sound.add("late_v1")
    sound.base = sound.commit("moves on")
    outcome = check(run, sound, "--head", "side")
    assert "SG401" in outcome.out
    assert "looks taken away" in " ".join(outcome.out.split())


def test_a_shallow_clone(sound: Forge, tmp_path: Path, run: Run) -> None:
    sound.git("checkout", "-qb", "work")
    for number in range(3):
        sound.entry("beta_v1")["notes"] = str(number)
        sound.commit()
    sound.git("checkout", "-q", "main")
    clone = tmp_path / "shallow"
    sound.git("clone", "-q", "--depth=1", "--no-single-branch", "--branch=work", f"file://{sound.root}", str(clone))
    outcome = run("check", "--repo", str(clone), "--head", "HEAD")
    assert outcome.code == CANNOT_JUDGE
    assert "git fetch --unshallow" in outcome.err


def test_a_partial_clone_whose_origin_is_gone(sound: Forge, tmp_path: Path, run: Run) -> None:
    sound.git("config", "uploadpack.allowFilter", "true")
    sound.git("config", "uploadpack.allowAnySHA1InWant", "true")
    sound.write("alpha_v1.onnx", onnx_models.mlp(70))
    sound.commit()
    clone = tmp_path / "partial"
    sound.git("clone", "-q", "--filter=blob:none", "--no-checkout", f"file://{sound.root}", str(clone))
    sound.root.rename(tmp_path / "away")
    outcome = run("check", "--repo", str(clone), "--base", "HEAD~1", "--head", "HEAD")
    assert outcome.code == CANNOT_JUDGE
    assert "missing" in outcome.err


def test_an_object_that_is_gone(sound: Forge, run: Run) -> None:
    sound.write("alpha_v1.onnx", onnx_models.mlp(70))
    sound.commit()
    oid = sound.git("rev-parse", f"HEAD:{FOLDER}/alpha_v1.onnx")
    sound.delete("alpha_v1.onnx")
    (sound.root / ".git" / "objects" / oid[:2] / oid[2:]).unlink()
    outcome = check(run, sound)
    assert outcome.code == CANNOT_JUDGE
    assert oid in outcome.err
    assert f"{FOLDER}/alpha_v1.onnx" in outcome.err


def test_an_object_that_is_damaged(sound: Forge, run: Run) -> None:
    sound.write("alpha_v1.onnx", onnx_models.mlp(70))
    sound.commit()
    oid = sound.git("rev-parse", f"HEAD:{FOLDER}/alpha_v1.onnx")
    sound.delete("alpha_v1.onnx")
    place = sound.root / ".git" / "objects" / oid[:2] / oid[2:]
    place.chmod(0o644)
    place.write_bytes(place.read_bytes()[:40])
    outcome = check(run, sound)
    assert outcome.code == CANNOT_JUDGE
    assert oid in outcome.err


def test_git_is_not_there(sound: Forge, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    outcome = check(run, sound)
    assert outcome.code == CANNOT_JUDGE
    assert "git is not installed" in outcome.err


def test_output_that_cannot_be_written(sound: Forge, run: Run, tmp_path: Path) -> None:
    outcome = check(run, sound, "--output", str(tmp_path / "no" / "where"))
    assert outcome.code == CANNOT_JUDGE
    assert "--output" in outcome.err


def test_a_step_summary_that_cannot_be_written(
    sound: Forge, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "no" / "where"))
    outcome = check(run, sound, "--format", "github")
    assert outcome.code == CANNOT_JUDGE
    assert "GITHUB_STEP_SUMMARY" in outcome.err


@pytest.mark.parametrize("spelled", ["./model/tiny/registry.json", "model//tiny/./registry.json"])
def test_another_spelling_of_the_registry_is_the_same(sound: Forge, run: Run, spelled: str) -> None:
    assert check(run, sound, "--registry", spelled).code == 0


@pytest.mark.parametrize("outside", ["/etc/passwd", "../registry.json", "."])
def test_a_registry_outside_the_repository_is_refused(sound: Forge, run: Run, outside: str) -> None:
    refused = check(run, sound, "--registry", outside)
    assert refused.code == CANNOT_JUDGE
    assert "is not named from the root of the repository" in refused.err
