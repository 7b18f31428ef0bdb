"""PNG as the standard has it, and not squeezed: what a compressor makes of pixels changes with its version, and the
digest of a set of scenes must not."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB = 0, 2
_STORED_AT_MOST = 65535


def encoded(pixels: NDArray[np.uint8]) -> bytes:
    """[H,W] as grey, [H,W,3] as RGB; 8 bits."""
    height, width = pixels.shape[:2]
    kind = _RGB if pixels.ndim == 3 else _GREY
    lines = np.ascontiguousarray(pixels).reshape(height, -1)
    unfiltered = np.concatenate([np.zeros((height, 1), dtype=np.uint8), lines], axis=1).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    packed = b"\x78\x01" + b"".join(_stored(unfiltered)) + struct.pack(">I", zlib.adler32(unfiltered))
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def _stored(data: bytes) -> Iterator[bytes]:
    for at in range(0, len(data), _STORED_AT_MOST):
        part = data[at : at + _STORED_AT_MOST]
        last = at + _STORED_AT_MOST >= len(data)
        yield struct.pack("<BHH", last, len(part), len(part) ^ 0xFFFF) + part


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
