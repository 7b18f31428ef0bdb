from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from evidence.specimens import fold, loso, seeds, subject
from smokegate.commands.gate import command, judge
from smokegate.errors import SmokegateError
from smokegate.evidence.corpus import CorpusTable, read_jsonl
from smokegate.evidence.documents import Evidence, read
from smokegate.evidence.examine import examine
from smokegate.evidence.models import LosoSeed, PromoteV1, PromoteV2, misfits
from smokegate.policy import BUILT_IN_GATES, Policy

FEATURES = ("adm2", "vif_scale0", "vif_scale1", "vif_scale2", "vif_scale3", "motion2")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    runs = tmp_path / "runs"
    runs.mkdir()
    put(runs, seeds())
    return runs


def put(folder: Path, documents: list[dict[str, Any]]) -> None:
    for one in documents:
        (folder / f"loso_seed{one['seed']}.json").write_text(json.dumps(one))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(one) for one in arguments], standalone_mode=False)


def corpus(path: Path, sources: tuple[str, ...], rows: int = 1200) -> Path:
    lines = []
    for at in range(rows):
        row = {"src": sources[at % len(sources)], "encoder": "h264_nvenc", "cq": 18 + at % 4, "frame_index": at}
        lines.append(json.dumps({**row, "vmaf": 90.0 - at % 30, **dict.fromkeys(FEATURES, 0.5 + at / 9999)}))
    path.write_text("\n".join(lines) + "\n")
    return path


def written(folder: Path, verdict: str = "PROMOTE") -> dict[str, Any]:
    value: dict[str, Any] = json.loads((folder / f"{verdict}.json").read_bytes())
    return value


def test_numbers_that_pass_write_promote(folder: Path) -> None:
    (folder / "HOLD.json").write_text('{"generated_at_utc": "2026-05-01T00:00:00Z"}')
    result = run(folder)
    assert (result.exception, result.return_value) == (None, 0)
    document = written(folder)
    assert not list(misfits(document, PromoteV2)) and not list(misfits({**document, "schema_version": 1}, PromoteV1))
    assert document["verdict"] == "PROMOTE" and document["gate"]["passed"] is True
    assert "names no model bytes yet" in document["recommendation"]
    assert "HOLD of 2026-05-01" in document["recommendation"]
    assert sorted(path.name for path in folder.iterdir() if "loso" not in path.name) == ["PROMOTE.json"]
    for said in ("PROMOTE  ensemble-plcc", "plcc_spread", "seed    0  ", "^ 0.95", "SG505", "SG509", "policy: "):
        assert said in result.output


def test_numbers_that_fail_write_hold_and_clear_a_promote(folder: Path) -> None:
    (folder / "PROMOTE.json").write_text("{}")
    put(folder, [loso(3, [fold(one["held_out"], 0.94) for one in seeds()[0]["folds"]])])
    result = run(folder)
    assert (result.exception, result.return_value) == (None, 1)
    assert not (folder / "PROMOTE.json").exists()
    document = written(folder, "HOLD")
    assert document["gate"]["failing_seeds"] == [3]
    assert "seed_plcc of 3 is 0.94, less than 0.95" in result.output
    assert "MISSED" in result.output


def test_an_undefined_fold_holds(folder: Path) -> None:
    folds = seeds()[1]["folds"]
    put(folder, [loso(1, [fold("BigBuckBunny", None), *folds[1:]])])
    assert run(folder).return_value == 1
    gate = written(folder, "HOLD")["gate"]
    assert gate["mean_plcc"] is gate["plcc_spread"] is gate["per_seed_plccs"]["1"] is None


def test_fewer_seeds_than_the_gate_names_hold(folder: Path) -> None:
    result = run(folder, "--seeds", "0,1,2,3")
    assert result.return_value == 1
    assert "seed 4 is missing" in result.output


def test_a_corpus_is_known_by_its_content(folder: Path, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "model").mkdir()
    place = corpus(tmp_path / "model" / "corpus.jsonl", tuple(one["held_out"] for one in seeds()[0]["folds"]))
    result = run(folder, "--corpus", place, "--policy", policy(tmp_path, "{}"))
    assert (result.exception, result.return_value) == (None, 0)
    with place.open("rb") as stream:
        table = read_jsonl(stream, "x")
    assert isinstance(table, CorpusTable)
    said = written(folder)["corpus"]
    assert (said["sha256"], said["rows"], said["path"]) == (table.digest, 1200, "model/corpus.jsonl")
    assert (said["ref_count"], said["encoders"], said["format"]) == (6, ["h264_nvenc"], "jsonl")
    assert "SG505" not in result.output


def test_a_directory_of_clips_is_a_corpus(folder: Path, tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    (clips / "a.mp4").write_bytes(b"a")
    (clips / "b.mp4").write_bytes(b"b")
    assert run(folder, "--corpus", clips).return_value == 0
    said = written(folder)["corpus"]
    assert (said["format"], said["rows"], said["present"]) == ("clips", 2, True)
    (clips / "b.mp4").write_bytes(b"c")
    run(folder, "--corpus", clips)
    assert written(folder)["corpus"]["sha256"] != said["sha256"]


def policy(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.yml"
    path.write_text(text)
    return path


def test_another_gate_and_policy(folder: Path, tmp_path: Path) -> None:
    text = "gates: {mine: {match: [x], shape: ensemble, bounds: {mean_plcc: {min: 0.999}}}, other: {match: [y]}}"
    result = run(folder, "--policy", policy(tmp_path, text), "--out", tmp_path / "out", "--format", "json")
    assert result.return_value == 1
    said = json.loads(result.output)
    assert said["gate"]["name"] == "mine" and said["verdict"] == "HOLD"
    assert written(tmp_path / "out", "HOLD")["policy_sha256"] == said["policy_sha256"]
    refused = run(folder, "--policy", policy(tmp_path, text), "--gate", "other")
    assert "judges no ensembles" in str(refused.exception)


def test_measured_models_can_be_named(folder: Path, tmp_path: Path) -> None:
    place = corpus(tmp_path / "corpus.jsonl", tuple(one["held_out"] for one in seeds()[0]["folds"]))
    rows = [subject(f"m_seed{seed}", seed) for seed in range(5)]
    arguments = (folder, place, None, None, None, str(policy(tmp_path, "{}")), "json", rows)
    assert judge(*arguments, now=lambda: datetime(2026, 11, 1, tzinfo=UTC)) == 0
    evidence = read((folder / "PROMOTE.json").read_bytes(), "PROMOTE.json")
    assert isinstance(evidence, Evidence)
    assert evidence.fields["generated_at_utc"] == "2026-11-01T00:00:00Z"
    assert examine(evidence, BUILT_IN_GATES["ensemble-plcc"], "ensemble-plcc", Policy(), []) == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"seed": 2, "mean_plcc": NaN}', "loso_seed2.json:1:26"),
        ('{"seed": 2, "seed": 2}', "duplicate"),
        ("{}", "`n_folds` is missing"),
        (json.dumps(loso(3, [fold("a", 0.9)])), "is of seed 3, and its name says 2"),
        (
            json.dumps(loso(2, [fold("a", 0.9)])).replace("0.9,", '"0.9",', 1),
            "`folds[0].plcc` should be a valid number",
        ),
        ("[" * 99, "deep"),
        ("", "empty"),
    ],
)
def test_what_cannot_be_read_is_not_judged(folder: Path, text: str, why: str) -> None:
    (folder / "loso_seed2.json").write_text(text)
    result = run(folder)
    assert isinstance(result.exception, SmokegateError)
    assert result.exception.exit_code == 2
    assert why in str(result.exception)
    assert not list(folder.glob("[PH]*.json"))


def test_a_seed_without_a_file_is_said(folder: Path) -> None:
    assert "none.jsonl cannot be read" in str(run(folder, "--corpus", folder / "none.jsonl").exception)
    (folder / "loso_seed4.json").unlink()
    assert "loso_seed4.json is missing" in str(run(folder).exception)
    assert "is no directory" in str(run(folder / "x").exception)


@pytest.mark.parametrize("text", ["", "0,x", "0,0", "0,-1", "\u0661", "1" * 17])
def test_seeds_are_plain_numbers_each_once(folder: Path, text: str) -> None:
    assert run(folder, "--seeds", text).exception is not None


def test_names_from_files_do_not_command_the_terminal(folder: Path) -> None:
    put(folder, [loso(0, [fold("a\x1b[2J\n::error::x", None)])])
    output = run(folder).output
    assert "\x1b" not in output and "\n::error" not in output


def test_the_specimen_is_a_loso_document() -> None:
    assert not list(misfits(seeds()[0], LosoSeed))
