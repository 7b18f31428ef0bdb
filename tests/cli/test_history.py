"""`smokegate history` replays what the branch itself went through."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

import onnx_models
from cli.conftest import Run
from forge import FOLDER, Forge
from smokegate.sources import blobs
from smokegate.sources.digest import Stored, digest

COMMITS = 40


def subjects(out: str) -> list[str]:
    return [row["subject"] for row in json.loads(out)["commits"]]


@pytest.fixture
def past(forge: Forge) -> Forge:
    """Forty commits: twenty entries arrive, notes are taken, one flips without evidence, one file is swapped."""
    for number in range(20):
        forge.add(f"m{number:02}_v1", onnx_models.mlp(number % 8))
        forge.commit(f"add {number}")
    for number in range(COMMITS - 22):
        forge.entry(f"m{number:02}_v1")["notes"] = "seen"
        forge.commit(f"note {number}")
    forge.entry("m00_v1")["smoke"] = False
    forge.commit("flip")
    forge.write("m00_v1.onnx", onnx_models.mlp(30))
    forge.commit("swap")
    return forge


def test_every_commit_has_a_line_and_then_the_totals(past: Forge, run: Run) -> None:
    outcome = run("history", "--repo", str(past.root))
    assert outcome.code == 1
    *lines, totals = outcome.out.splitlines()
    assert len(lines) == COMMITS
    assert "flip" in lines[-2]
    assert "swap" in lines[-1]
    assert totals.startswith(f"{COMMITS} judged: ")
    assert "38 pass" in totals
    assert "SG403 1" in totals


def test_as_json(past: Forge, run: Run, tmp_path: Path) -> None:
    outcome = run("history", "--repo", str(past.root), "--format", "json")
    rows = json.loads(outcome.out)["commits"]
    assert [row["subject"] for row in rows][-2:] == ["flip", "swap"]
    verdicts = Counter(report["verdict"] for row in rows for report in row["reports"])
    assert verdicts["pass"] == COMMITS - 2
    assert all(set(row) == {"commit", "date", "subject", "reports"} for row in rows)
    kept = tmp_path / "history.json"
    run("history", "--repo", str(past.root), "--format", "json", "--output", str(kept))
    assert kept.read_text() == outcome.out


def test_a_blob_is_digested_once(past: Forge, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: Counter[str] = Counter()

    def counted(chunks: Iterable[memoryview]) -> Stored:
        stored = digest(chunks)
        seen[stored.digest] += 1
        return stored

    monkeypatch.setattr(blobs, "digest", counted)
    monkeypatch.setattr("smokegate.sources.checkout.digest", counted)
    run("history", "--repo", str(past.root))
    assert len(seen) >= 9
    assert set(seen.values()) == {1}


def test_since(past: Forge, run: Run) -> None:
    outcome = run("history", "--repo", str(past.root), "--since", "HEAD~3", "--format", "json")
    assert subjects(outcome.out) == ["note 17", "flip", "swap"]
    outcome = run("history", "--repo", str(past.root), "--since", "HEAD", "--format", "json")
    assert (outcome.code, subjects(outcome.out)) == (0, [])
    assert run("history", "--repo", str(past.root), "--since", "nowhere").code == 2


def test_head(past: Forge, run: Run) -> None:
    outcome = run("history", "--repo", str(past.root), "--head", "HEAD~2", "--format", "json")
    assert outcome.code == 0
    assert len(subjects(outcome.out)) == COMMITS - 2


def test_commits_that_do_not_touch_the_registry_are_left_out(past: Forge, run: Run) -> None:
    past.write("/src/main.c", "int main;\n")
    past.commit("code")
    past.write("/.smokegate.yml", "owners: [ana]\n")
    past.commit("policy")
    outcome = run("history", "--repo", str(past.root), "--since", "HEAD~3", "--format", "json")
    assert subjects(outcome.out) == ["swap", "policy"]


def test_a_merge_is_the_one_change_that_it_brought(past: Forge, run: Run) -> None:
    past.git("checkout", "-qb", "work")
    past.entry("m01_v1")["smoke"] = False
    past.commit("flip on a branch")
    past.entry("m01_v1")["smoke"] = True
    past.commit("take it back")
    past.entry("m01_v1")["notes"] = "tried"
    past.commit("say so")
    past.git("checkout", "-q", "main")
    past.git("merge", "-q", "--no-ff", "-m", "merge the branch", "work")
    outcome = run("history", "--repo", str(past.root), "--since", "HEAD^1", "--format", "json")
    assert outcome.code == 0
    assert subjects(outcome.out) == ["merge the branch"]


def test_a_shallow_clone_says_where_it_ends(past: Forge, run: Run, tmp_path: Path) -> None:
    clone = tmp_path / "shallow"
    past.git("clone", "-q", "--depth", "3", f"file://{past.root}", str(clone))
    outcome = run("history", "--repo", str(clone), "--format", "json")
    assert outcome.code == 2
    first, *rest = json.loads(outcome.out)["commits"]
    assert "git fetch --unshallow" in first["fault"]
    assert [row["subject"] for row in rest] == ["flip", "swap"]


def test_a_commit_that_cannot_be_judged_is_said_and_the_rest_is_judged(forge: Forge, run: Run) -> None:
    forge.write("registry.json", '{"models": [')
    forge.commit("begin broken", save=False)
    forge.write("registry.json", '{"models": [}')
    forge.commit("break it otherwise", save=False)
    forge.add("alpha_v1")
    forge.commit("mend it")
    forge.entry("alpha_v1")["notes"] = "seen"
    forge.commit("note")
    outcome = run("history", "--repo", str(forge.root), "--registry", f"{FOLDER}/registry.json")
    assert outcome.code == 2
    assert outcome.out.count("cannot be read at base") == 2
    assert "4 judged: " in outcome.out
    assert "2 could not be judged" in outcome.out


def test_a_registry_that_only_its_policy_knows_by_name(forge: Forge, run: Run) -> None:
    forge.write("/.smokegate.yml", "registries: [model/tiny/zoo.json]\n")
    forge.add("alpha_v1")
    forge.save()
    forge.path("registry.json").rename(forge.path("zoo.json"))
    forge.commit("begin", save=False)
    outcome = run("history", "--repo", str(forge.root), "--format", "json")
    assert outcome.code == 0, outcome.err
    assert subjects(outcome.out) == ["begin"]


def test_no_registry(tmp_path: Path, run: Run) -> None:
    forge = Forge(tmp_path / "repo")
    forge.write("/README.md", "nothing here\n")
    forge.git("add", "-A")
    forge.git("commit", "-qm", "begin")
    outcome = run("history", "--repo", str(forge.root))
    assert outcome.code == 2
    assert "no registry" in outcome.err
