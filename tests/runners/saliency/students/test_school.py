"""`smokegate saliency scenes` and `train`: what they leave."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import click
import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result

from runners.saliency.students.small import QUICK, few
from smokegate.errors import SmokegateError, UsageError
from smokegate.registry.models import SidecarDocument
from smokegate_runners.commands import saliency_students
from smokegate_runners.ensemble.journal import Journal
from smokegate_runners.saliency.agreement.block_iou import Rule
from smokegate_runners.saliency.contests import evaluation
from smokegate_runners.saliency.students import export, network, school, sets
from smokegate_runners.saliency.students.papers import Score
from smokegate_runners.saliency.students.recipe import STUDENTS
from smokegate_runners.saliency.students.school import Graduate, Order

TINY = ("--scenes", "16", "--held-out", "4", "--epochs", "2")
Schooled = Callable[[str, Path], Graduate]


def invoke(command: click.Command, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(one) for one in arguments], standalone_mode=False)


def value(path: Path) -> Any:
    return json.loads(path.read_bytes())


def order(student: str, out: Path) -> Order:
    return Order(STUDENTS[student], QUICK, (0, 1), few(), replace(few(6), seed=2), out)


@pytest.fixture(scope="module", params=["v1", "v2"])
def graduate(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, Graduate]:
    out = tmp_path_factory.mktemp("school") / "out"
    return request.param, out, school.run(order(request.param, out), Journal(StringIO()))


def test_what_is_left(graduate: tuple[str, Path, Graduate]) -> None:
    student, out, done = graduate
    name = f"saliency_student_{student}"
    files = {f"{name}.onnx", f"{name}.json", f"{name}_registry_row.json"}
    assert {path.name for path in done.files} == files == {p.name for p in out.iterdir() if not p.name.startswith(".")}
    sidecar, row = value(out / f"{name}.json"), value(out / f"{name}_registry_row.json")
    SidecarDocument.model_validate(sidecar)
    model = (out / f"{name}.onnx").read_bytes()
    assert hashlib.sha256(model).hexdigest() == done.sha256 == sidecar["sha256"] == row["sha256"]
    assert row["smoke"] is True and row["id"] == sidecar["id"] == name and row["onnx"] == f"{name}.onnx"
    graph = onnx.load_model_from_string(model).graph
    assert [port.name for port in graph.input] == sidecar["input_names"]
    assert [port.name for port in graph.output] == sidecar["output_names"]
    training = sidecar["training"]
    assert training["scenes_sha256"] == sets.digest(few().scenes())
    assert [one["seed"] for one in training["held_out_block_iou"]] == training["seeds"] == [0, 1]
    best = max(training["held_out_block_iou"], key=lambda one: one["macro"])
    assert training["seed"] == best["seed"] == done.score.seed
    assert 0 < training["export"]["max_abs_diff"] <= training["export"]["bound"] == 1e-5


def test_the_number_by_which_a_seed_is_chosen_is_that_of_the_exported_bytes(
    graduate: tuple[str, Path, Graduate], tmp_path: Path
) -> None:
    """Worked out anew, from pictures on disk and by ONNX Runtime."""
    student, out, done = graduate
    fold = order(student, out).held_out
    sets.write(fold.scenes(), tmp_path / "fold")
    found = evaluation.read(tmp_path / "fold", Rule())
    model = (out / f"saliency_student_{student}.onnx").read_bytes()
    ious = []
    for item in found.items:
        loaded = found.load(item, Rule())
        (mask,) = export.masks(model, np.asarray(network.normalised(loaded.rgb[None])))
        salient = mask.reshape(3, 16, 4, 16).mean(axis=(1, 3)) >= 0.5
        both, either = (salient & loaded.salient).sum(), (salient | loaded.salient).sum()
        ious.append(both / either if either else 1.0)
    assert np.mean(ious) == pytest.approx(done.score.macro, abs=1e-9)


def test_run_again_it_trains_nothing_and_writes_the_same(graduate: tuple[str, Path, Graduate], tmp_path: Path) -> None:
    student, out, done = graduate
    before = {path.name: path.read_bytes() for path in done.files}
    said = StringIO()
    again = school.run(order(student, out), Journal(said))
    assert said.getvalue().count("goes on after epoch 3 of 3") == 2
    assert {path.name: path.read_bytes() for path in again.files} == before
    elsewhere = school.run(order(student, tmp_path), Journal(StringIO()))
    assert {path.name: path.read_bytes() for path in elsewhere.files} == before


def test_of_equals_the_first_is_chosen() -> None:
    scores = [Score(3, 0.1, 0.5, 0.9), Score(1, 0.2, 0.7, 0.1), Score(2, 0.0, 0.7, 0.8)]
    assert school.chosen(scores).seed == 1


def test_a_seed_that_goes_astray_stops_the_run(tmp_path: Path) -> None:
    asked = replace(order("v1", tmp_path), recipe=replace(QUICK, lr=float("inf")))
    with pytest.raises(SmokegateError, match="seed 0 went astray in training"):
        school.run(asked, Journal(StringIO()))
    assert not list(tmp_path.glob("*.onnx"))


def test_scenes_are_an_evaluation_set(tmp_path: Path) -> None:
    done = invoke(saliency_students.scenes, "--set", "evaluation", "--count", 12, "--out", tmp_path / "asked")
    assert (done.exception, done.return_value) == (None, 0), done.output
    found = evaluation.read(tmp_path / "asked", Rule())
    assert len(found.items) == 12 and found.sources == sorted(sets.EVALUATION.kinds.textures)
    assert f"digest: {found.digest}" in done.output
    assert value(tmp_path / "asked.provenance.json")["args"]["set"] == "evaluation"
    again = invoke(saliency_students.scenes, "--set", "evaluation", "--count", 12, "--out", tmp_path / "asked")
    assert isinstance(again.exception, UsageError) and "is not empty" in again.exception.message


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--scenes", "15"), "less than a batch"),
        (("--seeds", "0,0"), "names a seed twice"),
        (("--seeds", "0,-1"), "no list of seeds"),
        (("--epochs", "0"), "not in the range"),
        (("--student", "v3"), "'v3' is not one of"),
    ],
)
def test_options_that_mean_nothing(options: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = invoke(saliency_students.train, "--student", "v1", "--out", tmp_path / "out", *options)
    assert said in str(getattr(done.exception, "message", done.exception))
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for command, *options in [
        (saliency_students.train, "--student", "v1"),
        (saliency_students.scenes, "--set", "training"),
    ]:
        done = invoke(command, *options, "--out", tmp_path / "file" / "out")
        assert isinstance(done.exception, SmokegateError) and "--out" in str(done.exception)


def test_the_command_knows_the_sets_and_students_there_are() -> None:
    choices = {
        option.name: option.type for option in (*saliency_students.scenes.params, *saliency_students.train.params)
    }
    sets_, students = choices["which"], choices["student"]
    assert isinstance(sets_, click.Choice) and tuple(sets_.choices) == tuple(sets.SETS)
    assert isinstance(students, click.Choice) and tuple(students.choices) == tuple(STUDENTS)


def test_killed_at_random_and_started_again_it_writes_the_same(tmp_path: Path) -> None:
    options = ("--student", "v2", "--seeds", "0,1", *TINY)
    program = (
        "import sys; from smokegate_runners.commands.saliency_students import train; sys.exit(train(sys.argv[1:]))"
    )
    argv = [sys.executable, "-c", program, *options, "--out", str(tmp_path / "killed")]
    process = subprocess.Popen(argv, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    state = tmp_path / "killed" / f".saliency_student_v2_seed{random.choice((0, 1))}.state.npz"  # noqa: S311
    while process.poll() is None and not state.exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not list((tmp_path / "killed").glob("*.onnx"))
    done = invoke(saliency_students.train, *options, "--out", tmp_path / "killed")
    assert (done.exception, done.return_value) == (None, 0) and "goes on after epoch" in done.output
    whole = invoke(saliency_students.train, *options, "--out", tmp_path / "whole")
    assert whole.return_value == 0
    for name in ("saliency_student_v2.onnx", "saliency_student_v2.json"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    record = value(tmp_path / "killed" / "saliency_student_v2.provenance.json")
    written = {Path(one["path"]).name for one in record["outputs"]}
    assert written == {"saliency_student_v2.onnx", "saliency_student_v2.json", "saliency_student_v2_registry_row.json"}
