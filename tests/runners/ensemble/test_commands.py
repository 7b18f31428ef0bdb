"""The commands beside `run`: loso, fit, predict, and what they refuse."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evidence import corpora
from runners.ensemble import conftest
from runners.ensemble.conftest import Invoke
from runners.ensemble.small import QUICK, taught, uneven, written
from smokegate.commands.gate import command as gate
from smokegate.errors import SmokegateError
from smokegate.evidence.measure import pearson
from smokegate.evidence.models import LosoSeed, misfits
from smokegate_runners.ensemble.loso import documents
from smokegate_runners.ensemble.plan import Plan, leaving_one_out, plan
from smokegate_runners.ensemble.predict import COLUMNS

NAME = "fr_regressor_v2_ensemble_v1"


def value(path: Path) -> Any:
    return json.loads(path.read_bytes())


def test_loso_writes_what_the_gate_reads(tmp_path: Path, ensemble: Invoke) -> None:
    from click.testing import CliRunner

    corpus = written(tmp_path / "corpus.jsonl")
    done = ensemble("loso", "--corpus", corpus, "--out", tmp_path / "out", "--seeds", "0,3", "--epochs", 2)
    assert (done.exception, done.return_value) == (None, 0)
    for seed in (0, 3):
        one = value(tmp_path / "out" / f"loso_seed{seed}.json")
        assert not list(misfits(one, LosoSeed)) and one["n_folds"] == 3
    said = [str(tmp_path / "out"), "--corpus", str(corpus), "--seeds", "0,3"]
    assert CliRunner().invoke(gate, said, standalone_mode=False).return_value == 1
    assert value(tmp_path / "out" / "HOLD.json")["corpus"]["rows"] == 150


def test_jsonl_and_parquet_come_to_the_same(tmp_path: Path, ensemble: Invoke) -> None:
    (tmp_path / "corpus.parquet").write_bytes(corpora.as_parquet(uneven()))
    found = []
    for corpus in (written(tmp_path / "corpus.jsonl"), tmp_path / "corpus.parquet"):
        out = tmp_path / corpus.suffix
        assert ensemble("loso", "--corpus", corpus, "--out", out, "--seeds", "1", "--dry-run").return_value == 0
        one = value(out / "loso_seed1.json")
        assert one["note"] == "dry-run" and one["epochs"] == 1
        found.append({**one, "wall_time_s": 0, "corpus": ""})
    assert found[0] == found[1]


def test_equal_scores_share_their_ranks_and_what_is_undefined_is_null() -> None:
    rows = taught()
    work = plan(rows, leaving_one_out(rows, (0,)))
    scores = rows.table.numbers["vmaf"]
    for at, row in enumerate(work.held_out[0][:4]):
        scores[row] = (1, 1, 2, 3)[at]
    work = Plan(work.fits, work.train, (work.held_out[0][:4], work.held_out[1][:1], work.held_out[2]))
    said = [[1, 2, 2, 3], [5], [7] * len(work.held_out[2])]
    predictions = {at: np.asarray(one, dtype=np.float32) for at, one in enumerate(said)}
    (found,) = documents(rows, work, predictions, QUICK, corpus="c", seconds=1.0, note=None)
    # ranks 1.5, 1.5, 3, 4 against 1, 2.5, 2.5, 4
    assert found["folds"][0]["srocc"] == pytest.approx(3.75 / 4.5)
    assert [(fold["plcc"], fold["srocc"]) for fold in found["folds"][1:]] == [(None, None), (None, None)]
    assert all(fold["rmse"] is not None for fold in found["folds"])
    assert (found["mean_plcc"], found["mean_srocc"], found["max_plcc"]) == (None, None, None)
    assert found["mean_rmse"] is not None and not list(misfits(found, LosoSeed))


def test_fit_exports_the_models_that_run_does(finished: Path, tmp_path: Path, ensemble: Invoke) -> None:
    """The same weights but for the last bits: what is trained beside a model does not reach it."""
    corpus = finished / "corpus.jsonl"
    done = ensemble("fit", "--corpus", corpus, "--out", tmp_path, "--epochs", conftest.EPOCHS, "--seeds", "0,1,2,3,4")
    assert (done.exception, done.return_value) == (None, 0)
    manifest = value(tmp_path / f"{NAME}.json")
    assert manifest["confidence"]["method"] == "gaussian" and manifest["smoke"] is True
    asked = [ensemble("predict", folder / f"{NAME}.json", "--rows", corpus) for folder in (tmp_path, finished / "out")]
    one, other = ([json.loads(line)[COLUMNS[0]] for line in said.stdout.splitlines()] for said in asked)
    assert one == pytest.approx(other, abs=0.05)


# -- refusals --------------------------------------------------------------------------------------------------------


def without(name: str) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key != name} for row in uneven()]


REFUSED: Mapping[str, tuple[Any, str]] = {
    "missing column": (without("motion2"), "no `motion2`"),
    "no rows": ([], "it holds no rows"),
    "one source": ([{**row, "src": "a.mp4"} for row in uneven()], "every row is of the source `a.mp4`"),
    "constant": ([{**row, "vmaf": 80} for row in uneven()], "`vmaf` is 80 in every row"),
    "null": ([*uneven(), {**uneven()[0], "adm2": None}], "corpus.jsonl:151: `adm2` has no value"),
    "past float32": ([*uneven(), {**uneven()[0], "adm2": 1e39}], "past the range of float32"),
    "no score": ([*uneven(), {**uneven()[0], "vmaf": 1e300}], "which is no score"),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("command", ["loso", "fit", "run"])
def test_nothing_is_trained_on_such_a_corpus(command: str, what: str, tmp_path: Path, ensemble: Invoke) -> None:
    rows, said = REFUSED[what]
    done = ensemble(command, "--corpus", written(tmp_path / "corpus.jsonl", rows), "--out", tmp_path / "out")
    assert isinstance(done.exception, SmokegateError) and said in str(done.exception)
    assert not (tmp_path / "out").exists()


def test_nan_in_jsonl_and_in_parquet(tmp_path: Path, ensemble: Invoke) -> None:
    rows = [*uneven(), {**uneven()[0], "vmaf": float("nan")}]
    written(tmp_path / "corpus.jsonl", rows)
    (tmp_path / "corpus.parquet").write_bytes(corpora.as_parquet(rows))
    for name, said in (("corpus.jsonl", "corpus.jsonl:151"), ("corpus.parquet", "row 151: `vmaf` has no value")):
        done = ensemble("loso", "--corpus", tmp_path / name, "--out", tmp_path / "out")
        assert isinstance(done.exception, SmokegateError) and said in str(done.exception)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--seeds", "0,0"), "names a seed twice"),
        (("--seeds", "0,-1"), "no list of seeds"),
        (("--dry-run", "--epochs", "3"), "--dry-run is one epoch"),
        (("--corpus", "nowhere.jsonl"), "cannot be read"),
        (("--corpus", "corpus.csv"), "cannot be read"),
    ],
)
def test_options_that_mean_nothing(options: tuple[str, ...], said: str, tmp_path: Path, ensemble: Invoke) -> None:
    corpus = written(tmp_path / "corpus.jsonl")
    done = ensemble("loso", "--corpus", corpus, "--out", tmp_path / "out", *options)
    assert said in str(getattr(done.exception, "message", done.exception))


def test_a_folder_that_cannot_be_written(tmp_path: Path, ensemble: Invoke) -> None:
    (tmp_path / "file").write_text("in the way")
    done = ensemble("loso", "--corpus", written(tmp_path / "c.jsonl"), "--out", tmp_path / "file" / "out", "--dry-run")
    assert isinstance(done.exception, SmokegateError) and "--out" in str(done.exception)


# -- killed ----------------------------------------------------------------------------------------------------------


def test_killed_at_random_and_started_again_it_writes_the_same(tmp_path: Path, ensemble: Invoke) -> None:
    corpus = written(tmp_path / "corpus.jsonl")
    options = ("loso", "--corpus", corpus, "--seeds", "0,1", "--epochs", 250, "--checkpoint-every", 1)
    assert ensemble(*options, "--out", tmp_path / "whole").return_value == 0
    program = "import sys; from smokegate_runners.commands.ensemble import command; sys.exit(command(sys.argv[1:]))"
    argv = [sys.executable, "-c", program, *map(str, options), "--out", str(tmp_path / "killed")]
    state = tmp_path / "killed" / ".training-state.npz"
    process = subprocess.Popen(argv, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    while process.poll() is None and not state.exists():
        time.sleep(0.01)
    time.sleep(random.uniform(0, 0.4))  # noqa: S311 - wherever it is then
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "killed" / "loso_seed0.json").exists()
    done = ensemble(*options, "--out", tmp_path / "killed")
    assert done.return_value == 0 and "goes on after epoch" in done.output
    for seed in (0, 1):
        one, other = (value(tmp_path / folder / f"loso_seed{seed}.json") for folder in ("whole", "killed"))
        assert {**one, "wall_time_s": 0} == {**other, "wall_time_s": 0}


# -- predict ---------------------------------------------------------------------------------------------------------


def predicted(ensemble: Invoke, manifest: Path, rows: Path, *more: object) -> list[dict[str, Any]]:
    done = ensemble("predict", manifest, "--rows", rows, *more)
    assert (done.exception, done.return_value) == (None, 0), done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_predictions_follow_scores_and_the_interval_holds_as_often_as_it_says(
    finished: Path, tmp_path: Path, ensemble: Invoke
) -> None:
    """Rows that no model saw, of sources that none saw."""
    fresh = corpora.rows(3600, sources=5, encoders=("libx264", "h264_nvenc", "homebrew"))[1200:]
    found = predicted(ensemble, finished / "out" / f"{NAME}.json", written(tmp_path / "rows.jsonl", fresh))
    assert [{key: row[key] for key in fresh[0]} for row in found] == fresh
    scores = [row["vmaf"] for row in found]
    follows = pearson([row[COLUMNS[0]] for row in found], scores)
    assert follows is not None and follows > 0.97
    inside = sum(row[COLUMNS[2]] <= row["vmaf"] <= row[COLUMNS[3]] for row in found) / len(found)
    assert 0.93 < inside < 0.99
    assert all(row[COLUMNS[1]] > 0 and row[COLUMNS[2]] < row[COLUMNS[0]] < row[COLUMNS[3]] for row in found)


def test_rows_need_no_score_and_come_in_any_format_and_number(
    finished: Path, tmp_path: Path, ensemble: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    from smokegate_runners.ensemble import predict

    manifest, lacking = finished / "out" / f"{NAME}.json", ("vmaf", "src", "frame_index")
    rows = [{key: item for key, item in row.items() if key not in lacking} for row in conftest.rows()[:50]]
    (tmp_path / "rows.parquet").write_bytes(corpora.as_parquet(rows))
    whole = predicted(ensemble, manifest, written(tmp_path / "rows.jsonl", rows))
    assert predicted(ensemble, manifest, tmp_path / "rows.parquet") == whole
    monkeypatch.setattr(predict, "BATCH", 7)
    parts = predicted(ensemble, manifest, tmp_path / "rows.jsonl", "--output", tmp_path / "said.jsonl")
    assert parts == []
    for one, other in zip(map(json.loads, (tmp_path / "said.jsonl").read_text().splitlines()), whole, strict=True):
        assert one == pytest.approx(other, abs=1e-3) if isinstance(one, float) else one.keys() == other.keys()
        assert one[COLUMNS[0]] == pytest.approx(other[COLUMNS[0]], abs=1e-3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"adm2": None}, "row 4: no `adm2`"),
        ({"cq": "23"}, "row 4: no number in `cq`"),
        ({"encoder": 1}, "row 4: no `enc"),
    ],
)
def test_a_row_that_cannot_be_fed_is_named(
    finished: Path, tmp_path: Path, ensemble: Invoke, change: dict[str, Any], said: str
) -> None:
    rows = conftest.rows()[:5]
    rows[3] |= change
    path, output = written(tmp_path / "rows.jsonl", rows), tmp_path / "said.jsonl"
    done = ensemble("predict", finished / "out" / f"{NAME}.json", "--rows", path, "--output", output)
    assert isinstance(done.exception, SmokegateError) and said in str(done.exception)
    assert not list(tmp_path.glob("*said*"))


def test_bytes_that_the_manifest_does_not_name_are_not_run(finished: Path, tmp_path: Path, ensemble: Invoke) -> None:
    import shutil

    out = shutil.copytree(finished / "out", tmp_path / "out")
    shutil.copy(out / f"{NAME}_seed1.onnx", out / f"{NAME}_seed0.onnx")
    done = ensemble("predict", out / f"{NAME}.json", "--rows", finished / "corpus.jsonl")
    assert isinstance(done.exception, SmokegateError) and "has the digest" in str(done.exception)
    outside = {**value(out / f"{NAME}.json")}
    outside["members"][0]["onnx"] = "../out/x.onnx"
    (out / "outside.json").write_text(json.dumps(outside))
    done = ensemble("predict", out / "outside.json", "--rows", finished / "corpus.jsonl")
    assert isinstance(done.exception, SmokegateError) and "without a path beside it" in str(done.exception)
