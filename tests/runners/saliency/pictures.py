"""PNG, PGM and NPY files, written byte by byte, so that they can be damaged as well."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

GRAY, RGB, PALETTE, GRAY_ALPHA, RGBA = 0, 2, 3, 4, 6
_CHANNELS = {GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 2, RGBA: 4}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def header(width: int, height: int, depth: int, kind: int, interlaced: bool = False) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced))


def png(
    values: Any, kind: int = GRAY, depth: int = 8, *, interlaced: bool = False, palette: Sequence[int] = ()
) -> bytes:
    """`values` is [H, W] or [H, W, channels]."""
    grid: NDArray[Any] = np.asarray(values)
    grid = grid.reshape(*grid.shape[:2], _CHANNELS[kind])
    passes = [grid[top::down, left::across] for left, top, across, down in _ADAM7] if interlaced else [grid]
    rows = b"".join(_rows(one, depth) for one in passes if one.size)
    beside = chunk(b"PLTE", bytes(palette)) if palette else b""
    height, width = grid.shape[:2]
    start = header(width, height, depth, kind, interlaced)
    return start + beside + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def _rows(grid: NDArray[Any], depth: int) -> bytes:
    flat = grid.reshape(len(grid), -1)
    if depth == 16:
        packed: NDArray[np.uint8] = flat.astype(">u2").view(np.uint8)
    elif depth == 8:
        packed = flat.astype(np.uint8)
    else:
        bits = np.unpackbits(flat.astype(np.uint8)[..., np.newaxis], axis=2)[..., 8 - depth :]
        packed = np.packbits(bits.reshape(len(flat), -1), axis=1)
    return b"".join(b"\0" + row.tobytes() for row in packed)


def pgm(values: Any, full: int = 255, *, plain: bool = False, comment: str = "") -> bytes:
    grid = np.asarray(values)
    start = f"P{2 if plain else 5}\n{comment}{grid.shape[1]} {grid.shape[0]}\n{full}\n".encode()
    if plain:
        return start + "\n".join(" ".join(map(str, row)) for row in grid.tolist()).encode() + b"\n"
    return start + grid.astype(np.uint8 if full < 256 else ">u2").tobytes()


def npy(values: Any, *, fortran: bool = False) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.asfortranarray(values) if fortran else np.asarray(values))
    return stream.getvalue()


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
