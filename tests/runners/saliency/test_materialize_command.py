"""`smokegate materialize` on real clips and real models, in worker processes."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result
from onnx import numpy_helper

import onnx_models
from runners.saliency import films
from smokegate.cli import run as run_cli
from smokegate.cli import smokegate
from smokegate_runners.commands.materialize import command
from smokegate_runners.saliency.work import Status

_PATIENCE = 120.0


def materialize(*arguments: object) -> Result:
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(command, words, catch_exceptions=False, standalone_mode=False)


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What is said of a command line that is refused, in one piece."""
    assert run_cli(["materialize", *map(str, arguments)]) == 2
    return " ".join(capsys.readouterr().err.split())


def registry(folder: Path, data: bytes, name: str = "student.onnx", **fields: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    entry = {"id": "student_v1", "kind": "filter", "onnx": name, "sha256": hashlib.sha256(data).hexdigest()} | fields
    (folder / "registry.json").write_text(json.dumps({"schema_version": 1, "models": [entry]}))
    return folder / name


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of each kind, and what is none."""
    folder = tmp_path_factory.mktemp("clips")
    shot = films.shot(folder / "a.mp4", *films.H264, *films.REORDERED)
    films.shot(folder / "odd.mkv", *films.VP9, size="175x143")
    films.shot(folder / "v.webm", *films.VP9)
    films.shot(folder / "p.y4m")
    films.shot(folder / "raw.yuv", "-f", "rawvideo")
    films.shot(folder / "hdr.mkv", *films.FFV1, *films.PQ, form="yuv420p10le")
    films.shot(folder / "tiny.mp4", *films.H264, size="16x16", frames=1)
    films.sound(folder / "sound.m4a")
    (folder / "line\nbreak.mp4").write_bytes(shot.read_bytes())
    (folder / "text.mp4").write_text("a text that is called a film\n")
    (folder / "empty.mp4").touch()
    (folder / "cut.mp4").write_bytes(shot.read_bytes()[: shot.stat().st_size // 3])
    (folder / "folder.mp4").mkdir()
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return registry(tmp_path_factory.mktemp("model"), onnx_models.saliency())


GOOD = ["a.mp4", "odd.mkv", "v.webm", "p.y4m", "raw.yuv", "hdr.mkv", "tiny.mp4", "line\nbreak.mp4"]
BAD = dict.fromkeys(["sound.m4a", "text.mp4", "empty.mp4", "cut.mp4"], "decode-failed")
BAD |= dict.fromkeys(["folder.mp4", "none.mp4"], "missing-source")


def test_a_table_of_every_kind_of_clip(clips: Path, model: Path, tmp_path: Path) -> None:
    given = tmp_path / "t.jsonl"
    names = [*GOOD, *BAD, *GOOD]
    rows = [{"src": name, "width": 176, "height": 144, "n": number} for number, name in enumerate(names)]
    given.write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = ("--input", given, "--root", clips, "--model-path", model, "--temporal-aggregator", "ema", "--workers", 2)
    result = materialize(*asked, "--output", tmp_path / "out.jsonl", "--audit-json", tmp_path / "audit.json")
    assert result.return_value == 1
    found = rows_of(tmp_path / "out.jsonl")
    assert [row["n"] for row in found] == list(range(len(names)))
    for row in found:
        assert row["saliency_status"] == BAD.get(row["src"], "ok"), row
        if row["saliency_status"] == "ok":
            assert 0 < row["saliency_mean"] < 1
            assert row["saliency_var"] > 0
            assert (row["saliency_model_id"], row["saliency_aggregator"], row["saliency_ema_alpha"]) == (
                "student_v1",
                "ema",
                0.6,
            )
    values = {row["src"]: row["saliency_mean"] for row in found}
    assert values["line\nbreak.mp4"] == values["a.mp4"]
    assert values["raw.yuv"] == pytest.approx(values["p.y4m"], abs=1e-9)
    told = result.output
    assert f"{tmp_path / 'out.jsonl'}: 22 rows: 16 ok, 2 missing-source, 4 decode-failed" in told
    assert f"2 rows: missing-source: is --root right? paths start at {clips}" in told
    assert "4 rows: decode-failed: sound.m4a for one: " in told
    audit = json.loads((tmp_path / "audit.json").read_text())
    assert audit["status"] == "row-failures"
    assert audit["sources"] == {"distinct": 12, "computed": 12, "reused": 0, "failed": 4}
    assert audit["geometry_disagreements"] == 4
    assert audit["transfers"]["smpte2084"] == 1
    assert audit["model"]["id"] == "student_v1"
    assert audit["model"]["registry"] == str(model.parent / "registry.json")
    assert [(one["path"], one["status"]) for one in audit["failures"]["listed"]] == list(BAD.items())
    record = audit["run_provenance"]
    assert [(one["kind"], one["sha256"]) for one in record["inputs"]] == [
        ("table", hashlib.sha256(given.read_bytes()).hexdigest()),
        ("model", hashlib.sha256(model.read_bytes()).hexdigest()),
    ]
    assert record["outputs"][0]["sha256"] == hashlib.sha256((tmp_path / "out.jsonl").read_bytes()).hexdigest()
    assert record["outputs"][0]["path"] == str(tmp_path / "out.jsonl")
    assert (record["args"]["temporal_aggregator"], record["args"]["input"]) == ("ema", str(given))
    assert {"smokegate", "av", "onnxruntime"} <= record["packages"].keys()

    again = materialize(
        *asked, "--output", tmp_path / "again.jsonl", "--ledger", tmp_path / "out.jsonl.work" / "ledger.sqlite"
    )
    assert again.return_value == 1
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "out.jsonl").read_bytes()
    assert "12 clips, of which 8 were finished before" in again.stdout
    assert again.stderr == result.stderr == ""


def test_the_values_are_those_of_frames_models_and_reducers(clips: Path, model: Path, tmp_path: Path) -> None:
    """Frames by the ffmpeg command, and everything after them by NumPy."""
    given = tmp_path / "t.jsonl"
    given.write_text('{"src": "a.mp4"}\n')
    masks = [_mask(planes, model) for planes in films.reference(clips / "a.mp4")[:8]]
    luma = [planes[0].astype(np.float64) for planes in films.reference(clips / "a.mp4")[:8]]
    weights = [1.0] + [max(float(np.abs(b - a).mean()) / 255, 1e-6) for a, b in pairwise(luma)]
    moving = masks[0]
    for mask in masks[1:]:
        moving = 0.3 * mask + 0.7 * moving
    expected = {
        "mean": np.mean(masks, axis=0),
        "max": np.max(masks, axis=0),
        "motion-weighted": np.average(masks, axis=0, weights=weights),
        "ema": moving,
    }
    for name, reduced in expected.items():
        out = tmp_path / f"{name}.jsonl"
        how = ("--temporal-aggregator", name, "--ema-alpha", 0.3, "--ledger", tmp_path / "ledger")
        assert (
            materialize("--input", given, "--root", clips, "--model-path", model, "--output", out, *how).return_value
            == 0
        )
        (row,) = rows_of(out)
        assert row["saliency_mean"] == pytest.approx(float(reduced.mean()), abs=2e-4)
        assert row["saliency_var"] == pytest.approx(float(reduced.var()), abs=2e-4)


def _mask(planes: films.Planes, model: Path) -> Any:
    """BT.709 limited, chroma by repetition, ImageNet's mean and deviation, and the convolution by hand."""
    y, u, v = (plane.astype(np.float64) for plane in planes)
    u, v = (np.repeat(np.repeat(plane, 2, 0), 2, 1)[: y.shape[0], : y.shape[1]] for plane in (u, v))
    light, blue, red = (y - 16) * 255 / 219, (u - 128) * 255 / 112, (v - 128) * 255 / 112
    rgb = [light + 0.7874 * red, light - 0.09366 * blue - 0.23406 * red, light + 0.9278 * blue]
    seen = [np.clip(channel, 0, 255) / 255 for channel in rgb]
    seen = [(c - m) / s for c, m, s in zip(seen, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), strict=True)]
    (weights,) = (numpy_helper.to_array(one) for one in onnx.load(model).graph.initializer)
    framed = [np.pad(channel, 1) for channel in seen]
    height, width = y.shape
    total = sum(
        weights[0, c, i, j] * framed[c][i : i + height, j : j + width]
        for c in range(3)
        for i in range(3)
        for j in range(3)
    )
    return 1 / (1 + np.exp(-total))


def test_values_outside_of_a_mask_are_clipped_and_counted(clips: Path, tmp_path: Path) -> None:
    graph = onnx.load_model_from_string(onnx_models.saliency())
    del graph.graph.node[1]
    graph.graph.node[0].output[0] = "saliency_map"
    model = registry(tmp_path / "model", graph.SerializeToString())
    given = tmp_path / "t.jsonl"
    given.write_text('{"src": "p.y4m"}\n')
    asked = ("--input", given, "--root", clips, "--model-path", model, "--output", tmp_path / "out.jsonl")
    assert materialize(*asked, "--audit-json", tmp_path / "audit.json").return_value == 0
    assert json.loads((tmp_path / "audit.json").read_text())["values_clipped"] > 1000
    assert 0 <= rows_of(tmp_path / "out.jsonl")[0]["saliency_mean"] <= 1


def test_a_sidecar_that_pads_otherwise_makes_other_values(clips: Path, tmp_path: Path) -> None:
    """175x143 is padded to 176x144 by one, to 192x160 by the other."""
    model = registry(tmp_path / "model", onnx_models.saliency())
    (tmp_path / "t.jsonl").write_text('{"src": "odd.mkv"}\n')
    asked = ("--input", tmp_path / "t.jsonl", "--root", clips, "--model-path", model, "--output", tmp_path / "o.jsonl")
    told = []
    for multiple in (16, 16, 32):
        model.with_suffix(".json").write_text(json.dumps({"size_multiple": multiple}))
        told.append("1 clips, of which 1 were finished before" in materialize(*asked).output)
    assert told == [False, True, False]


class TestModels:
    def asked(self, folder: Path, model: Path, *more: object) -> tuple[object, ...]:
        (folder / "t.jsonl").write_text('{"src": "none.mp4"}\n')
        return ("--input", folder / "t.jsonl", "--output", folder / "out.jsonl", "--model-path", model, *more)

    def test_a_model_that_no_registry_names_is_refused(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        model = tmp_path / "alone.onnx"
        model.write_bytes(onnx_models.saliency())
        said = refused(capsys, *self.asked(tmp_path, model))
        assert "names this model" in said
        assert "--allow-unregistered" in said
        assert not (tmp_path / "out.jsonl").exists()
        assert materialize(*self.asked(tmp_path, model, "--allow-unregistered")).return_value == 1

    def test_a_model_with_other_bytes_is_refused(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        model = registry(tmp_path / "model", onnx_models.saliency())
        model.write_bytes(onnx_models.saliency(1))
        said = refused(capsys, *self.asked(tmp_path, model))
        assert "entry 'student_v1' of" in said
        assert "pins other bytes: student.onnx is" in said
        more = ("--allow-unregistered", "--audit-json", tmp_path / "audit.json")
        assert materialize(*self.asked(tmp_path, model, *more)).return_value == 1
        assert json.loads((tmp_path / "audit.json").read_text())["model"]["registry"] is None

    def test_the_registry_is_looked_for_as_far_as_the_repository(self, tmp_path: Path) -> None:
        data = onnx_models.saliency()
        (tmp_path / "deep").mkdir()
        registry(tmp_path, data, "deep/student.onnx")
        model = tmp_path / "deep" / "student.onnx"
        audit = tmp_path / "audit.json"
        assert materialize(*self.asked(tmp_path, model, "--audit-json", audit)).return_value == 1
        assert json.loads(audit.read_text())["model"]["id"] == "student_v1"
        (tmp_path / "deep" / ".git").mkdir()
        materialize(*self.asked(tmp_path, model, "--audit-json", audit, "--allow-unregistered"))
        found = json.loads(audit.read_text())["model"]
        assert (found["id"], found["registry"]) == ("student", None)

    def test_a_name_of_its_own(self, tmp_path: Path) -> None:
        model = registry(tmp_path / "model", onnx_models.saliency())
        audit = tmp_path / "audit.json"
        materialize(*self.asked(tmp_path, model, "--model-id", "u2netp", "--audit-json", audit))
        assert json.loads(audit.read_text())["model"]["id"] == "u2netp"

    @pytest.mark.parametrize(
        ("data", "why"),
        [
            (onnx_models.two_inputs(), "input"),
            (onnx_models.mlp(), "input"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "git lfs pull"),
            (b"no model", "student.onnx"),
            (b"", "student.onnx"),
        ],
        ids=["two inputs", "no picture", "a pointer", "text", "empty"],
    )
    def test_what_is_no_saliency_model_is_refused(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes, why: str
    ) -> None:
        model = registry(tmp_path / "model", data)
        assert why in refused(capsys, *self.asked(tmp_path, model))
        assert not (tmp_path / "out.jsonl").exists()

    def test_a_registry_that_cannot_be_read_is_said(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        model = registry(tmp_path / "model", onnx_models.saliency())
        (tmp_path / "model" / "registry.json").write_text('{"models": [\n<<<<<<< HEAD\n')
        assert "registry.json:2: git conflict marker" in refused(capsys, *self.asked(tmp_path, model))


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--ema-alpha", "0"), "--ema-alpha 0.0: it is above 0, and 1 at most"),
        (("--ema-alpha", "nan"), "--ema-alpha nan"),
        (("--default-width", "64"), "--default-width is given without --default-height"),
        (("--default-height", "64"), "--default-height is given without --default-width"),
        (("--max-frames", "0"), "max-frames"),
        (("--frame-samples", "5000"), "frame-samples"),
        (("--temporal-aggregator", "median"), "temporal-aggregator"),
        (("--workers", "0"), "workers"),
        (("--address", "x:1"), "--address is for a cluster"),
        (("--path-column", "saliency_status"), "--path-column and --status-column name one column"),
    ],
    ids=str,
)
def test_what_is_asked_wrongly_is_said(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], why: str
) -> None:
    (tmp_path / "t.jsonl").write_text('{"src": "a.mp4"}\n')
    asked = ("--input", tmp_path / "t.jsonl", "--output", tmp_path / "out.jsonl", "--model-path", model)
    assert why in refused(capsys, *asked, *arguments)
    assert not (tmp_path / "out.jsonl").exists()


def test_hostile_names_command_no_terminal(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "clips"
    (tmp_path / "t.jsonl").write_text("".join(json.dumps({"src": f"\x1b[31m{n}/\nx.mp4"}) + "\n" for n in (1, 1)))
    folder.mkdir()
    asked = (
        "--input",
        tmp_path / "t.jsonl",
        "--output",
        tmp_path / "out.jsonl",
        "--model-path",
        model,
        "--root",
        folder,
    )
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *_: False)
    assert run_cli(["materialize", *map(str, asked)]) == 1
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err
    assert '2 rows: missing-source, all under "\\u001b[31m1": is --root right?' in said.out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_output_and_no_process(tmp_path: Path, model: Path, number: signal.Signals) -> None:
    rng = np.random.default_rng(0)
    for clip in range(300):
        (tmp_path / f"c{clip}.yuv").write_bytes(rng.integers(0, 255, 320 * 180 * 3 // 2, np.uint8).tobytes() * 8)
    rows = [{"src": f"c{clip}.yuv", "width": 320, "height": 180} for clip in range(300)]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = tmp_path / "out.jsonl"
    arguments = ["--input", tmp_path / "t.jsonl", "--output", out, "--model-path", model, "--workers", 1]
    command = [sys.executable, "-m", "smokegate", "materialize", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    ledger = tmp_path / "out.jsonl.work" / "ledger.sqlite"
    until = time.monotonic() + _PATIENCE
    while _finished(ledger) < 3 and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(number)
    _, said = process.communicate(timeout=_PATIENCE)
    assert process.returncode == 130
    assert not out.exists()
    assert f"stopped: {out} is as it was; finished clips are kept in {ledger}" in said
    assert "Traceback" not in said
    assert 3 <= _finished(ledger) < 300
    assert not list(tmp_path.glob(".out*"))


def _finished(ledger: Path) -> int:
    if not ledger.exists():
        return 0
    connection = sqlite3.connect(ledger, timeout=_PATIENCE)
    try:
        return int(connection.execute("SELECT count(*) FROM finished").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
    finally:
        connection.close()


def test_help_names_the_command_and_loads_nothing_heavy() -> None:
    assert "materialize" in CliRunner().invoke(smokegate, ["--help"]).output
    heavy = "{'av', 'numpy', 'onnx', 'onnxruntime', 'pyarrow', 'ray', 'pydantic', 'sqlite3'}"
    script = (
        "import sys; from smokegate.cli import run; code = run(['materialize', '--help']);"
        f"sys.exit(code or ', '.join(sorted({heavy} & sys.modules.keys())) or 0)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_name_that_no_table_can_hold_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = registry(tmp_path / "model", onnx_models.saliency())
    model.with_name("\udcff.onnx").write_bytes(model.read_bytes())
    (tmp_path / "t.jsonl").write_text('{"src": "none.mp4"}\n')
    asked = ("--input", tmp_path / "t.jsonl", "--output", tmp_path / "out.jsonl", "--allow-unregistered")
    said = refused(capsys, *asked, "--model-path", model.with_name("\udcff.onnx"))
    assert "cannot be written into a table fix: add --model-id NAME" in said


def test_the_docs_know_every_flag_and_status() -> None:
    page = (Path(__file__).parents[3] / "docs" / "materialize.md").read_text("utf-8")
    flags = {flag for option in command.params for flag in option.opts}
    assert not {flag for flag in flags if f"{flag}`" not in page and f"{flag} " not in page}
    assert not {status for status in Status if f"`{status}`" not in page}
    assert not {flag for flag in re.findall(r"`(--[a-z-]+)", page) if flag not in flags}
