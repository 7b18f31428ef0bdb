"""Planes of 8-bit 4:2:0, or RGB, as a network wants them: three float32 planes, normalised as ImageNet's are.

RGB is clipped to 0..255 and not rounded; each pixel takes the chroma sample that it lies on (nearest).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from smokegate_runners.saliency.settings import Color, Size
from smokegate_runners.saliency.video.facts import Facts, Frame, Undecodable

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
"""ImageNet's, of RGB in 0..1."""
_PAIRS_AT_ONCE = 16
"""Pairs of rows that are worked on at a time, so that they stay in the processor's cache."""

# Shares of red and blue in luma, ITU-T H.273, table 4.
_BT709, _BT601, _BT2020 = (0.2126, 0.0722), (0.299, 0.114), (0.2627, 0.0593)
_SHARES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "bt709": _BT709,
        "bt470bg": _BT601,
        "smpte170m": _BT601,
        "fcc": (0.30, 0.11),
        "smpte240m": (0.212, 0.087),
        "bt2020nc": _BT2020,
        "bt2020c": _BT2020,
    }
)
_NAMED: Mapping[Color, tuple[tuple[float, float], bool]] = MappingProxyType(
    {
        Color.BT709: (_BT709, False),
        Color.BT709_FULL: (_BT709, True),
        Color.BT601: (_BT601, False),
        Color.BT601_FULL: (_BT601, True),
        Color.BT2020: (_BT2020, False),
        Color.BT2020_FULL: (_BT2020, True),
    }
)

Tensor = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Conversion:
    """normalised RGB = clip(matrix @ (Y, U, V) + offset, low, high): one step for matrix, range and normalisation."""

    matrix: NDArray[np.float32]
    offset: NDArray[np.float32]


def conversion(color: Color, facts: Facts) -> Conversion:
    if color is not Color.CONTAINER:
        return _conversion(*_NAMED[color])
    said = facts.planes_matrix
    if said is not None and said not in _SHARES:
        raise Undecodable(
            f"its colours are {said}, which no matrix turns into RGB; --color bt709 takes them for BT.709"
        )
    return _conversion(_SHARES[said or "bt709"], bool(facts.planes_full_range))


@cache
def _conversion(shares: tuple[float, float], full: bool) -> Conversion:
    red, blue = shares
    green = 1.0 - red - blue
    of_chroma = np.array(
        [
            [0.0, 2.0 * (1.0 - red)],
            [-2.0 * (1.0 - blue) * blue / green, -2.0 * (1.0 - red) * red / green],
            [2.0 * (1.0 - blue), 0.0],
        ]
    )
    black, luma_scale, chroma_scale = (0.0, 1.0, 1.0) if full else (16.0, 255.0 / 219.0, 255.0 / 224.0)
    matrix = np.column_stack([np.full(3, luma_scale), chroma_scale * of_chroma])
    offset = -matrix @ np.array([black, 128.0, 128.0])
    mean, scale = np.array(MEAN), 255.0 * np.array(DEVIATION)
    normalised = offset / scale - mean / np.array(DEVIATION)
    return Conversion((matrix / scale[:, None]).astype(np.float32), normalised.astype(np.float32))


BT709 = _conversion(_BT709, False)
_LOW = ((0.0 - np.array(MEAN)) / np.array(DEVIATION)).astype(np.float32)
_HIGH = ((1.0 - np.array(MEAN)) / np.array(DEVIATION)).astype(np.float32)


def size_of(frame: Frame) -> Size:
    height, width = frame.y.shape
    return Size(width, height)


def padded(size: Size, multiple: int) -> Size:
    """Both sides up to the next multiple."""
    return Size(*(-(-side // multiple) * multiple for side in size))


def from_planes(frame: Frame, how: Conversion, out: Tensor) -> None:
    """Fills `out`, which may be larger than the frame: its edges go on to the right and below."""
    height, width = frame.y.shape
    pairs, half = frame.u.shape
    strip = min(_PAIRS_AT_ONCE, pairs)
    luma = np.zeros((2 * strip, 2 * half), dtype=np.float32)
    shade, wide = np.empty_like(luma), np.empty((strip, half, 2), dtype=np.float32)
    for top in range(0, pairs, strip):
        rows = slice(2 * top, min(2 * (top + strip), height))
        count, high = min(strip, pairs - top), rows.stop - rows.start
        luma[:high, :width] = frame.y[rows]
        u, v = (plane[top : top + count].astype(np.float32) for plane in (frame.u, frame.v))
        for channel, (of_y, of_u, of_v) in enumerate(how.matrix):
            chroma = of_u * u
            chroma += of_v * v
            chroma += how.offset[channel]
            wide[:count, :, 0] = wide[:count, :, 1] = chroma
            np.multiply(luma, of_y, out=shade)
            by_pair = shade.reshape(strip, 2, 2 * half)[:count]
            by_pair += wide.reshape(strip, 1, 2 * half)[:count]
            np.clip(shade[:high, :width], _LOW[channel], _HIGH[channel], out=out[0, channel, rows, :width])
    _extend(out, Size(width, height))


def from_rgb(rgb: NDArray[np.uint8], out: Tensor) -> None:
    """The same from 8-bit RGB [H,W,3]."""
    height, width, _ = rgb.shape
    for channel, (mean, deviation) in enumerate(zip(MEAN, DEVIATION, strict=True)):
        plane = out[0, channel, :height, :width]
        np.multiply(rgb[:, :, channel], np.float32(1.0 / (255.0 * deviation)), out=plane)
        plane -= np.float32(mean / deviation)
    _extend(out, Size(width, height))


def _extend(out: Tensor, size: Size) -> None:
    out[:, :, : size.height, size.width :] = out[:, :, : size.height, size.width - 1 : size.width]
    out[:, :, size.height :] = out[:, :, size.height - 1 : size.height]
