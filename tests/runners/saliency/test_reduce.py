"""Reducers that see one mask at a time give what the whole stack gives."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runners.saliency import by_numpy
from smokegate_runners.saliency import reduce
from smokegate_runners.saliency.settings import Aggregator, Settings


def running(
    masks: list[reduce.Mask], lumas: list[reduce.Luma], settings: Settings
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    taker = reduce.reducer(settings)
    for mask, luma in zip(masks, lumas, strict=True):
        taker.add(mask, luma)
    return np.asarray(taker.result(), dtype=np.float64)


@given(
    shape=st.tuples(st.integers(1, 9), st.integers(1, 200), st.integers(1, 70)),
    aggregator=st.sampled_from(list(Aggregator)),
    alpha=st.floats(0.01, 1.0),
    still=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_one_at_a_time_equals_the_whole_stack(
    shape: tuple[int, int, int], aggregator: Aggregator, alpha: float, still: bool, seed: int
) -> None:
    random = np.random.default_rng(seed)
    masks = list(random.random(shape, dtype=np.float32))
    drawn = random.integers(0, 256, shape, np.uint8)
    lumas = [drawn[0]] * len(drawn) if still else list(drawn)
    found = running(masks, lumas, Settings(aggregator=aggregator, ema_alpha=alpha))
    expected = by_numpy.reduced(aggregator, masks, lumas, alpha)
    assert np.abs(found - expected).max() < 1e-6
    mean, variance = reduce.mean_and_variance(found)
    assert (mean, variance) == pytest.approx((expected.mean(), expected.var()), abs=1e-6)


@pytest.mark.parametrize("aggregator", list(Aggregator))
def test_masks_are_left_as_they_were(aggregator: Aggregator) -> None:
    masks = [np.full((3, 3), value, np.float32) for value in (0.2, 0.6, 0.4)]
    lumas = [np.full((3, 3), value, np.uint8) for value in (0, 255, 10)]
    running(masks, lumas, Settings(aggregator=aggregator))
    assert [float(mask[0, 0]) for mask in masks] == pytest.approx([0.2, 0.6, 0.4])


def test_the_four_by_hand() -> None:
    masks = [np.full((2, 2), value, np.float32) for value in (0.0, 1.0, 0.5)]
    lumas = [np.full((2, 2), value, np.uint8) for value in (0, 51, 0)]
    by_hand = {"mean": 0.5, "max": 1.0, "ema": 0.6 * 0.5 + 0.4 * 0.6, "motion-weighted": (0.2 + 0.1) / 1.4}
    for name, expected in by_hand.items():
        found = running(masks, lumas, Settings(aggregator=Aggregator(name)))
        assert found == pytest.approx(np.full((2, 2), expected), abs=1e-6)


def test_a_still_clip_counts_each_frame_a_little() -> None:
    luma = np.zeros((4, 4), np.uint8)
    masks = [np.zeros((4, 4), np.float32), np.ones((4, 4), np.float32)]
    found = running(masks, [luma, luma], Settings(aggregator=Aggregator.MOTION_WEIGHTED))
    assert found == pytest.approx(np.full((4, 4), 1e-6 / (1 + 1e-6)), rel=1e-6)


def test_motion_is_a_distance_and_does_not_wrap() -> None:
    dark, light = np.zeros((100, 3), np.uint8), np.full((100, 3), 255, np.uint8)
    assert reduce.motion(dark, light) == reduce.motion(light, dark) == 1.0
    assert reduce.motion(light[::-1], light) == 0.0


def test_thousands_of_masks_add_up_without_drift() -> None:
    mask, luma = np.full((2, 2), 0.1, np.float32), np.zeros((2, 2), np.uint8)
    found = running([mask] * 4096, [luma] * 4096, Settings())
    assert np.abs(found - float(np.float32(0.1))).max() < 1e-12


@pytest.mark.parametrize("aggregator", list(Aggregator))
def test_memory_does_not_grow_with_the_number_of_masks(aggregator: Aggregator) -> None:
    side = 512
    mask, luma = np.zeros((side, side), np.float32), np.zeros((side, side), np.uint8)
    taker = reduce.reducer(Settings(aggregator=aggregator))
    tracemalloc.start()
    try:
        for _ in range(20):
            taker.add(mask.copy(), luma.copy())
        reduce.mean_and_variance(taker.result())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6 * mask.nbytes


def test_no_mask_has_no_result() -> None:
    with pytest.raises(ValueError, match="no mask"):
        reduce.reducer(Settings()).result()
