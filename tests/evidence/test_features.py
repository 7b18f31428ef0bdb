"""What each input is fed, against an independent computation, and every layout that is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import smokegate
from evidence.corpora import Row, rows, table
from smokegate.evidence.corpus import FEATURES, CorpusTable
from smokegate.evidence.features import ENCODERS, Feeds, inputs
from smokegate.evidence.measure import NotMeasured
from smokegate.registry.graph import Graph, Port, Scaler
from smokegate.registry.sidecar import Sidecar

MEAN, STD = [0.5, 0.4, 0.6, 0.7, 0.8, 0.9], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
SCALED = {"feature_order": list(FEATURES), "feature_mean": MEAN, "feature_std": STD}
BOUNDS = {"cq_min": 18, "cq_max": 40}
ROWS = rows(40, encoders=("libx264", "h264_nvenc", "mystery"))
Shape = tuple[int | str | None, ...]


def graph(*shapes: Shape | None, dtype: str = "float32") -> Graph:
    ports = tuple(Port(f"in{at}", dtype, shape) for at, shape in enumerate(shapes))
    score = Port("score", "float32", ("N", 1))
    return Graph(8, (("", 17),), ports, (score,), (), 1, (), Scaler.UNKNOWN)


def fed(sidecar: dict[str, Any], *shapes: Shape, of: list[Row] = ROWS) -> list[Any]:
    found = inputs(Sidecar(sidecar), graph(*shapes), table(of))
    assert isinstance(found, Feeds), found
    assert found.rows == len(of)
    assert np.array_equal(np.frombuffer(found.targets, "<f8"), [row["vmaf"] for row in of])
    assert list(found.inputs) == [f"in{at}" for at in range(len(shapes))]
    return [np.frombuffer(block, "<f4").reshape(len(of), -1) for block in found.inputs.values()]


def refusal(sidecar: dict[str, Any], *shapes: Shape | None, dtype: str = "float32", of: list[Row] = ROWS) -> str:
    found = inputs(Sidecar(sidecar), graph(*shapes, dtype=dtype), table(of))
    assert isinstance(found, NotMeasured), found
    assert found.reason.isprintable()
    return found.reason


def features(order: Any = FEATURES) -> Any:
    return np.array([[row[name] for name in order] for row in ROWS])


def codec(vocabulary: Any = ENCODERS, low: float = 18, high: float = 40) -> Any:
    slot = {name: at for at, name in enumerate(vocabulary)}
    block = np.zeros((len(ROWS), len(vocabulary) + 2))
    for at, row in enumerate(ROWS):
        block[at, slot.get(row["encoder"], len(vocabulary) - 1)] = 1
        block[at, -2:] = 0.5, 0.5 if low == high else (row["cq"] - low) / (high - low)
    return block


def same(found: Any, expected: Any) -> bool:
    return bool(np.array_equal(found, expected.astype(np.float32)))


def test_six_features() -> None:
    (block,) = fed({}, ("N", 6))
    assert same(block, features())


def test_the_sidecars_order_is_kept() -> None:
    turned = list(reversed(FEATURES))
    (block,) = fed({"feature_order": turned, "feature_mean": MEAN, "feature_std": STD}, (None, 6))
    assert same(block, (features(turned) - MEAN) / STD)
    (block,) = fed({"features": turned}, (None, 6))
    assert same(block, features(turned))


@pytest.mark.parametrize("said", [{}, {"onnx_has_scaler": False}, {"onnx_has_scaler": None}])
def test_features_are_standardised_unless_the_graph_does(said: dict[str, Any]) -> None:
    (block,) = fed(SCALED | said, ("N", 6))
    assert same(block, (features() - MEAN) / STD)
    (block,) = fed(SCALED | {"onnx_has_scaler": True}, ("N", 6))
    assert same(block, features())


def test_twenty_values_are_features_and_then_the_codec_block() -> None:
    (block,) = fed(SCALED | BOUNDS, ("N", 20))
    assert same(block, np.hstack([(features() - MEAN) / STD, codec()]))


@pytest.mark.parametrize("turned", [False, True])
def test_two_inputs_are_told_apart_by_their_widths(turned: bool) -> None:
    shapes: list[Shape] = [(1, 6), ("N", 14)]
    one, other = fed({"corpus": BOUNDS}, *(reversed(shapes) if turned else shapes))
    expected = [features(), codec()]
    assert same(one, expected[turned])
    assert same(other, expected[not turned])


def test_a_vocabulary_of_its_own() -> None:
    vocabulary = ["h264_nvenc", "libx264", "unknown"]
    layout = [f"encoder_onehot[{name}]" for name in vocabulary] + ["preset_norm", "crf_norm"]
    (block,) = fed(BOUNDS | {"encoder_vocab": vocabulary, "codec_block_layout": layout}, ("N", 11))
    assert same(block, np.hstack([features(), codec(vocabulary)]))


def test_a_constant_cq_is_in_the_middle() -> None:
    (block,) = fed({"cq_min": 23, "cq_max": 23.0}, ("N", 20))
    assert same(block[:, 6:], codec(low=23, high=23))


def test_bounds_come_from_the_sidecar_and_never_from_the_corpus() -> None:
    (block,) = fed({"cq_min": 0, "cq_max": 10}, ("N", 20))
    assert block[:, -1].max() == pytest.approx(3.8)


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ([("N", 7)], "`in0` [N,7]"),
        ([("N", 6), ("N", 2)], "`in0` [N,6], `in1` [N,2]"),
        ([("N", 6), ("N", 6)], "[N,6] beside [N,14]"),
        ([("N", 6), ("N", 14), ("N", 1)], "`in2` [N,1]"),
        ([], "its inputs are none"),
        ([("N", "F")], "a known number of values"),
        ([(6,)], "a known number of values"),
        ([("N", 6, 1)], "a known number of values"),
        ([None], "of no known rank"),
        ([(4, 6)], "takes 4 rows at once"),
        ([(1, 3, 64, 64)], "a known number of values"),
    ],
)
def test_other_layouts_are_refused(shapes: list[Shape | None], words: str) -> None:
    assert words in refusal(BOUNDS, *shapes)


def test_other_types_are_refused() -> None:
    assert "takes float64" in refusal({}, ("N", 6), dtype="float64")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"feature_order": ["adm2"]}, "`feature_order`"),
        ({"feature_order": [*FEATURES[:5], "saliency_mean"]}, "`feature_order`"),
        ({"feature_order": "adm2"}, "`feature_order`"),
        ({"feature_order": [*FEATURES[:5], 7]}, "`feature_order`"),
        ({"feature_order": list(FEATURES), "features": list(reversed(FEATURES))}, "two different things"),
        ({"feature_mean": MEAN}, "`feature_std`"),
        ({"feature_std": STD}, "`feature_mean`"),
        (SCALED | {"feature_mean": MEAN[:5]}, "6 finite numbers"),
        (SCALED | {"feature_mean": ["0.5", *MEAN[1:]]}, "6 finite numbers"),
        (SCALED | {"feature_mean": [True, *MEAN[1:]]}, "6 finite numbers"),
        (SCALED | {"feature_std": [0.0, *STD[1:]]}, "not above 0"),
        (SCALED | {"feature_std": [-1.0, *STD[1:]]}, "not above 0"),
        (SCALED | {"feature_std": [1e-300, *STD[1:]]}, "range of float32"),
        (SCALED | {"onnx_has_scaler": "yes"}, "neither true nor false"),
        ({"cq_min": None}, "`cq_min`"),
        ({"cq_max": "40"}, "`cq_max`"),
        ({"cq_max": 10**400}, "`cq_max`"),
        ({"cq_min": 41}, "above"),
        ({"corpus": {"cq_min": 17}}, "two different things"),
        ({"encoder_vocab": list(reversed(ENCODERS))}, "`unknown` last"),
        ({"encoder_vocab": ["a", "a", "unknown"]}, "distinct"),
        ({"encoder_vocab": {"a": 0}}, "not a list of names"),
        ({"codec_block_layout": ["crf_norm"]}, "`codec_block_layout`"),
    ],
)
def test_a_sidecar_that_leaves_a_guess_is_refused(said: dict[str, Any], words: str) -> None:
    sidecar = {key: value for key, value in (BOUNDS | said).items() if value is not None}
    assert words in refusal(sidecar, ("N", 20))


def test_a_name_is_quoted_safely() -> None:
    strange = Graph(8, (("", 17),), (Port("\x1b[31m\u202e`", "float32", ("N", 7)),), (), (), 1, (), Scaler.UNKNOWN)
    found = inputs(Sidecar(BOUNDS), strange, table(ROWS))
    assert isinstance(found, NotMeasured)
    assert found.reason.isprintable()


def test_a_score_past_float32_is_no_matter_and_a_feature_is() -> None:
    assert fed({}, ("N", 6), of=[row | {"vmaf": 1e300} for row in ROWS])
    assert "range of float32" in refusal({}, ("N", 6), of=[*ROWS, ROWS[0] | {"adm2": 1e39}])
    assert "range of float32" in refusal(BOUNDS, ("N", 20), of=[*ROWS, ROWS[0] | {"cq": 1e308}])


def test_nothing_heavy_is_loaded() -> None:
    code = """
import sys
sys.path.insert(0, sys.argv[1])
import smokegate.evidence.remeasure, smokegate.judge.ports
print([name for name in ("numpy", "pyarrow", "onnx", "onnxruntime", "pydantic") if name in sys.modules])
"""
    root = str(Path(smokegate.__file__).parents[1])
    done = subprocess.run([sys.executable, "-c", code, root], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_table_is_left_as_it_was() -> None:
    before: CorpusTable = table(ROWS)
    after: CorpusTable = table(ROWS)
    inputs(Sidecar(SCALED | BOUNDS), graph(("N", 20)), after)
    assert before == after
