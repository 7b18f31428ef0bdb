"""PNG files, checked whole before ffmpeg's decoder sees them: it takes a cut or a broken one for a picture."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smokegate.errors import UsageError
from smokegate_runners.saliency.settings import Size

MOST_PIXELS = 1 << 26
"""Twice an 8K picture."""
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PALETTE = 3
_SAMPLES = {0: 1, 2: 3, _PALETTE: 1, 4: 2, 6: 4}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), _PALETTE: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_WHOLE = ((0, 0, 1, 1),)
_LAST_FILTER = 4
_LAYOUTS: Mapping[str, tuple[np.dtype[Any], int]] = {
    "gray": (np.dtype(np.uint8), 1),
    "ya8": (np.dtype(np.uint8), 2),
    "rgb24": (np.dtype(np.uint8), 3),
    "rgba": (np.dtype(np.uint8), 4),
    "gray16be": (np.dtype(">u2"), 1),
    "ya16be": (np.dtype(">u2"), 2),
    "rgb48be": (np.dtype(">u2"), 3),
    "rgba64be": (np.dtype(">u2"), 4),
}

Samples = NDArray[Any]


class BrokenPicture(ValueError):
    """Why a file is no picture that can be looked at."""


@dataclass(frozen=True, slots=True)
class Header:
    size: Size
    depth: int
    kind: int
    interlaced: bool

    @property
    def passes(self) -> list[tuple[int, int]]:
        """Rows, and the bytes of each before it is compressed: a filter byte and the samples."""
        bits = self.depth * _SAMPLES[self.kind]
        found = []
        for left, top, across, down in _ADAM7 if self.interlaced else _WHOLE:
            width, height = -(-(self.size.width - left) // across), -(-(self.size.height - top) // down)
            if width > 0 and height > 0:
                found.append((height, 1 + -(-width * bits // 8)))
        return found


@dataclass(frozen=True, slots=True)
class Picture:
    samples: Samples
    """[H, W, channels] of gray or RGB; transparency and palettes are resolved or refused."""
    full: int
    """What a sample of full intensity has."""


def header(data: bytes) -> Header:
    """What a file says of itself, without looking at the picture."""
    if not data.startswith(_SIGNATURE):
        raise BrokenPicture("it is no PNG file")
    if data[8:16] != b"\0\0\0\rIHDR" or len(data) < 33:
        raise BrokenPicture("it is cut short, or no PNG file")
    if zlib.crc32(data[12:29]) != int.from_bytes(data[29:33], "big"):
        raise BrokenPicture("its header is damaged")
    width, height, depth, kind, compression, filtering, interlaced = struct.unpack(">IIBBBBB", data[16:29])
    if depth not in _DEPTHS.get(kind, ()) or compression or filtering or interlaced > 1 or not width or not height:
        raise BrokenPicture("its header says what no PNG file may say")
    if width * height > MOST_PIXELS:
        raise BrokenPicture(f"it has {width}x{height} pixels; at most {MOST_PIXELS:,} are read")
    return Header(Size(width, height), depth, kind, bool(interlaced))


def read(data: bytes) -> Picture:
    said = header(data)
    chunks = list(_chunks(data))
    _require_whole(b"".join(body for name, body in chunks if name == b"IDAT"), said)
    frame = _decoded(data)
    if (frame.width, frame.height) != said.size:
        raise BrokenPicture(f"it decodes to {frame.width}x{frame.height}, and its header says {said.size}")
    colours = sum(len(body) // 3 for name, body in chunks if name == b"PLTE")
    return _opaque(*_samples(frame, colours))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_SIGNATURE)
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        name, body, check = data[at + 4 : at + 8], data[at + 8 : at + 8 + length], data[at + 8 + length :][:4]
        if len(check) < 4:
            raise BrokenPicture("it is cut short")
        if zlib.crc32(body, zlib.crc32(name)) != int.from_bytes(check, "big"):
            raise BrokenPicture("it is damaged")
        yield name, body
        at += 12 + length
        if name == b"IEND":
            if at < len(data):
                raise BrokenPicture(f"{len(data) - at:,} bytes follow after its end")
            return
    raise BrokenPicture("it is cut short")


def _require_whole(packed: bytes, said: Header) -> None:
    """All rows, and no more, each in one of the five ways that there are: ffmpeg makes something up for any other."""
    expected = sum(rows * width for rows, width in said.passes)
    stream = zlib.decompressobj()
    try:
        found = stream.decompress(packed, expected + 1)
    except zlib.error:
        raise BrokenPicture("its compressed rows are damaged") from None
    if len(found) != expected or not stream.eof:
        raise BrokenPicture("it has fewer or more rows than its header says")
    start = 0
    for rows, width in said.passes:
        ways = np.frombuffer(found, dtype=np.uint8, count=rows * width, offset=start)[::width]
        if ways.max() > _LAST_FILTER:
            raise BrokenPicture("its rows are damaged")
        start += rows * width


def _decoded(data: bytes) -> Any:
    try:
        import av  # noqa: PLC0415 - floats and PGM need no decoder
    except ImportError:
        fix = "python -m pip install 'smokegate[saliency]'"
        raise UsageError("PNG files are read with PyAV, which is not installed", fix=fix) from None
    codec: Any = av.CodecContext.create("png", "r")
    codec.thread_count = 1
    try:
        frames = [*codec.decode(av.Packet(data)), *codec.decode(None)]
    except av.FFmpegError:
        frames = []
    if len(frames) != 1:
        raise BrokenPicture("it is no picture that ffmpeg can decode")
    return frames[0]


def _samples(frame: Any, known: int) -> tuple[Samples, int]:
    """[H, W, channels], transparency the last of two or four. `known` is how many colours the palette has."""
    plane, name = frame.planes[0], frame.format.name
    rows: NDArray[np.uint8] = np.frombuffer(plane, dtype=np.uint8).reshape(-1, plane.line_size)[: frame.height]
    if name == "monob":
        return np.unpackbits(rows, axis=1)[:, : frame.width, np.newaxis], 1
    if name == "pal8":
        # four bytes a colour, as a 32-bit word of this machine: blue, green, red, alpha
        colours = np.frombuffer(frame.planes[1], dtype="=u4").astype("<u4").view(np.uint8).reshape(-1, 4)
        chosen = rows[:, : frame.width]
        if chosen.max() >= known:
            raise BrokenPicture("it has pixels of colours that its palette does not have")
        return colours[chosen][..., [2, 1, 0, 3]], 255
    if name not in _LAYOUTS:
        raise BrokenPicture(f"it decodes to {name}, which is not read")
    kind, channels = _LAYOUTS[name]
    wide = np.ascontiguousarray(rows[:, : frame.width * channels * kind.itemsize]).view(kind)
    return wide.reshape(frame.height, frame.width, channels), (1 << 8 * kind.itemsize) - 1


def _opaque(samples: Samples, full: int) -> Picture:
    channels = samples.shape[2]
    if channels in {2, 4}:
        if (samples[..., -1] != full).any():
            raise BrokenPicture("parts of it are transparent, so that it has no value there")
        samples = samples[..., :-1]
    return Picture(samples, full)
