from __future__ import annotations

import math
import statistics
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smokegate.evidence.numbers import deviations, finite, mean, spread, whole

_floats = st.floats(allow_nan=False, allow_infinity=False, width=32)


@pytest.mark.parametrize(
    "value", [True, False, "1", "0.95", "", None, math.nan, math.inf, -math.inf, 10**400, [1], {}, 1j]
)
def test_what_is_no_number(value: Any) -> None:
    assert finite(value) is None
    assert whole(value) is None


@pytest.mark.parametrize(
    ("value", "number"), [(1, 1.0), (-0.0, 0.0), (1e308, 1e308), (2**60, float(2**60)), (0.95, 0.95)]
)
def test_what_is_one(value: Any, number: float) -> None:
    assert finite(value) == number


def test_whole_numbers_may_be_spelt_as_floats() -> None:
    assert (whole(5.0), whole(5), whole(5.5)) == (5, 5, None)


@given(st.lists(_floats, min_size=1, max_size=30))
def test_the_order_of_addition_does_not_matter(values: list[float]) -> None:
    assert mean(values) == mean(sorted(values)) == mean(values[::-1])
    assert spread(values) == max(values) - min(values)


@given(st.lists(_floats | st.none(), max_size=9).filter(lambda values: None in values or not values))
def test_what_is_undefined_does_not_vanish(values: list[float | None]) -> None:
    assert mean(values) is None
    assert spread(values) is None


def test_sums_beyond_float64_are_undefined() -> None:
    assert mean([1.7e308, 1.7e308]) is None
    assert spread([-1.7e308, 1.7e308]) is None
    assert deviations([-1.7e308, 1.7e308]) == (None, None)


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=20))
def test_both_deviations(values: list[float]) -> None:
    population, sample = deviations(values)
    assert population == pytest.approx(statistics.pstdev(values), abs=1e-12)
    assert sample == pytest.approx(statistics.stdev(values), abs=1e-12)
