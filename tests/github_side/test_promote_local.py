"""`smokegate promote --local`: the same path, with this machine as the runner."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from evidence import corpora
from forge import Forge, passes
from github_side.promotions import CORPUS, MEMBERS, NAME, POLICY
from runners.ensemble.small import written
from runners.saliency import contests
from smokegate.judge.report import Verdict


def promote(forge: Forge, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "smokegate", "promote", *arguments, "--repo", str(forge.root)],
        cwd=forge.root,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def ensemble(forge: Forge) -> Forge:
    corpus = forge.path(f"/{CORPUS}")
    corpus.parent.mkdir(parents=True)
    written(corpus, corpora.rows(120, sources=3))
    for member in MEMBERS:
        forge.add(member)
    forge.write_json(f"{NAME}.json", forge.manifest(NAME, *MEMBERS))
    forge.write_json("/.smokegate.yml", POLICY)
    forge.write("/.gitignore", "smokegate-promotion/\n")
    forge.start()
    forge.git("switch", "-q", "-c", "topic")
    return forge


def test_an_ensemble_is_trained_and_flipped_into_the_working_tree(ensemble: Forge) -> None:
    before = ensemble.path("registry.json").read_bytes()
    code, said = promote(ensemble, "--local", NAME, "--dry-run")
    assert code == 0 and '+      "smoke": false' in said, said
    assert ensemble.path("registry.json").read_bytes() == before
    code, said = promote(ensemble, "--local", NAME)
    assert code == 0 and "went to production" in said and "after epoch 200 of 200" in said, said
    ensemble.registry = ensemble.read_json("registry.json")
    assert [ensemble.entry(one)["smoke"] for one in MEMBERS] == [False, False]
    assert ensemble.path(f"{NAME}_PROMOTE.json").is_file()
    passes(ensemble.judged())
    assert ensemble.check().self_attested


def test_a_hold_changes_nothing(ensemble: Forge) -> None:
    ensemble.git("switch", "-q", "main")
    gate = {**POLICY["gates"]["ensemble-plcc"], "bounds": {"mean_plcc": {"min": 0.9999}}}
    ensemble.write_json("/.smokegate.yml", {**POLICY, "gates": {"ensemble-plcc": gate}})
    ensemble.start()
    code, said = promote(ensemble, "--local", NAME)
    assert code == 1 and "stay as they are" in said, said
    assert ensemble.git("status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing"], "here it takes --local"),
        (["--local", "nothing"], "no registry has nothing"),
        (["--local"], "no registry has an entry that waits for evidence"),
        (["--local", NAME, "--corpus", "/nowhere.jsonl"], "/nowhere.jsonl"),
    ],
)
def test_what_cannot_be_is_exit_2(ensemble: Forge, arguments: list[str], told: str) -> None:
    code, said = promote(ensemble, *arguments)
    assert code == 2 and told in said, said


def test_a_candidate_is_compared_with_what_is_in_production(forge: Forge, tmp_path: Path) -> None:
    items = contests.scenes(tmp_path / "items")
    github = {"corpora": {"saliency-iou": "scenes"}}
    policy = {"unattested": "allow", "corpora": {"digests": [contests.digest(items)]}, "github": github}
    forge.write_json("/.smokegate.yml", policy)
    contests.entry(forge, "saliency_v1", 120, smoke=False)
    forge.start()
    forge.git("switch", "-q", "-c", "topic")
    contests.entry(forge, "saliency_v2", 90)
    forge.commit()
    code, said = promote(forge, "--local", "saliency_v2")
    assert code == 2 and "SMOKEGATE_DATA names no folder" in said and "or name one with --corpus" in said, said
    code, said = promote(forge, "--local", "saliency_v2", "--corpus", str(items), "--out", str(tmp_path / "out"))
    assert code == 0, said
    forge.registry = forge.read_json("registry.json")
    assert forge.entry("saliency_v2")["smoke"] is False
    assert forge.entry("saliency_v2")["supersedes"] == "saliency_v1"
    assert forge.judged().verdict is Verdict.PASS
    evidence = json.loads((tmp_path / "out" / "saliency_v2" / "PROMOTE.json").read_bytes())
    assert evidence["incumbent"]["id"] == "saliency_v1"
