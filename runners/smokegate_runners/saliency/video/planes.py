"""From a decoded picture, of whatever pixel format, to 8-bit 4:2:0 planes as they are shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

from smokegate_runners.saliency.settings import Size
from smokegate_runners.saliency.video.facts import Frame, Undecodable

Plane = NDArray[np.uint8]

FULL = int(ColorRange.JPEG)
_AS_THEY_ARE = frozenset({"yuv420p", "yuvj420p", "yuva420p"})
_NO_COLOUR = 128
_DISPLAY_MATRIX = "DISPLAYMATRIX"


@dataclass(frozen=True, slots=True)
class Turn:
    """How a stored picture is to be shown: transposed first, then mirrored left to right, then top to bottom."""

    degrees: int = 0
    transposed: bool = False
    mirrored: bool = False
    flipped: bool = False

    def size(self, stored: Size) -> Size:
        return Size(stored.height, stored.width) if self.transposed else stored

    def __call__(self, plane: Plane) -> Plane:
        plane = plane.T if self.transposed else plane
        return plane[:: -1 if self.flipped else 1, :: -1 if self.mirrored else 1]


class Converter:
    """For one stream: what converts keeps its tables from picture to picture, and the first says how all are turned."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._reformatter = VideoReformatter()

    def frame(self, picture: Any, index: int) -> Frame:
        y, u, v = (self._turn(plane) for plane in self._stored(picture))
        for plane in (y, u, v):
            # The decoder still predicts from this memory.
            plane.flags.writeable = False
        return Frame(index, y, u, v)

    def _stored(self, picture: Any) -> tuple[Plane, ...]:
        name = picture.format.name
        if name in _AS_THEY_ARE:
            return planes(picture)[:3]
        if is_redrawn(picture):
            return planes(self._drawn(picture))
        span = ColorRange.JPEG if picture.color_range == FULL else ColorRange.MPEG
        if is_gray(picture):
            (y,) = planes(self._reformatted(picture, "gray", span, span))
            chroma = np.full(((y.shape[0] + 1) // 2, (y.shape[1] + 1) // 2), _NO_COLOUR, np.uint8)
            return y, chroma, chroma
        return planes(self._reformatted(picture, "yuv420p", span, span))

    def _drawn(self, picture: Any) -> Any:
        """As BT.709 limited, whatever it calls itself. Rounded well where that does not mean other chroma filters."""
        rounding = int(Interpolation.ACCURATE_RND) if is_gray(picture) else 0
        return self._reformatted(picture, "yuv420p", ColorRange.JPEG, ColorRange.MPEG, rounding)

    def _reformatted(self, picture: Any, name: str, before: ColorRange, after: ColorRange, flags: int = 0) -> Any:
        """By libswscale as the ffmpeg command uses it: bicubic chroma, ordered dither from more than 8 bits."""
        try:
            return self._reformatter.reformat(
                _without_siting(picture),
                format=name,
                interpolation=Interpolation.BICUBIC | flags,
                src_colorspace=None if picture.format.is_rgb else Colorspace.ITU709,
                dst_colorspace=Colorspace.ITU709,
                src_color_range=before,
                dst_color_range=after,
                threads=1,
            )
        except av.FFmpegError as error:
            raise Undecodable(f"its pixel format {picture.format.name} cannot be converted: {error.strerror}") from None


def planes(picture: Any) -> tuple[Plane, ...]:
    """Views of 8-bit planes, without a copy. Rows may be stored bottom up, padded, or both."""
    found = []
    for plane in picture.planes:
        rows = np.frombuffer(plane, np.uint8).reshape(plane.height, -1)[:, : plane.width]
        found.append(rows[::-1] if plane.line_size < 0 else rows)
    return tuple(found)


def is_gray(picture: Any) -> bool:
    return len(picture.format.components) < 3 and not _is_coloured(picture)


def is_redrawn(picture: Any) -> bool:
    """No YUV: colours that have to be turned into it, and gray, which is of full range unless it says otherwise."""
    return _is_coloured(picture) or (is_gray(picture) and picture.color_range != ColorRange.MPEG)


def turn_of(picture: Any) -> Turn:
    """What ffmpeg's own `-autorotate` does with the display matrix."""
    matrix = _display_matrix(picture)
    if matrix is None:
        return Turn()
    degrees = -picture.rotation % 360
    if abs(degrees - 90) <= 1:
        return Turn(90, transposed=True, mirrored=matrix[3] <= 0)
    if abs(degrees - 180) <= 1:
        return Turn(180, mirrored=matrix[0] < 0, flipped=matrix[4] < 0)
    if abs(degrees - 270) <= 1:
        return Turn(270, transposed=True, flipped=True, mirrored=matrix[3] < 0)
    if 1 < degrees < 359:
        raise Undecodable(f"it is to be shown turned by {degrees} degrees, and only quarter turns are known")
    return Turn(flipped=matrix[4] < 0)


def _is_coloured(picture: Any) -> bool:
    form = picture.format
    return bool(form.is_rgb or form.has_palette or form.is_bayer or form.name.startswith("xyz"))


def _display_matrix(picture: Any) -> tuple[int, ...] | None:
    """Read off a thumbnail, which has it too: PyAV ties a picture whose side data was looked at to itself, so that its
    memory would stay until the garbage collector comes by."""
    try:
        thumbnail = picture.reformat(16, 16, "gray", interpolation=Interpolation.POINT, threads=1)
        found = thumbnail.side_data.get(_DISPLAY_MATRIX)
    except (av.FFmpegError, ValueError):
        # PyAV 18 does not know all kinds of side data, and then gives none of them: the angle is all there is.
        return _quarter(picture.rotation)
    return None if found is None else tuple(np.frombuffer(found, np.int32)[:9].tolist())


def _quarter(rotation: int) -> tuple[int, ...]:
    """What counts of the matrix of a turn without a mirror: the signs."""
    turns = ((1, 0, 0, 0, 1), (0, 1, 0, -1, 0), (-1, 0, 0, 0, -1), (0, -1, 0, 1, 0))
    return turns[round(-rotation / 90) % 4]


def _without_siting(picture: Any) -> Any:
    """Where chroma is about to be halved, PyAV hands libswscale the siting of the source as that of the result.

    ffmpeg does not, and a decoder of H.264 claims left siting even for 4:4:4. PyAV cannot set it, but a fresh picture
    has none.
    """
    form = picture.format
    if len(picture.planes) < 3 or form.chroma_width(16) != 16:
        return picture
    fresh: Any = av.VideoFrame(picture.width, picture.height, form.name)
    for source, target in zip(picture.planes, fresh.planes, strict=True):
        stored = np.frombuffer(source, np.uint8).reshape(source.height, -1)
        length = min(abs(source.line_size), abs(target.line_size))
        kept = np.frombuffer(target, np.uint8).reshape(target.height, -1)
        kept[:, :length] = (stored[::-1] if source.line_size < 0 else stored)[:, :length]
    fresh.colorspace, fresh.color_range = picture.colorspace, picture.color_range
    return fresh
