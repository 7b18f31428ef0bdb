"""Masks as files: what each format holds is what is read, and what is none is said."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from runners.saliency.pictures import GRAY, GRAY_ALPHA, PALETTE, RGB, RGBA, chunk, header, npy, pgm, png, put
from smokegate_runners.saliency.agreement import masks
from smokegate_runners.saliency.agreement.masks import FLOATS, INTEGERS, BadMask, Mask

Grid = NDArray[Any]
RAMP = np.arange(5 * 7).reshape(5, 7)


def read(tmp_path: Path, name: str, data: bytes) -> Mask:
    return masks.read(put(tmp_path / name, data))


def gray(depth: int, *, interlaced: bool = False) -> Callable[[Grid], bytes]:
    return lambda grid: png(grid, GRAY, depth, interlaced=interlaced)


def wide(kind: int, depth: int = 8) -> Callable[[Grid], bytes]:
    """The same gray in all channels, and opaque."""
    full = (1 << depth) - 1

    def made(grid: Grid) -> bytes:
        opaque = [np.full_like(grid, full)] if kind in {GRAY_ALPHA, RGBA} else []
        return png(np.stack([grid] * (3 if kind in {RGB, RGBA} else 1) + opaque, axis=2), kind, depth)

    return made


WRITERS: dict[str, tuple[str, Callable[[Grid], bytes], int, int | str]] = {
    "8 bit": ("m.png", gray(8), 255, 255),
    "16 bit": ("m.png", gray(16), 65_535, 65_535),
    "1 bit": ("m.png", gray(1), 1, 1),
    "8 bit, interlaced": ("m.png", gray(8, interlaced=True), 255, 255),
    "16 bit, interlaced": ("m.PNG", gray(16, interlaced=True), 65_535, 65_535),
    "with alpha": ("m.png", wide(GRAY_ALPHA), 255, 255),
    "16 bit with alpha": ("m.png", wide(GRAY_ALPHA, 16), 65_535, 65_535),
    "RGB": ("m.png", wide(RGB), 255, 255),
    "16 bit RGB": ("m.png", wide(RGB, 16), 65_535, 65_535),
    "RGBA": ("m.png", wide(RGBA), 255, 255),
    "16 bit RGBA": ("m.png", wide(RGBA, 16), 65_535, 65_535),
    "palette": ("m.png", lambda g: png(g, PALETTE, palette=[v for v in range(256) for _ in "rgb"]), 255, 255),
    "P5": ("m.pgm", pgm, 255, 255),
    "P5 of 10 bit": ("m.PGM", lambda g: pgm(g, 1023), 1023, 1023),
    "P5 of 16 bit": ("m.pgm", lambda g: pgm(g, 65_535, comment="# made by hand\n# 9 9\n"), 65_535, 65_535),
    "P2": ("m.pgm", lambda g: pgm(g, 255, plain=True), 255, 255),
    "P2 of 16 bit": ("m.pgm", lambda g: pgm(g, 65_535, plain=True, comment="#\n"), 65_535, 65_535),
    "bool": ("m.npy", lambda g: npy(g > 0), 1, 1),
    "uint8": ("m.npy", lambda g: npy(g.astype(np.uint8)), 255, 255),
    "uint16": ("m.npy", lambda g: npy(g.astype(np.uint16)), 65_535, 65_535),
    "big-endian": ("m.npy", lambda g: npy(g.astype(">u2")), 65_535, 65_535),
    "int64": ("m.npy", lambda g: npy(g.astype(np.int64)), 65_535, INTEGERS),
    "float16": ("m.npy", lambda g: npy(g.astype(np.float16)), 255, FLOATS),
    "float32, Fortran": ("m.npy", lambda g: npy(g.astype(np.float32), fortran=True), 65_535, FLOATS),
    "float64": ("m.npy", lambda g: npy(g.astype(np.float64)), 65_535, FLOATS),
    "as a model gives it": ("m.npy", lambda g: npy(g.astype(np.float32)[np.newaxis, np.newaxis]), 65_535, FLOATS),
    "channel last": ("m.npy", lambda g: npy(g.astype(np.float32)[..., np.newaxis]), 65_535, FLOATS),
}


@pytest.mark.parametrize("what", WRITERS)
def test_what_is_written_is_read(what: str, tmp_path: Path) -> None:
    name, write, largest, kind = WRITERS[what]
    grid = np.random.default_rng(0).integers(0, largest + 1, size=(13, 21))
    grid[4, 9] = largest
    found = read(tmp_path, name, write(grid))
    assert (found.kind, found.largest, found.size) == (kind, largest, (21, 13))
    np.testing.assert_array_equal(found.values.astype(np.int64), grid)


@given(st.data())
def test_pgm_of_any_size_and_scale(data: st.DataObject) -> None:
    shape = data.draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    full = data.draw(st.integers(1, 65_535))
    cells = st.lists(st.integers(0, full), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1])
    grid = np.reshape(data.draw(cells), shape)
    for plain in (False, True):
        found = masks.parse(pgm(grid, full, plain=plain), ".pgm")
        np.testing.assert_array_equal(found.values, grid)


@given(st.data())
def test_png_of_any_size_depth_and_order_of_rows(data: st.DataObject) -> None:
    depth = data.draw(st.sampled_from((1, 8, 16)))
    height, width = data.draw(st.integers(1, 20)), data.draw(st.integers(1, 20))
    seed = data.draw(st.integers(0, 2**32))
    grid = np.random.default_rng(seed).integers(0, 1 << depth, size=(height, width))
    picture = png(grid, GRAY, depth, interlaced=data.draw(st.booleans()))
    np.testing.assert_array_equal(masks.parse(picture, ".png").values.astype(np.int64), grid)
    cut = data.draw(st.integers(0, len(picture) - 1))
    with pytest.raises(BadMask):
        masks.parse(picture[:cut], ".png")
    place = data.draw(st.integers(0, len(picture) - 1))
    spoilt = bytearray(picture)
    spoilt[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(BadMask):
        masks.parse(bytes(spoilt), ".png")


def test_2_and_4_bit_png_count_by_their_full_scale(tmp_path: Path) -> None:
    for depth, step in ((2, 85), (4, 17)):
        grid = RAMP % (1 << depth)
        np.testing.assert_array_equal(read(tmp_path, "m.png", png(grid, GRAY, depth)).values, grid * step)


# -- what is refused -------------------------------------------------------------------------------------------------

PNG = png(RAMP)
COLOURED = np.stack([RAMP, RAMP, RAMP + 1], axis=2)
GLASS = np.stack([RAMP, np.full_like(RAMP, 254)], axis=2)
ZIPPED = zlib.compress(b"".join(b"\0" + bytes(7) for _ in range(5)))


def picture(*chunks: bytes, size: tuple[int, int] = (7, 5)) -> bytes:
    return header(*size, 8, GRAY) + b"".join(chunks)


END = chunk(b"IEND", b"")
REFUSED: dict[str, tuple[str, bytes, str]] = {
    "empty": ("m.png", b"", "it is no PNG file"),
    "text": ("m.png", b"a mask, honestly\n" * 9, "it is no PNG file"),
    "JPEG": ("m.png", b"\xff\xd8\xff\xe0" + bytes(99), "it is no PNG file"),
    "cut in its header": ("m.png", PNG[:20], "cut short"),
    "cut in its rows": ("m.png", PNG[:50], "cut short"),
    "cut before its end": ("m.png", PNG[:-12], "cut short"),
    "one bit flipped": ("m.png", PNG[:45] + bytes([PNG[45] ^ 1]) + PNG[46:], "it is damaged"),
    "header damaged": ("m.png", PNG[:19] + b"\x09" + PNG[20:], "its header is damaged"),
    "goes on": ("m.png", PNG + b"more", "4 bytes follow"),
    "rows missing": ("m.png", picture(chunk(b"IDAT", zlib.compress(bytes(24))), END), "fewer or more rows"),
    "rows over": ("m.png", picture(chunk(b"IDAT", zlib.compress(bytes(99))), END), "fewer or more rows"),
    "rows cut": ("m.png", picture(chunk(b"IDAT", ZIPPED[:-6]), END), "fewer or more rows"),
    "rows without their sum": ("m.png", picture(chunk(b"IDAT", ZIPPED[:-2]), END), "fewer or more rows"),
    "rows no zip": ("m.png", picture(chunk(b"IDAT", b"rows rows rows"), END), "compressed rows are damaged"),
    "no rows": ("m.png", picture(END), "fewer or more rows"),
    "bad filter": (
        "m.png",
        picture(chunk(b"IDAT", zlib.compress(b"\x09" * 40)), END),
        "its rows are damaged",
    ),
    "no palette": (
        "m.png",
        header(7, 5, 8, PALETTE) + chunk(b"IDAT", ZIPPED) + END,
        "colours that its palette does not have",
    ),
    "a colour too many": (
        "m.png",
        png(RAMP % 3, PALETTE, palette=[0, 0, 0, 9, 9, 9]),
        "colours that its palette does not have",
    ),
    "two headers": ("m.png", PNG[:33] + PNG[8:], "no picture that ffmpeg can decode"),
    "too large": ("m.png", header(100_000, 100_000, 8, GRAY) + END, "at most 67,108,864 are read"),
    "no depth": ("m.png", header(7, 5, 3, GRAY) + END, "what no PNG file may say"),
    "no width": ("m.png", header(0, 5, 8, GRAY) + END, "what no PNG file may say"),
    "in colour": ("m.png", png(COLOURED, RGB), "in colour"),
    "palette in colour": ("m.png", png(RAMP % 2, PALETTE, palette=[0, 0, 0, 128, 0, 0]), "in colour"),
    "see-through": ("m.png", png(GLASS, GRAY_ALPHA), "transparent"),
    "not finite": ("m.npy", npy(np.array([[0.5, np.nan], [np.inf, 0]])), "2 of its values are not finite"),
    "one not finite": ("m.npy", npy(np.array([[0.5, -np.inf]])), "1 of its values is not finite"),
    "negative": ("m.npy", npy(np.array([[0.5, -0.25]])), "negative values, such as -0.25"),
    "negative integers": ("m.npy", npy(np.array([[0, -1]])), "negative values"),
    "objects": ("m.npy", npy(np.array([[{}, 1]], dtype=object)), "a mask has numbers"),
    "complex": ("m.npy", npy(np.array([[1j]])), "a mask has numbers"),
    "text array": ("m.npy", npy(np.array([["a"]])), "a mask has numbers"),
    "three channels": ("m.npy", npy(np.zeros((4, 4, 3))), "its shape is [4, 4, 3]"),
    "a batch": ("m.npy", npy(np.zeros((2, 1, 4, 4))), "its shape is [2, 1, 4, 4]"),
    "a line": ("m.npy", npy(np.zeros(16)), "its shape is [16]"),
    "nothing": ("m.npy", npy(np.zeros((0, 4))), "its shape is [0, 4]"),
    "npy cut": ("m.npy", npy(np.zeros((4, 4)))[:-1], "cut short"),
    "npy goes on": ("m.npy", npy(np.zeros((4, 4))) + b"x", "goes on"),
    "npz": ("m.npy", b"PK\x03\x04" + bytes(60), "no .npy file"),
    "npy of nothing": ("m.npy", b"", "no .npy file"),
    "npy that lies": (
        "m.npy",
        npy(np.zeros((4, 4))).replace(b"'shape'", b"'shop'"),
        "no .npy file",
    ),
    "too large npy": (
        "m.npy",
        npy(np.zeros((4, 4), dtype=np.uint8)).replace(b"(4, 4), }          ", b"(90000, 90000), }  "),
        "at most 67,108,864 are read",
    ),
    "booleans of 7": ("m.npy", npy(np.zeros((2, 2), dtype=bool))[:-1] + b"\7", "a value of 7"),
    "int8": ("m.npy", npy(np.full((2, 2), 100, dtype=np.int8)), "a value of 100"),
    "bitmap": ("m.pgm", b"P4\n2 2\n\0\0", "no PGM file"),
    "pixmap": ("m.pgm", b"P6\n2 2\n255\n" + bytes(12), "no PGM file"),
    "P5 cut": ("m.pgm", pgm(RAMP)[:-1], "cut short"),
    "P5 goes on": ("m.pgm", pgm(RAMP) + pgm(RAMP), "goes on"),
    "P5 16 bit cut": ("m.pgm", pgm(RAMP, 999)[:-1], "cut short"),
    "P5 above its scale": ("m.pgm", pgm(RAMP, 30), "a value of 34, and 30 is the largest"),
    "P2 above its scale": ("m.pgm", pgm(RAMP, 30, plain=True), "a value of 34, and 30 is the largest"),
    "P2 cut": ("m.pgm", b"P2 2 2 9 1 2 3", "cut short"),
    "P2 goes on": ("m.pgm", b"P2 2 2 9 1 2 3 4 5", "goes on"),
    "P2 of words": ("m.pgm", b"P2 2 1 9 1 x", "no numbers"),
    "P2 negative": ("m.pgm", b"P2 2 1 9 1 -1", "no numbers"),
    "no scale": ("m.pgm", b"P5 2 2 0 \0\0\0\0", "what no PGM file may say"),
    "scale past 16 bit": ("m.pgm", b"P5 2 2 65536 " + bytes(16), "what no PGM file may say"),
    "no PGM size": ("m.pgm", b"P5 0 2 255 ", "what no PGM file may say"),
    "too large PGM": ("m.pgm", b"P5 99999 99999 255 ", "at most 67,108,864 are read"),
    "header alone": ("m.pgm", b"P5\n2 2", "no PGM file"),
    "another format": ("m.jpg", b"", "none of .npy, .pgm, .png"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_mask_is_refused(what: str, tmp_path: Path) -> None:
    name, data, said = REFUSED[what]
    with pytest.raises(BadMask) as refused:
        read(tmp_path, name, data)
    assert said in str(refused.value)


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    for name in ("folder.png", "nowhere.png"):
        with pytest.raises(BadMask, match="not a file"):
            masks.read(tmp_path / name)


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "sprung",)

    with pytest.raises(BadMask):
        read(tmp_path, "m.npy", npy(np.array([[Trap()]], dtype=object)))
    assert not (tmp_path / "sprung").exists()


# -- scale -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "largest", "full"),
    [
        (255, 0, 1),
        (255, 1, 1),
        (255, 2, 255),
        (65_535, 1, 1),
        (65_535, 258, 65_535),
        (1, 1, 1),
        (1023, 700, 1023),
        (FLOATS, 0.3, 1),
        (FLOATS, 1.0000001, 1),
        (FLOATS, 2, 255),
        (FLOATS, 255, 255),
        (FLOATS, 510, 65_535),
        (INTEGERS, 1, 1),
        (INTEGERS, 2, 255),
        (INTEGERS, 65_535, 65_535),
    ],
)
def test_the_scale_of_a_set(kind: int | str, largest: float, full: float) -> None:
    assert masks.full_scale(kind, largest) == full
    assert full in masks.possible_scales(kind)


@pytest.mark.parametrize(
    ("kind", "largest"),
    [(65_535, 255), (FLOATS, 1.04), (FLOATS, 260), (INTEGERS, 300), (FLOATS, 65_600), (INTEGERS, 1 << 40)],
)
def test_a_scale_that_nobody_can_tell_is_refused(kind: int | str, largest: float) -> None:
    with pytest.raises(BadMask, match="the largest value of all is"):
        masks.full_scale(kind, largest)
