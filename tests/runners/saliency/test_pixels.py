"""Planes become what a network is fed, to a rounding of float32."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from runners.saliency import by_numpy
from smokegate_runners.saliency.network import pixels
from smokegate_runners.saliency.settings import Color, Size
from smokegate_runners.saliency.video.facts import Facts, Frame, Undecodable

CLOSE = 3e-6
COLOURS = {
    Color.BT709: ("bt709", False),
    Color.BT709_FULL: ("bt709", True),
    Color.BT601: ("bt601", False),
    Color.BT601_FULL: ("bt601", True),
    Color.BT2020: ("bt2020", False),
    Color.BT2020_FULL: ("bt2020", True),
}


def facts(matrix: str | None = None, full_range: bool | None = None, *, redrawn: bool = False) -> Facts:
    return Facts(
        size=Size(2, 2),
        container="mp4",
        codec="h264",
        pixel_format="yuv420p",
        bits=8,
        matrix=matrix,
        full_range=full_range,
        redrawn=redrawn,
    )


def frame(width: int, height: int, seed: int = 0) -> Frame:
    random = np.random.default_rng(seed)
    half = ((height + 1) // 2, (width + 1) // 2)
    y, u, v = (random.integers(0, 256, shape, np.uint8) for shape in ((height, width), half, half))
    return Frame(0, y, u, v)


def converted(
    shown: Frame, color: Color = Color.BT709, multiple: int = 1, said: Facts | None = None
) -> NDArray[np.float32]:
    width, height = pixels.padded(pixels.size_of(shown), multiple)
    room = np.full((1, 3, height, width), np.nan, dtype=np.float32)
    pixels.from_planes(shown, pixels.conversion(color, said or facts()), room)
    return room


@given(
    width=st.integers(1, 90),
    height=st.integers(1, 90),
    multiple=st.sampled_from([1, 2, 8, 32]),
    color=st.sampled_from(list(COLOURS)),
)
def test_every_size_and_colour_equals_the_definition(width: int, height: int, multiple: int, color: Color) -> None:
    shown = frame(width, height, seed=width + height)
    matrix, full = COLOURS[color]
    expected = by_numpy.fed(by_numpy.rgb(shown.y, shown.u, shown.v, matrix, full=full), multiple)
    assert np.abs(converted(shown, color, multiple) - expected).max() < CLOSE


def test_every_triple_of_values_is_converted_and_clipped() -> None:
    values = np.arange(0, 256, 5, dtype=np.uint8)
    y, u, v = (grid.reshape(len(values), -1) for grid in np.meshgrid(values, values, values, indexing="ij"))
    shown = Frame(0, y.repeat(2, 0).repeat(2, 1), np.ascontiguousarray(u), np.ascontiguousarray(v))
    expected = by_numpy.fed(by_numpy.rgb(shown.y, shown.u, shown.v))
    found = converted(shown)
    assert np.abs(found - expected).max() < CLOSE
    assert found[0, 0].min() == pytest.approx(-0.485 / 0.229, abs=CLOSE)
    assert found[0, 0].max() == pytest.approx((1 - 0.485) / 0.229, abs=CLOSE)


def test_known_colours_come_out_as_they_are_known() -> None:
    """BT.709 limited: white, black, and the red of the colour bars."""
    for (y, u, v), expected in (
        ((235, 128, 128), (255, 255, 255)),
        ((16, 128, 128), (0, 0, 0)),
        ((63, 102, 240), (255, 0, 0)),
    ):
        planes = [np.full((2, 2), y, np.uint8), np.full((1, 1), u, np.uint8), np.full((1, 1), v, np.uint8)]
        plain = by_numpy.normalised(np.array(expected, float)[:, None, None] / 255)
        assert np.abs(converted(Frame(0, *planes))[0, :, :1, :1] - plain).max() < 0.02


def test_views_that_are_turned_and_strided_and_read_only_are_taken() -> None:
    whole = frame(46, 70)
    for plane in (whole.y, whole.u, whole.v):
        plane.flags.writeable = False
    turned = Frame(0, *(plane.T[::-1, ::-1] for plane in (whole.y, whole.u, whole.v)))
    copied = Frame(0, *(np.ascontiguousarray(plane) for plane in (turned.y, turned.u, turned.v)))
    assert np.array_equal(converted(turned), converted(copied))


@pytest.mark.parametrize(
    ("said", "alike"),
    [
        (facts(), Color.BT709),
        (facts("bt709", True), Color.BT709_FULL),
        (facts("smpte170m"), Color.BT601),
        (facts("bt470bg", True), Color.BT601_FULL),
        (facts("bt2020nc", False), Color.BT2020),
        (facts(None, True), Color.BT709_FULL),
        (facts("gbr", True, redrawn=True), Color.BT709),
    ],
)
def test_the_container_is_believed_where_that_is_asked_for(said: Facts, alike: Color) -> None:
    shown = frame(16, 16)
    assert np.array_equal(converted(shown, Color.CONTAINER, said=said), converted(shown, alike))
    assert np.array_equal(converted(shown, Color.BT709, said=said), converted(shown, Color.BT709))


@pytest.mark.parametrize("matrix", ["ycgco", "ictcp", "gbr", "reserved-42"])
def test_colours_without_a_matrix_are_refused_where_the_container_is_believed(matrix: str) -> None:
    with pytest.raises(Undecodable, match=f"{matrix}.*--color bt709"):
        pixels.conversion(Color.CONTAINER, facts(matrix))
    assert pixels.conversion(Color.BT709, facts(matrix)) is pixels.BT709


@given(width=st.integers(1, 40), height=st.integers(1, 40), multiple=st.sampled_from([1, 8]))
def test_rgb_is_normalised_alike(width: int, height: int, multiple: int) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    padded = pixels.padded(Size(width, height), multiple)
    room = np.full((1, 3, padded.height, padded.width), np.nan, dtype=np.float32)
    pixels.from_rgb(picture, room)
    assert np.abs(room - by_numpy.fed(picture.transpose(2, 0, 1) / 255.0, multiple)).max() < CLOSE
