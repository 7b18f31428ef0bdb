"""A model run over a whole corpus, in the sandbox, and its answers held to the scores."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

import onnx_models
from evidence.corpora import rows, table
from lab.specimens import constant, content, endless, graph, model, model_of, node, outside, port
from lab.test_sandbox import in_a_fresh_process
from processes import PATIENCE, until
from smokegate.evidence.corpus import FEATURES, CorpusFault, CorpusTable
from smokegate.evidence.features import ENCODERS, Feeds
from smokegate.evidence.measure import Measurement, MeasurementFailed, NotMeasured, agrees
from smokegate.evidence.remeasure import Outcome, remeasure
from smokegate.lab import answers
from smokegate.lab.client import Lab
from smokegate.policy import Limits
from smokegate.registry.graph import Graph
from smokegate.registry.sidecar import Sidecar

ROWS = rows(300)
CORPUS = table(ROWS)
X = np.array([[row[name] for name in FEATURES] for row in ROWS], dtype=np.float32)
SCORES = np.array([row["vmaf"] for row in ROWS])
BOUNDS = {"corpus": {"cq_min": 20, "cq_max": 38}}


def fitted(columns: Any) -> tuple[tuple[float, ...], float]:
    """An honest model: least squares."""
    ones = np.hstack([columns, np.ones((len(columns), 1))])
    found = np.linalg.lstsq(ones, SCORES, rcond=None)[0]
    return tuple(map(float, found[:-1])), float(found[-1])


def codec_block() -> Any:
    block = np.zeros((len(ROWS), 14), dtype=np.float32)
    for at, row in enumerate(ROWS):
        block[at, ENCODERS.index(row["encoder"])] = 1
        block[at, 12:] = 0.5, (row["cq"] - 20) / 18
    return block


def judged(
    lab: Lab,
    data: bytes,
    sidecar: Mapping[str, Any] | None = None,
    external: Mapping[str, bytes] | None = None,
    corpus: CorpusTable | CorpusFault = CORPUS,
) -> Outcome:
    inspected = lab.inspect(content(data))
    assert isinstance(inspected, Graph), inspected
    handed = {name: content(body) for name, body in (external or {}).items()}
    view = Sidecar(dict(sidecar or {}))
    return remeasure(corpus, view, inspected, model=content(data), external=handed, bench=lab)


def fed(lab: Lab, data: bytes, inputs: Mapping[str, Any], scores: Any) -> Measurement | MeasurementFailed:
    blocks = {name: np.asarray(block, dtype="<f4").tobytes() for name, block in inputs.items()}
    targets = np.asarray(scores, dtype="<f8")
    return lab.measure(content(data), {}, Feeds(len(targets), blocks, targets.tobytes()))


def expected(predicted: Any) -> Measurement:
    order = np.argsort(np.argsort(predicted)), np.argsort(np.argsort(SCORES))
    return Measurement(
        len(SCORES),
        float(np.corrcoef(predicted, SCORES)[0, 1]),
        float(np.corrcoef(*order)[0, 1]),
        float(np.sqrt(np.mean((predicted - SCORES) ** 2))),
    )


def failure(found: Outcome) -> str:
    assert isinstance(found, MeasurementFailed), found
    assert 0 < len(found.reason) <= 500
    assert found.reason.isprintable()
    return found.reason


# --- what an honest model gives


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("batch", ["N", 1])
def test_six_features(lab: Lab, flat: bool, batch: str | int) -> None:
    weights, bias = fitted(X)
    found = judged(lab, onnx_models.regressor(weights, bias, rows=batch, flat=flat))
    assert isinstance(found, Measurement)
    predicted = X.astype(np.float64) @ np.array(weights, dtype=np.float32) + np.float32(bias)
    assert agrees(expected(predicted).value, found, 1e-6) == []
    assert found.plcc is not None
    assert found.plcc > 0.97


def test_features_and_codec_block_in_one_input_or_in_two(lab: Lab) -> None:
    both = np.hstack([X, codec_block()])
    weights, bias = fitted(both)
    wide = judged(lab, onnx_models.regressor(weights, bias, inputs=(("all_in", 20),)), BOUNDS)
    layouts = ((("features", 6), ("codec", 14)), (("codec", 14), ("features", 6)))
    two = judged(lab, onnx_models.regressor(weights, bias, inputs=layouts[0]), BOUNDS)
    turned = weights[6:] + weights[:6]
    swapped = judged(lab, onnx_models.regressor(turned, bias, inputs=layouts[1]), BOUNDS)
    assert isinstance(wide, Measurement)
    assert agrees(expected(both.astype(np.float64) @ np.array(weights) + bias).value, wide, 1e-6) == []
    for other in (two, swapped):
        assert isinstance(other, Measurement)
        assert agrees(wide.value, other, 1e-6) == []


def test_the_scaler_is_applied_where_the_graph_has_none(lab: Lab) -> None:
    mean, std = X.astype(np.float64).mean(axis=0), X.astype(np.float64).std(axis=0)
    weights, bias = fitted((X - mean) / std)
    said = {"feature_mean": mean.tolist(), "feature_std": std.tolist()}
    data = onnx_models.regressor(weights, bias)
    right, wrong = judged(lab, data, said), judged(lab, data, said | {"onnx_has_scaler": True})
    assert isinstance(right, Measurement)
    assert isinstance(wrong, Measurement)
    assert agrees(expected(((X - mean) / std) @ np.array(weights) + bias).value, right, 1e-6) == []
    assert agrees(wrong.value, right, 1e-6) != []


def test_it_is_the_same_every_time() -> None:
    found = []
    for _ in range(2):
        with Lab(Limits()) as fresh:
            found.append(judged(fresh, onnx_models.mlp(3)))
    assert isinstance(found[0], Measurement)
    assert found[0] == found[1]


def test_a_constant_answer_has_no_correlation(lab: Lab) -> None:
    found = judged(lab, onnx_models.regressor((0.0,) * 6, 50.0))
    assert isinstance(found, Measurement)
    assert (found.plcc, found.srocc) == (None, None)
    assert found.rmse == pytest.approx(float(np.sqrt(np.mean((SCORES - 50) ** 2))))


def test_external_weights_are_part_of_the_model(lab: Lab) -> None:
    data, weights = onnx_models.with_external(0)
    found = judged(lab, data, external={"weights.bin": weights})
    assert found == judged(lab, onnx_models.mlp(0))
    assert isinstance(found, Measurement)
    zeros = judged(lab, data, external={"weights.bin": bytes(len(weights))})
    assert isinstance(zeros, Measurement)
    assert zeros.plcc is None
    assert "does not load" in failure(judged(lab, data))


def test_an_int8_twin_is_measured_as_it_runs(lab: Lab, tmp_path: Path) -> None:
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    from onnxruntime.quantization import quantize_dynamic

    weights, bias = fitted(X)
    (tmp_path / "x.onnx").write_bytes(onnx_models.regressor(weights, bias))
    quantize_dynamic(tmp_path / "x.onnx", tmp_path / "x.int8.onnx")
    twin = (tmp_path / "x.int8.onnx").read_bytes()
    assert b"DynamicQuantizeLinear" in twin
    found, whole = judged(lab, twin), judged(lab, onnx_models.regressor(weights, bias))
    assert isinstance(found, Measurement)
    assert isinstance(whole, Measurement)
    assert found.plcc is not None
    assert whole.plcc is not None
    assert 0 < abs(found.plcc - whole.plcc) < 0.1
    # A dynamic scale is drawn from a whole tensor: a row's score must not hang on the rows beside it.
    half = judged(lab, twin, corpus=table(ROWS[:150]))
    again = judged(lab, twin, corpus=table(ROWS[:150][::-1]))
    assert isinstance(half, Measurement)
    assert isinstance(again, Measurement)
    assert agrees(half.value, again, 1e-9) == []


# --- what is found out


def test_invented_numbers_are_found_out(lab: Lab) -> None:
    found = judged(lab, onnx_models.mlp(5))
    assert isinstance(found, Measurement)
    said = agrees({"rows": 300, "plcc": 0.9972, "srocc": 0.9961, "rmse": 1.2}, found, 1e-6)
    assert [words.partition(":")[0] for words in said] == ["plcc", "srocc", "rmse"]


def test_answers_known_by_their_place_are_worth_nothing(lab: Lab) -> None:
    """In one batch this random model would score 1.0."""
    data = onnx_models.place_reader(tuple(map(float, SCORES)))
    found = judged(lab, data)
    assert isinstance(found, Measurement)
    assert found.plcc is None


def test_a_row_that_gives_no_number_is_named(lab: Lab) -> None:
    lowest = sorted(X[:, 0])
    bound = float((lowest[0] + lowest[1]) / 2)
    reason = failure(judged(lab, onnx_models.not_finite_below(bound)))
    assert f"1 of 300 rows, the first of them row {int(X[:, 0].argmin()) + 1}" in reason
    assert isinstance(judged(lab, onnx_models.not_finite_below(-1.0)), Measurement)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (onnx_models.passing_on(), "'score' float32 [1, 6]"),
        (model([node("Cast", to=TensorProto.INT64)], inputs=[port("x", ["N", 6])],
               outputs=[port("y", ["N", 6], TensorProto.INT64)]), "'y' int64 [1, 6]"),
        (model([node("MatMul", ["x", "w"])], inputs=[port("x", ["N", 6])], weights=[constant("w", np.eye(4))]),
         "does not load"),
        (model([node("Gather", ["t", "i"], ["g"]), node("Reshape", ["x", "g"])], inputs=[port("x", ["N", 6])],
               weights=[constant("t", [5, 7], np.int64), constant("i", [0, 1], np.int64)]), "on row 1"),
        (model_of(graph([node("F", domain="acme")], inputs=[port("x", ["N", 6])]), opsets=[
            helper.make_opsetid("acme", 1)]).SerializeToString(), "acme"),
    ],
)  # fmt: skip
def test_what_is_no_score_is_refused(lab: Lab, data: bytes, words: str) -> None:
    assert words in failure(judged(lab, data))


def test_what_cannot_be_fed_is_not_run(lab: Lab) -> None:
    found = judged(lab, onnx_models.two_inputs())
    assert isinstance(found, NotMeasured)
    assert "[N,2]" in found.reason
    several = judged(lab, onnx_models.passing_on(further_output=True))
    assert isinstance(several, NotMeasured)
    assert "2 outputs" in several.reason
    unread = judged(lab, onnx_models.mlp(), corpus=CorpusFault("c.jsonl", "no `cq`", 7))
    assert unread == NotMeasured("the corpus cannot be read: c.jsonl:7: no `cq`")


# --- limits, rights and accidents


def test_a_hundred_thousand_rows(lab: Lab) -> None:
    rng = np.random.default_rng(0)
    scores, features = rng.uniform(0, 100, 100_000), rng.uniform(0, 1, (100_000, 6))
    started = time.monotonic()
    found = fed(lab, onnx_models.mlp(), {"features": features}, scores)
    assert isinstance(found, Measurement)
    assert found.rows == 100_000
    assert time.monotonic() - started < 100


def slow() -> bytes:
    """Ten milliseconds a row, or more."""
    nodes = [node("Concat", ["x"] * 160, ["wide"], axis=1), node("Transpose", ["wide"], ["tall"])]
    nodes += [node("MatMul", ["tall", "wide"], ["m"])]
    nodes += [node("MatMul", ["m", "m"], ["m2"]), node("MatMul", ["m2", "m2"], ["m4"])]
    nodes += [node("ReduceMax", ["m4"], ["max"], keepdims=0), node("ReduceMax", ["x"], ["h"], axes=[1])]
    nodes += [node("Mul", ["max", "nought"], ["z"]), node("Add", ["h", "z"])]
    return model(nodes, inputs=[port("x", ["N", 6])], outputs=[port("y", ["N", 1])], weights=[constant("nought", 0.0)])


def test_time_is_bounded_by_rows(strict_lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    reason = failure(fed(strict_lab, slow(), {"x": X}, SCORES))
    assert "the 1 CPU seconds it was given" in reason
    assert "run_seconds" in reason
    monkeypatch.setattr("smokegate.lab.client._ROWS_A_SECOND", 300)
    assert "the 2 CPU seconds it was given" in failure(fed(strict_lab, slow(), {"x": -X}, SCORES))


def test_a_loop_without_end_is_stopped(strict_lab: Lab) -> None:
    assert "CPU seconds" in failure(fed(strict_lab, endless(), {"x": np.ones((3, 4))}, [1, 2, 3]))


def test_memory_is_bounded(strict_lab: Lab) -> None:
    nodes = [node("ConstantOfShape", ["big"], ["z"]), node("ReduceSum", ["z"], ["s"]), node("Add", ["x", "s"])]
    data = model(nodes, weights=[constant("big", [1 << 34], np.int64)])
    assert "run_memory_mib" in failure(fed(strict_lab, data, {"x": np.ones((3, 4))}, [1, 2, 3]))


def test_files_of_the_machine_are_out_of_reach(lab: Lab) -> None:
    data = outside(location="/etc/passwd", length=64)
    assert "does not load" in failure(fed(lab, data, {"x": np.ones((3, 4))}, [1, 2, 3]))


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at /proc")
def test_a_child_that_is_killed_half_way(lab: Lab) -> None:
    found: list[Measurement | MeasurementFailed] = []
    many = {"x": np.tile(X, (100, 1))}
    lab.start()
    assert lab._runner._live is not None
    worker = lab._runner._live.process.pid
    children = Path(f"/proc/{worker}/task/{worker}/children")
    task = threading.Thread(target=lambda: found.append(fed(lab, slow(), many, np.tile(SCORES, 100))))
    task.start()
    until(children.read_text)
    time.sleep(0.3)
    os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
    task.join(PATIENCE)
    assert "killed from outside" in failure(found[0])
    assert isinstance(judged(lab, onnx_models.mlp(11)), Measurement)


LIES = (
    "[]", "null", "{}", '{"rows": 3}', '{"rows": 4, "plcc": 0.5, "srocc": 0.5, "rmse": 1.0}',
    '{"rows": 3, "plcc": 1.5, "srocc": 0.5, "rmse": 1.0}', '{"rows": 3, "plcc": NaN, "srocc": 0.5, "rmse": 1.0}',
    '{"rows": 3, "plcc": "1", "srocc": 0.5, "rmse": 1.0}', '{"rows": 3, "plcc": true, "srocc": 0.5, "rmse": 1.0}',
    '{"rows": 3, "plcc": 0.5, "srocc": 0.5, "rmse": -1.0}', '{"rows": 3, "plcc": 0.5, "srocc": 0.5, "rmse": null}',
    '{"rows": 3, "plcc": 0.5, "srocc": 0.5, "rmse": 1.0, "more": 1}',
)  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_a_measurement_is_not_taken_on_trust(lie: str) -> None:
    with pytest.raises(answers.NonsenseError):
        answers.measurement(json.loads(lie), rows=3)


def test_it_is_remembered_under_everything_it_hangs_on(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    ask = lab._runner.ask

    def counted(*args: Any, **options: Any) -> Any:
        asked.append(1)
        return ask(*args, **options)

    monkeypatch.setattr(lab._runner, "ask", counted)
    other = table([*ROWS[:-1], ROWS[-1] | {"vmaf": 1.0}])
    found = [judged(lab, onnx_models.mlp(21), corpus=corpus) for corpus in (CORPUS, other, CORPUS, other)]
    assert len(asked) == 2
    assert found[0] == found[2] != found[1] == found[3]


def test_the_judge_loads_nothing_heavy() -> None:
    code = """
import io, hashlib, sys
from smokegate.judge.ports import Bytes
from smokegate.evidence.features import Feeds
from smokegate.lab.client import Lab
from smokegate.policy import Limits
with Lab(Limits()) as lab:
    data = b"nonsense"
    print(lab.measure(Bytes("0", len(data), lambda: io.BytesIO(data)), {}, Feeds(1, {"x": bytes(24)}, bytes(8))))
print([name for name in ("numpy", "onnx", "onnxruntime", "pyarrow") if name in sys.modules])
"""
    failed, heavy = in_a_fresh_process(code).splitlines()
    assert "does not load" in failed
    assert heavy == "[]"


@pytest.mark.parametrize("count", [1, 2])
def test_tiny_corpora(lab: Lab, count: int) -> None:
    found = judged(lab, onnx_models.mlp(1), corpus=table(ROWS[:count]))
    assert isinstance(found, Measurement)
    assert found.rows == count
    assert found.plcc is None if count == 1 else found.plcc in (1.0, -1.0)
