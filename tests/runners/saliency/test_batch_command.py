"""`smokegate batch` on real clips, with worker processes, as an operator calls it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import onnx_models
from runners.saliency import films
from smokegate.cli import run as run_cli
from smokegate.cli import smokegate
from smokegate_runners.commands.batch import command

PATIENCE = 120.0
MANIFEST = """\
# Two tables over one folder of clips.
defaults:
  model_path: m.onnx
  allow_unregistered: true
  root: clips
tables:
  - {id: first, input: first.jsonl, output: out/first.jsonl, audit_json: out/first.audit.json}
  - {id: second, input: second.jsonl, output: out/second.parquet, temporal_aggregator: ema, max_frames: 4}
"""


def called(*arguments: object) -> Result:
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(command, words, catch_exceptions=False, standalone_mode=False)


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    (tmp_path / "clips").mkdir()
    (tmp_path / "out").mkdir()
    films.shot(tmp_path / "clips" / "a.mp4", *films.H264)
    films.shot(tmp_path / "clips" / "b.webm", *films.VP9)
    (tmp_path / "m.onnx").write_bytes(onnx_models.saliency())
    (tmp_path / "first.jsonl").write_text('{"src": "a.mp4"}\n{"src": "b.webm"}\n')
    (tmp_path / "second.jsonl").write_text('{"src": "a.mp4"}\n{"src": "none.mp4"}\n')
    (tmp_path / "batch.yml").write_text(MANIFEST)
    return tmp_path / "batch.yml"


def test_the_tables_of_a_manifest(manifest: Path, tmp_path: Path) -> None:
    reports = ("--report-json", tmp_path / "r.json", "--report-md", tmp_path / "r.md")
    result = called(manifest, "--workers", 1, *reports)
    assert result.return_value == 1
    assert result.stdout == ("row-failures: 2 tables, 0 failed; 4 rows: 3 ok, 0 skipped-existing, 1 failed\n")
    assert "[2/2] second: row-failures: 2 rows: 1 ok, 1 missing-source" in result.stderr
    assert f"1 row: missing-source: is --root right? paths start at {tmp_path / 'clips'}" in result.stderr
    report = json.loads((tmp_path / "r.json").read_text())
    assert [(table["id"], table["status"], table["coverage"]) for table in report["tables"]] == [
        ("first", "ok", 1.0),
        ("second", "row-failures", 0.5),
    ]
    assert report["tables"][1]["settings"]["aggregator"] == "ema"
    assert report["run_provenance"]["args"]["manifest"] == str(manifest)
    assert (tmp_path / "r.md").read_text().startswith("# Saliency batch: row-failures\n")
    assert (tmp_path / "out" / "first.audit.json").exists()
    assert called(manifest, "--workers", 1, "--allow-row-failures").return_value == 0

    alone = called(manifest, "--table", "first", "--report-json", tmp_path / "first.json")
    assert alone.return_value == 0
    report = json.loads((tmp_path / "first.json").read_text())
    assert [table["id"] for table in report["tables"]] == ["first"]
    assert report["tables"][0]["sources"] == {"distinct": 2, "computed": 0, "reused": 2, "failed": 0}


def test_ids_are_listed_for_a_matrix(manifest: Path) -> None:
    result = called(manifest, "--list")
    assert (result.return_value, json.loads(result.stdout)) == (0, ["first", "second"])


def test_a_broken_manifest_runs_nothing(manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest.write_text(MANIFEST.replace("second.jsonl", "none.jsonl").replace("max_frames: 4", "max_frame: 4"))
    assert run_cli(["batch", str(manifest), "--report-json", str(tmp_path / "r.json")]) == 2
    said = capsys.readouterr().err
    assert f"{manifest} has 2 mistakes, and nothing was run:" in said
    assert "batch.yml:8: tables[1].input:" in said
    assert "batch.yml:8: tables[1]: there is no such key as `max_frame`; is max_frames meant?" in said
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == []
    assert not (tmp_path / "r.json").exists()


def test_a_run_that_is_told_to_stop_says_how_far_it_came(manifest: Path, tmp_path: Path) -> None:
    """The second table has more than can be done before it is stopped."""
    rows = [f"copy{number}.mp4" for number in range(400)]
    for name in rows:
        (tmp_path / "clips" / name).hardlink_to(tmp_path / "clips" / "a.mp4")
    (tmp_path / "second.jsonl").write_text("".join(f'{{"src": "{name}"}}\n' for name in rows))
    report = tmp_path / "r.json"
    run = subprocess.Popen(
        [sys.executable, "-m", "smokegate", "batch", str(manifest), "--workers", "1", "--report-json", str(report)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert run.stderr is not None
    for line in run.stderr:
        if line.startswith("[2/2] second"):
            break
    run.send_signal(signal.SIGTERM)
    _, said = run.communicate(timeout=PATIENCE)
    assert run.returncode == 130, said
    assert "the same command goes on from there" in said
    assert [table["status"] for table in json.loads(report.read_text())["tables"]] == ["ok", "not-run"]
    assert not (tmp_path / "out" / "second.parquet").exists()


def test_the_command_is_listed_and_loads_nothing_heavy() -> None:
    assert "batch" in CliRunner().invoke(smokegate, ["--help"]).output
    code = (
        "import sys, smokegate_runners.commands.batch as b; from click.testing import CliRunner; "
        "assert CliRunner().invoke(b.command, ['--help']).exit_code == 0; "
        "print(sorted({'av', 'numpy', 'onnx', 'onnxruntime', 'pyarrow', 'ray', 'pydantic'} & set(sys.modules)))"
    )
    path = os.pathsep.join(entry for entry in sys.path if entry)
    run = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
