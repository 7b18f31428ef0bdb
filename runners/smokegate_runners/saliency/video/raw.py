"""A headerless .yuv: 8-bit 4:2:0 frames, one plane after the other, whose size only the table knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from smokegate_runners.saliency.settings import Size
from smokegate_runners.saliency.video.facts import Facts, Frame, GeometryMissing, Undecodable, always
from smokegate_runners.saliency.video.source_file import SourceFile

ENDING = ".yuv"
_LARGEST_SIDE = 1 << 15


class RawSource:
    def __init__(self, file: SourceFile, size: Size | None) -> None:
        if size is None:
            raise GeometryMissing(f"a headerless {ENDING} does not say how large its frames are")
        if not (0 < size.width <= _LARGEST_SIDE and 0 < size.height <= _LARGEST_SIDE):
            raise GeometryMissing(f"{size} is no size of a frame")
        self._file = file
        self._luma = size.width * size.height
        self._half = Size((size.width + 1) // 2, (size.height + 1) // 2)
        self._length = self._luma + 2 * self._half.width * self._half.height
        if not file.size or file.size % self._length:
            raise Undecodable(
                f"its {file.size} bytes are not a whole number of {size} frames, {self._length} bytes each: "
                "is that its size, and is it 8-bit 4:2:0?"
            )
        self.facts = Facts(size=size, container="raw", codec="rawvideo", pixel_format="yuv420p", bits=8)
        self.expected: int | None = file.size // self._length
        self.decoded = 0

    def frames(self, limit: int, wanted: Callable[[int], bool] = always) -> Iterator[Frame]:
        for index in range(self.decoded, min(limit, self._file.size // self._length)):
            self.decoded += 1
            if wanted(index):
                yield self._frame(index)

    def _frame(self, index: int) -> Frame:
        data = self._file.at(index * self._length, self._length)
        if len(data) < self._length:
            raise Undecodable(f"the file became shorter while it was read, at frame {index}")
        planes = np.frombuffer(data, np.uint8)
        u, v = planes[self._luma :].reshape(2, self._half.height, self._half.width)
        return Frame(index, planes[: self._luma].reshape(self.facts.size.height, self.facts.size.width), u, v)
