"""Masks as files: `.npy`, `.pgm` and `.png`, read strictly. What of a file's values is 1.0 is settled for a set."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from smokegate_runners.saliency.agreement import png
from smokegate_runners.saliency.settings import Size

FORMATS = (".npy", ".pgm", ".png")
MOST_BYTES = 1 << 29
Kind = int | str
"""How a mask is stored: the full scale of its format; where that says none, FLOATS or INTEGERS."""
FLOATS, INTEGERS = "floats", "integers"
_SCALES = (1, 255, 65_535)
_SLACK = 1e-6
"""What arithmetic leaves above 1, or below 0."""
_KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(("f2", "f4", "f8"), FLOATS),
    **dict.fromkeys(("b1", "i1"), 1),
    "u1": 255,
    "u2": 65_535,
}
_PGM = re.compile(rb"P([25])" + rb"(?:\s|#[^\n\r]*[\n\r])+([0-9]{1,10})" * 3)
_LONGEST_NUMBER = 10
_NPY_HEADER = 10_000

Values = NDArray[Any]


class BadMask(ValueError):
    """Why a file is no mask."""


@dataclass(frozen=True, slots=True)
class Mask:
    values: Values
    """[H, W], as the file has them: finite, and not negative."""
    kind: Kind
    largest: float

    @property
    def size(self) -> Size:
        height, width = self.values.shape
        return Size(width, height)


def read(path: Path) -> Mask:
    if path.suffix.lower() not in FORMATS:
        raise BadMask(f"it is none of {', '.join(FORMATS)}")
    try:
        if not path.is_file():
            raise BadMask("it is not a file")
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadMask(f"it cannot be read: {error.strerror or error}") from None
    if len(data) > MOST_BYTES:
        raise BadMask(f"it has more than {MOST_BYTES:,} bytes")
    return parse(data, path.suffix.lower())


def parse(data: bytes, suffix: str) -> Mask:
    if suffix == ".npy":
        return _checked(*_npy(data))
    if suffix == ".pgm":
        return _checked(*_pgm(data))
    try:
        picture = png.read(data)
    except png.BrokenPicture as fault:
        raise BadMask(str(fault)) from None
    return _checked(_one_channel(picture.samples), picture.full)


def full_scale(kind: Kind, largest: float) -> float:
    """What the values of a set are divided by, from its kind and the largest of all of its values.

    A set of which nothing is above 1 is of 0..1 already, whatever could be written in its format.
    """
    if largest <= 1 + _SLACK:
        return 1.0
    if isinstance(kind, int):
        if largest * 255 <= kind:
            raise BadMask(f"the largest value of all is {largest:g} where {kind:,} is full: it is of another scale")
        return float(kind)
    for before, full in itertools.pairwise(_SCALES):
        if largest <= full * (1 + _SLACK):
            # what is a little above the scale before was meant for that one, and would come out nearly black
            if largest < 2 * before:
                raise BadMask(f"the largest value of all is {largest:g}: neither 0..{before} nor 0..{full}, so clip it")
            return float(full)
    raise BadMask(f"the largest value of all is {largest:g}: masks are of 0..1, 0..255 or 0..65535")


def possible_scales(kind: Kind) -> tuple[float, ...]:
    """What `full_scale` may come to."""
    return (1.0, float(kind)) if isinstance(kind, int) else tuple(map(float, _SCALES))


def _checked(values: Values, kind: Kind) -> Mask:
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        count = int(values.size - np.isfinite(values).sum())
        raise BadMask(f"{count:,} of its values {'is' if count == 1 else 'are'} not finite")
    smallest = float(values.min())
    if smallest < -_SLACK:
        raise BadMask(f"it has negative values, such as {smallest:g}")
    largest = float(values.max())
    if isinstance(kind, int) and largest > kind:
        raise BadMask(f"it has a value of {largest:g}, and {kind} is the largest that it may have")
    return Mask(values, kind, largest)


def _one_channel(samples: Values) -> Values:
    first = samples[..., 0]
    if samples.shape[2] > 1 and (samples != first[..., np.newaxis]).any():
        raise BadMask("it is in colour, and a mask has one channel")
    return first


# .npy


def _npy(data: bytes) -> tuple[Values, Kind]:
    stream = io.BytesIO(data)
    shape, order, kind = _npy_header(stream)
    while len(shape) > 2 and 1 in {shape[0], shape[-1]}:
        shape = shape[1:] if shape[0] == 1 else shape[:-1]
    if len(shape) != 2 or 0 in shape:
        raise BadMask(f"its shape is {list(shape)}, and a mask is [height, width]")
    if shape[0] * shape[1] > png.MOST_PIXELS:
        raise BadMask(f"it has {shape[1]}x{shape[0]} pixels; at most {png.MOST_PIXELS:,} are read")
    expected = shape[0] * shape[1] * kind.itemsize
    start = stream.tell()
    if len(data) - start != expected:
        raise BadMask("it is cut short" if len(data) - start < expected else "it goes on after its last value")
    # a boolean is a byte, and in a file of somebody else's that byte may be anything
    values = np.frombuffer(data, dtype=np.uint8 if kind.kind == "b" else kind, offset=start)
    return values.reshape(shape, order="F" if order else "C"), _KINDS.get(kind.str[1:], INTEGERS)


def _npy_header(stream: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    try:
        shape, order, kind = readers[npy.read_magic(stream)](stream, max_header_size=_NPY_HEADER)
    except (ValueError, KeyError, TypeError, SyntaxError, EOFError, RecursionError, MemoryError):
        raise BadMask("it is no .npy file of one plain array") from None
    if kind.kind not in "biuf" or kind.itemsize > 8:
        raise BadMask(f"its values are {kind.str}, and a mask has numbers")
    if any(side < 0 for side in shape):
        raise BadMask(f"its shape is {list(shape)}, and a mask is [height, width]")
    return shape, order, kind


# .pgm


def _pgm(data: bytes) -> tuple[Values, int]:
    said = _PGM.match(data)
    if said is None or not data[said.end() : said.end() + 1].isspace():
        raise BadMask("it is no PGM file (P2 or P5)")
    width, height, full = (int(number) for number in said.groups()[1:])
    if not width or not height or not 0 < full < 1 << 16:
        raise BadMask("its header says what no PGM file may say")
    if width * height > png.MOST_PIXELS:
        raise BadMask(f"it has {width}x{height} pixels; at most {png.MOST_PIXELS:,} are read")
    values = (_plain if said[1] == b"2" else _raw)(data, said.end() + 1, width * height, full)
    return values.reshape(height, width), full


def _raw(data: bytes, start: int, count: int, full: int) -> Values:
    kind = np.dtype(np.uint8 if full < 256 else ">u2")
    rest = len(data) - start - count * kind.itemsize
    if rest < 0:
        raise BadMask("it is cut short")
    if rest > 0 and data[len(data) - rest :].strip():
        raise BadMask("it goes on after its last value")
    return np.frombuffer(data, dtype=kind, count=count, offset=start)


def _plain(data: bytes, start: int, count: int, full: int) -> Values:
    words = re.sub(rb"#[^\n\r]*", b" ", data[start:]).split()
    if len(words) != count:
        raise BadMask("it is cut short" if len(words) < count else "it goes on after its last value")
    if not all(word.isdigit() and len(word) <= _LONGEST_NUMBER for word in words):
        raise BadMask("it has values that are no numbers")
    return np.fromiter(map(int, words), dtype=np.uint64, count=count)
