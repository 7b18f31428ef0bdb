"""`smokegate block-iou`: the numbers, against sets of blocks counted one by one, and what is wrong with masks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from runners.saliency.pictures import npy, pgm, png, put
from smokegate.errors import UsageError
from smokegate_runners.commands.block_iou import command
from smokegate_runners.saliency.agreement import block_iou
from smokegate_runners.saliency.agreement.block_iou import Rule


def asked(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(one) for one in arguments], standalone_mode=False)


def document(*arguments: object) -> Any:
    done = asked(*arguments, "--format", "json")
    assert (done.exception, done.return_value) == (None, 0), done.exception
    return json.loads(done.stdout)


def refused(*arguments: object) -> str:
    done = asked(*arguments)
    assert isinstance(done.exception, UsageError) and done.exception.exit_code == 2, done.exception
    return str(done.exception)


def mask(*salient: tuple[int, int], shape: tuple[int, int] = (32, 48), value: float = 1.0) -> NDArray[np.float32]:
    """White blocks, by row and column."""
    grid = np.zeros(shape, dtype=np.float32)
    for row, column in salient:
        grid[16 * row : 16 * row + 16, 16 * column : 16 * column + 16] = value
    return grid


def put_npy(folder: Path, **grids: Any) -> Path:
    for name, grid in grids.items():
        put(folder / f"{name}.npy", npy(grid))
    return folder


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Overlaps of 1 of 3 blocks, 1 of 1, and no block in either."""
    ours = put_npy(tmp_path / "ours", a=mask((0, 0), (0, 1)), b=mask((1, 2)), c=mask())
    theirs = put_npy(tmp_path / "theirs", a=mask((0, 1), (1, 1)), b=mask((1, 2)), c=mask())
    return ours, theirs


def test_per_pair_macro_and_micro(folders: tuple[Path, Path]) -> None:
    found = document(*folders)
    assert [(one["id"], one["iou"], one["both_blocks"], one["either_blocks"]) for one in found["pairs"]] == [
        ("a", 1 / 3, 1, 3),
        ("b", 1.0, 1, 1),
        ("c", 1.0, 0, 0),
    ]
    assert found["macro_iou"] == pytest.approx((1 / 3 + 1 + 1) / 3)
    assert found["micro_iou"] == pytest.approx(2 / 4)
    assert all((one["blocks"], one["width"], one["height"]) == (6, 48, 32) for one in found["pairs"])


def test_the_text_says_the_same(folders: tuple[Path, Path]) -> None:
    said = asked(*folders).stdout.splitlines()
    assert said[1].split() == ["a", "0.333333", "1", "3", "6"]
    assert said[-1] == ("macro IoU 0.777778  micro IoU 0.500000  3 pairs, blocks of 16x16, salient from a mean of 0.5")


def test_two_files_need_no_common_stem(folders: tuple[Path, Path]) -> None:
    found = document(folders[0] / "a.npy", folders[1] / "b.npy")
    assert [one["id"] for one in found["pairs"]] == ["a"] and found["macro_iou"] == found["micro_iou"] == 0


def test_no_salient_block_anywhere_is_agreement(tmp_path: Path) -> None:
    nothing = put_npy(tmp_path, a=mask(), b=mask(value=0.4))
    found = document(nothing / "a.npy", nothing / "b.npy")
    assert (found["macro_iou"], found["micro_iou"]) == (1.0, 1.0)


def test_a_mean_of_just_the_threshold_is_salient(tmp_path: Path) -> None:
    half = mask((0, 0))
    half[:8, :16] = 0  # 0.5 to the last bit
    less = half.copy()
    less[8, 0] = 0.999
    white = mask((0, 0))
    put_npy(tmp_path, half=half, less=less, white=white)
    assert document(tmp_path / "half.npy", tmp_path / "white.npy")["macro_iou"] == 1
    assert document(tmp_path / "less.npy", tmp_path / "white.npy")["macro_iou"] == 0
    assert document(tmp_path / "less.npy", tmp_path / "white.npy", "--threshold", 0.49)["macro_iou"] == 1


@pytest.mark.parametrize("white", range(1, 26))
def test_a_threshold_is_met_on_paper(white: int, tmp_path: Path) -> None:
    """Of 5x5 pixels of 0 and 255 so many are white: their mean is the threshold, however the divisions round."""
    grid = np.zeros(25, dtype=np.uint8)
    grid[:white] = 255
    put(tmp_path / "a.png", png(grid.reshape(5, 5)))
    put_npy(tmp_path, white=np.ones((5, 5)))
    found = document(tmp_path / "a.png", tmp_path / "white.npy", "--block-size", 5, "--threshold", white / 25)
    assert found["macro_iou"] == 1


def test_blocks_that_do_not_fit_are_left_out(tmp_path: Path) -> None:
    """1080 rows are 67 blocks and 8 rows."""
    ours = np.zeros((40, 60))
    ours[32:] = ours[:, 48:] = 1
    put_npy(tmp_path, ours=ours, theirs=np.zeros((40, 60)))
    found = document(tmp_path / "ours.npy", tmp_path / "theirs.npy")
    assert found["pairs"][0]["blocks"] == 6 and found["macro_iou"] == 1


@given(st.integers(0, 2**32), st.integers(1, 9), st.floats(0.05, 1), st.integers(0, 8), st.integers(0, 8))
def test_against_counting_one_by_one(seed: int, side: int, threshold: float, wide: int, high: int) -> None:
    rng = np.random.default_rng(seed)
    pictures = rng.integers(0, 3, size=(2, side + high, side + wide)) / 2
    rule = Rule(side, threshold)
    sets = [
        {
            (row, column)
            for row in range(picture.shape[0] // side)
            for column in range(picture.shape[1] // side)
            if sum(
                picture[row * side + y, column * side + x] for y in range(side) for x in range(side)
            ) / (side * side) >= threshold
        }
        for picture in pictures
    ]  # fmt: skip
    found = block_iou.overlap(*(rule.salient(rule.sums(picture)) for picture in pictures))
    assert (found.candidate, found.reference) == (len(sets[0]), len(sets[1]))
    assert (found.both, found.either) == (len(sets[0] & sets[1]), len(sets[0] | sets[1]))
    assert found.iou == (len(sets[0] & sets[1]) / len(sets[0] | sets[1]) if sets[0] | sets[1] else 1)


# -- formats and scales ----------------------------------------------------------------------------------------------


def test_every_format_says_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    grid = rng.integers(0, 256, size=(64, 64)).astype(np.uint8)
    grid[:32] //= 3
    files = {
        "m8.png": png(grid),
        "m16.png": png(grid * np.uint16(257), depth=16),
        "raw.pgm": pgm(grid),
        "raw16.pgm": pgm(grid * np.uint16(257), 65_535),
        "plain.pgm": pgm(grid, plain=True),
        "bytes.npy": npy(grid),
        "words.npy": npy(grid * np.uint16(257)),
        "floats.npy": npy(grid / np.float32(255)),
        "floats255.npy": npy(grid.astype(np.float64)),
        "floats65535.npy": npy(grid.astype(np.float64) * 257),
        "integers.npy": npy(grid.astype(np.int32)),
    }
    sums = grid.astype(np.int64).reshape(4, 16, 4, 16).sum(axis=(1, 3))
    expected = int((sums * 2 >= 255 * 256).sum())
    assert 2 < expected < 14
    white = put(tmp_path / "white.npy", npy(np.ones((64, 64))))
    for name, data in files.items():
        found = document(put(tmp_path / name, data), white)
        assert found["pairs"][0]["candidate_blocks"] == expected, name


def test_a_dark_mask_is_no_reason_to_stretch_it(tmp_path: Path) -> None:
    """Of one scale is the folder, and never a single mask: 1 of 255 is black beside masks that reach 200."""
    dark, light = np.ones((16, 16), dtype=np.uint8), np.full((16, 16), 200, dtype=np.uint8)
    for name, grid in (("dark", dark), ("light", light)):
        put(tmp_path / "ours" / f"{name}.png", png(grid))
        put(tmp_path / "theirs" / f"{name}.npy", npy(np.ones((16, 16))))
    found = document(tmp_path / "ours", tmp_path / "theirs")
    assert {one["id"]: one["iou"] for one in found["pairs"]} == {"dark": 0.0, "light": 1.0}


def test_labels_of_0_and_1_are_taken_as_they_are(tmp_path: Path) -> None:
    labels = mask((0, 0), (1, 1)).astype(np.uint8)
    for name in ("a", "b"):
        put(tmp_path / "ours" / f"{name}.png", png(labels))
        put(tmp_path / "theirs" / f"{name}.png", png(labels * 255))
    found = document(tmp_path / "ours", tmp_path / "theirs")
    assert found["macro_iou"] == 1
    assert found["notes"] == [f"{tmp_path / 'ours'}: no value is above 1, so 1 is taken as full, and not 255"]
    assert f"note: {found['notes'][0]}\n" in asked(tmp_path / "ours", tmp_path / "theirs").stdout


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_of_two_scales_in_one_folder_nobody_can_tell_which_is_meant(kind: type, tmp_path: Path) -> None:
    """A mask of 0..1 beside one of 0..255 may as well be a black one of the latter."""
    put_npy(tmp_path / "ours", a=mask((0, 0)).astype(kind), b=mask((0, 0), value=255).astype(kind))
    put_npy(tmp_path / "theirs", a=mask((0, 0)), b=mask((0, 0)))
    said = refused(tmp_path / "ours", tmp_path / "theirs")
    assert (
        f"{tmp_path / 'ours' / 'a.npy'}: its largest value is 1, and others of the folder reach 255: "
        "whether 1.0 is 1 or 255 in it, nobody can tell"
    ) in said
    put_npy(tmp_path / "ours", a=mask((0, 0), value=0.4).astype(kind))
    assert document(tmp_path / "ours", tmp_path / "theirs")["macro_iou"] == 0.5, "black either way"


def test_floats_and_bytes_in_one_folder_have_each_their_scale(tmp_path: Path) -> None:
    put_npy(tmp_path / "ours", a=mask((0, 0)), b=mask((0, 0), value=255).astype(np.uint8))
    put(tmp_path / "ours" / "c.png", png(mask((0, 0), value=200)))
    put_npy(tmp_path / "theirs", a=mask((0, 0)), b=mask((0, 0)), c=mask((0, 0)))
    assert document(tmp_path / "ours", tmp_path / "theirs")["macro_iou"] == 1


def test_a_scale_that_nobody_can_tell_is_said(tmp_path: Path) -> None:
    put_npy(tmp_path / "ours", a=mask((0, 0), value=1.04), b=mask())
    put_npy(tmp_path / "theirs", a=mask((0, 0)), b=mask())
    said = refused(tmp_path / "ours", tmp_path / "theirs")
    assert f"{tmp_path / 'ours'}: the largest value of all is 1.04: neither 0..1 nor 0..255" in said


# -- what is wrong, all at once --------------------------------------------------------------------------------------


def test_everything_that_is_wrong_is_said_at_once_and_by_name(folders: tuple[Path, Path]) -> None:
    ours, theirs = folders
    put_npy(ours, alone=mask(), small=np.ones((15, 99)), nan=np.full((32, 48), np.nan), wide=mask(shape=(32, 64)))
    put_npy(theirs, lonely=mask(), small=np.ones((15, 99)), nan=mask(), wide=mask())
    put(ours / "b.png", png(mask((1, 2))))
    put(ours / "broken.png", b"no picture")
    put(theirs / "broken.png", b"no picture either")
    said = refused(ours, theirs)
    for line in (
        f"{ours / 'alone.npy'}: there is no mask of the stem `alone` in {theirs}",
        f"{theirs / 'lonely.npy'}: there is no mask of the stem `lonely` in {ours}",
        f"{ours / 'small.npy'}: it is 99x15, smaller than a block of 16x16",
        f"{theirs / 'small.npy'}: it is 99x15, smaller than a block of 16x16",
        f"{ours / 'nan.npy'}: 1,536 of its values are not finite",
        f"{ours / 'wide.npy'}: it is 64x32, and its reference is 48x32",
        f"{ours / 'b.png'}: it has the stem of {ours / 'b.npy'}, and one can be meant",
        f"{ours / 'broken.png'}: it is no PNG file",
        f"{theirs / 'broken.png'}: it is no PNG file",
    ):
        assert f"  {line}\n" in said, said
    assert said.startswith("9 things are wrong with the masks:")


def test_a_long_list_is_cut(tmp_path: Path) -> None:
    for number in range(300):
        put(tmp_path / "ours" / f"m{number:03}.png", b"")
        put(tmp_path / "theirs" / f"m{number:03}.png", b"")
    said = refused(tmp_path / "ours", tmp_path / "theirs")
    assert said.startswith("600 things are wrong") and "and 400 more" in said and len(said.splitlines()) < 210


def test_hidden_and_further_files_are_no_masks(folders: tuple[Path, Path]) -> None:
    put(folders[0] / "README.txt", b"masks")
    put(folders[0] / "._a.png", b"resource fork")
    (folders[1] / "more").mkdir()
    assert len(document(*folders)["pairs"]) == 3


@pytest.mark.parametrize("name", ["a\nb", "\x1b[31mred", "\udcff", "a`b", "x" * 200])
def test_names_of_all_kinds_are_told_harmlessly(name: str, tmp_path: Path) -> None:
    put_npy(tmp_path / "ours", **{name: mask()})
    put_npy(tmp_path / "theirs", **{name: mask()})
    told = asked(tmp_path / "ours", tmp_path / "theirs").stdout
    assert len(told.splitlines()) == 3 and told.replace("\n", "").isprintable()
    assert document(tmp_path / "ours", tmp_path / "theirs")["pairs"][0]["id"] == name
    next((tmp_path / "theirs").iterdir()).unlink()
    put_npy(tmp_path / "theirs", other=mask())
    said = refused(tmp_path / "ours", tmp_path / "theirs")
    assert said.replace("\n", "").isprintable() and len(said.splitlines()) == 4


def test_empty_folders_and_a_folder_with_a_file(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    (tmp_path / "empty").mkdir()
    said = refused(tmp_path / "empty", folders[1])
    assert f"{tmp_path / 'empty'}: it holds no masks" in said
    assert "is a folder, and" in refused(folders[0], folders[1] / "a.npy")
    assert "it is not a file" in refused(tmp_path / "no.npy", tmp_path / "nay.npy")


@pytest.mark.parametrize("option", [("--threshold", "0"), ("--threshold", "1.5"), ("--block-size", "0")])
def test_options_that_mean_nothing(option: tuple[str, str], folders: tuple[Path, Path]) -> None:
    assert asked(*folders, *option).exception is not None


def test_threshold_nan_is_refused(folders: tuple[Path, Path]) -> None:
    assert asked(*folders, "--threshold", "nan").exception is not None
