"""Correlations and errors against an independent computation, at the edges too."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from smokegate.evidence.measure import Measurement, agrees, measured, pearson, ranks, rmse, spearman

NAN, INF = math.nan, math.inf


def numpy_ranks(values: Any) -> Any:
    """Average ranks by counting: how many are below, and half of those alike."""
    values = np.asarray(values)
    below = (values[None, :] < values[:, None]).sum(axis=1)
    alike = (values[None, :] == values[:, None]).sum(axis=1)
    return below + (alike + 1) / 2


def sets() -> list[tuple[Any, Any]]:
    rng = np.random.default_rng(3)
    found: list[tuple[Any, Any]] = []
    for size in (2, 3, 4, 7, 50, 300):
        for _ in range(20):
            x = rng.normal(size=size)
            found.append((x, 0.9 * x + 0.3 * rng.normal(size=size)))
            found.append((rng.integers(0, 4, size=size) * 25.0, rng.integers(0, 3, size=size) * 0.1))  # many ties
            found.append((1e6 + 10 * x, 1e-9 * rng.normal(size=size)))
    return [(x, y) for x, y in found if np.ptp(x) and np.ptp(y)]


@pytest.mark.parametrize("lists", [True, False])
def test_they_equal_an_independent_computation(lists: bool) -> None:
    for x, y in sets():
        left, right = (x.tolist(), y.tolist()) if lists else (tuple(x), tuple(y))
        found = measured(left, right)
        assert found.rows == len(x)
        assert ranks(left) == numpy_ranks(x).tolist()
        expected = np.corrcoef(x.astype(np.longdouble), y.astype(np.longdouble))[0, 1]
        assert found.plcc == pytest.approx(float(expected), abs=1e-12)
        assert found.srocc == pytest.approx(np.corrcoef(numpy_ranks(x), numpy_ranks(y))[0, 1], abs=1e-12)
        assert found.rmse == pytest.approx(np.sqrt(np.mean((x - y) ** 2)), rel=1e-12)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ([], []),
        ([1.0], [2.0]),
        ([0.1, 0.1, 0.1], [1.0, 2.0, 3.0]),
        ([1.0, 2.0, 3.0], [0.7] * 3),
        ([0.0, -0.0], [1.0, 2.0]),
        ([1.0, NAN, 3.0], [1.0, 2.0, 3.0]),
        ([1.0, 2.0, 3.0], [1.0, INF, 3.0]),
        ([-INF, 2.0, INF], [1.0, 2.0, 3.0]),
    ],
)
def test_where_a_correlation_is_undefined_there_is_none(left: list[float], right: list[float]) -> None:
    assert pearson(left, right) is None
    assert spearman(left, right) is None


def test_errors_at_the_edges() -> None:
    assert rmse([], []) is None
    assert rmse([1.0], [3.0]) == 2.0
    assert rmse([1.0, NAN], [1.0, 1.0]) is None
    assert rmse([INF], [1.0]) is None
    assert rmse([1e200, 0.0], [-1e200, 0.0]) == pytest.approx(math.sqrt(2) * 1e200)
    assert rmse([1.7e308], [-1.7e308]) is None


def test_two_pairs_lie_on_a_line() -> None:
    assert (pearson([1.0, 2.0], [5.0, 9.0]), spearman([1.0, 2.0], [9.0, 5.0])) == (1.0, -1.0)


@pytest.mark.parametrize("scale", [1e-320, 1e-200, 1e-30, 1e30, 1e200, 1.5e308])
def test_size_is_no_matter(scale: float) -> None:
    x, y = [0.1, 0.4, 0.35, 0.8], [1.0, 2.0, 1.5, 4.0]
    plain = pearson(x, y)
    assert plain is not None
    assert pearson([scale * value for value in x], y) == pytest.approx(plain, abs=1e-3 if scale < 1e-300 else 1e-12)


def test_a_correlation_never_passes_one() -> None:
    rng = np.random.default_rng(5)
    for _ in range(300):
        x = rng.normal(size=5)
        assert abs(pearson(x.tolist(), (x * 3.3).tolist()) or 2.0) <= 1.0


def test_sides_of_different_length_are_a_mistake_of_the_caller() -> None:
    for compute in (pearson, spearman, rmse):
        with pytest.raises(ValueError, match="2 predictions for 1 scores"):
            compute([1.0, 2.0], [1.0])


# --- what was claimed

FOUND = Measurement(300, 0.97, 0.96, 2.5)


def test_what_agrees() -> None:
    assert agrees(FOUND.value, FOUND, 0.0) == []
    near = {"rows": 300.0, "plcc": 0.9700009, "srocc": 0.9599991, "rmse": 2.50009, "more": "kept"}
    assert agrees(near, FOUND, 1e-6) == []
    undefined = Measurement(300, None, None, 2.5)
    assert agrees(undefined.value, undefined, 1e-6) == []


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("plcc", 0.99, "plcc: 0.99 claimed, 0.97 measured"),
        ("plcc", 0.970002, "plcc: 0.970002 claimed"),
        ("srocc", -0.96, "srocc: -0.96 claimed"),
        ("rmse", 2.4, "rmse: 2.4 claimed"),
        ("rmse", None, "rmse: undefined claimed"),
        ("rows", 301, "rows: 301 claimed, 300 measured"),
        ("rows", True, "rows: no number claimed"),
        ("plcc", "0.97", "plcc: no number claimed"),
        ("plcc", True, "plcc: no number claimed"),
        ("plcc", NAN, "plcc: nan claimed"),
        ("plcc", INF, "plcc: inf claimed"),
        ("plcc", 10**400, "plcc: a number past all bounds claimed"),
        ("plcc", [0.97], "plcc: no number claimed"),
    ],
)
def test_each_difference_is_said(field: str, value: object, words: str) -> None:
    (said,) = agrees(FOUND.value | {field: value}, FOUND, 1e-6)
    assert words in said


def test_what_is_missing_is_a_difference() -> None:
    assert agrees({}, FOUND, 1.0) == [
        "rows: nothing claimed, 300 measured",
        "plcc: nothing claimed, 0.97 measured",
        "srocc: nothing claimed, 0.96 measured",
        "rmse: nothing claimed, 2.5 measured",
    ]


def test_a_number_is_not_undefined() -> None:
    undefined = Measurement(300, None, None, 2.5)
    assert len(agrees(FOUND.value, undefined, 10.0)) == 2
    assert len(agrees(undefined.value, FOUND, 10.0)) == 2


def test_true_is_not_one_row() -> None:
    one = Measurement(1, None, None, 2.5)
    assert agrees(one.value, one, 0.0) == []
    assert agrees(one.value | {"rows": True}, one, 0.0) == ["rows: no number claimed, 1 measured"]
