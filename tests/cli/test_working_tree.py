"""Without `--head`, what lies in the working tree is judged, as git would store it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import onnx_models
from cli.conftest import Run
from forge import FOLDER, Forge, codes, passes, quiet, sha256
from smokegate.judge.report import Report


@pytest.fixture
def working(forge: Forge) -> Forge:
    graph, weights = onnx_models.with_external(3, "../../shared/w.bin")
    forge.add("alpha_v1", smoke=False)
    forge.add("heavy_v1", graph, smoke=False)
    forge.write("/shared/w.bin", weights)
    forge.write("/docs/models/alpha_v1.md", "# alpha\n")
    forge.write("/.gitignore", "*.tmp\nbuild/\n")
    forge.start()
    return forge


def judged(forge: Forge, **question: Any) -> Report:
    return forge.check(head=None, **question)


def test_nothing_changed(working: Forge) -> None:
    report = judged(working)
    quiet(report)
    assert report.changes == ()
    assert report.head == "working tree"


def test_an_edit_that_is_not_committed(working: Forge) -> None:
    working.write("alpha_v1.onnx", onnx_models.mlp(70))
    assert {"SG202", "SG404"} <= set(codes(judged(working)))
    working.git("add", "-A")
    assert "SG404" in codes(judged(working))


def test_a_new_entry_that_git_does_not_know_yet(working: Forge) -> None:
    working.add("beta_v1", onnx_models.mlp(71))
    working.save()
    quiet(judged(working))
    working.delete("beta_v1.onnx")
    assert codes(judged(working)) == ["SG201"]


def test_ignored_files_are_not_there(working: Forge) -> None:
    working.add("beta_v1", onnx_models.mlp(71), onnx="build/beta_v1.onnx")
    working.write("scratch.tmp", "x")
    working.save()
    report = judged(working)
    assert codes(report) == ["SG201"]
    assert not any("scratch" in change.id for change in report.changes)


def test_a_model_that_is_gone(working: Forge) -> None:
    working.delete("alpha_v1.onnx")
    assert "SG201" in codes(judged(working))


def test_changes_outside_of_the_registrys_folder(working: Forge) -> None:
    working.write("/docs/models/alpha_v1.md", "# alpha\n\nRead again.\n")
    report = judged(working)
    passes(report)
    assert [(c.id, c.fields) for c in report.changes] == [("alpha_v1", ("card",))]
    size = len(working.path("/shared/w.bin").read_bytes())
    working.write("/shared/w.bin", bytes(size))
    assert "SG404" in codes(judged(working))


def test_a_new_card_where_cards_lie(working: Forge) -> None:
    working.write("/docs/models/heavy_v1.md", "# heavy\n")
    assert [(c.id, c.fields) for c in judged(working).changes] == [("heavy_v1", ("card",))]


def test_a_policy_that_is_not_committed_does_not_judge(working: Forge) -> None:
    working.write("/.smokegate.yml", "checks: {SG404: off, SG202: off, SG305: off}\n")
    working.write("alpha_v1.onnx", onnx_models.mlp(70))
    assert {"SG404", "SG701"} <= set(codes(judged(working)))


def test_what_lies_beside_the_folder_is_not_even_read(working: Forge) -> None:
    """A new film of many gigabytes beside the registry costs nothing: it is neither copied nor opened."""
    film = working.path("/videos/film.mkv")
    film.parent.mkdir()
    with film.open("wb") as stream:
        stream.truncate(64 << 30)
    os.mkfifo(working.path("/videos/pipe"))
    quiet(judged(working))


def test_before_the_first_commit(tmp_path: Path, run: Run) -> None:
    forge = Forge(tmp_path / "repo")
    forge.add("alpha_v1")
    forge.add("beta_v1", onnx_models.mlp(9), smoke=False)
    forge.save()
    outcome = run("check", "--repo", str(forge.root), "--format", "json")
    told = json.loads(outcome.out)
    assert outcome.code == 1
    assert {f["code"] for f in told["findings"] if f["severity"] == "block"} == {"SG405"}
    assert {c["id"] for c in told["changes"]} == {"alpha_v1", "beta_v1"}


def test_from_a_folder_inside(working: Forge, run: Run) -> None:
    working.git("checkout", "-qb", "work")
    working.write("alpha_v1.onnx", onnx_models.mlp(70))
    inside = run("check", "--repo", str(working.root / FOLDER), "--format", "json")
    outside = run("check", "--repo", str(working.root), "--format", "json")
    assert inside == outside
    assert inside.code == 1


def test_an_lfs_object_that_lies_smudged_in_the_working_tree_was_seen(working: Forge) -> None:
    """git stores the pointer, and the bytes are here for everybody to look at."""
    model = onnx_models.saliency(5)
    working.add("a_saliency_v1", model)
    working.to_lfs("a_saliency_v1.onnx", at_hand=False)
    working.start()
    pointer = working.path("a_saliency_v1.onnx").read_bytes()
    clean = working.root / ".git" / "clean.py"
    clean.write_text(f"import sys; sys.stdin.buffer.read(); sys.stdout.buffer.write({pointer!r})")
    working.git("config", "filter.lfs.clean", f"python3 {clean}")
    working.write("/.gitattributes", "a_saliency_v1.onnx filter=lfs\n")
    working.entry("a_saliency_v1")["smoke"] = False
    working.save()
    assert "SG210" in codes(judged(working))
    working.write("a_saliency_v1.onnx", model)
    assert sha256(model).encode() in pointer
    report = judged(working)
    assert codes(report) == ["SG403"], report.blocking
