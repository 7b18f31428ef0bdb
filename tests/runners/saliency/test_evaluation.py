"""An evaluation set is read whole, or it is said what is wrong with it, all at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runners.saliency import contests
from runners.saliency.pictures import GRAY, RGB, RGBA, png, put
from smokegate.commands import gate_files
from smokegate.errors import SmokegateError
from smokegate_runners.saliency.agreement.block_iou import Rule
from smokegate_runners.saliency.contests import evaluation
from smokegate_runners.saliency.contests.evaluation import INDEX, Evaluation

RULE = Rule()


@pytest.fixture
def items(tmp_path: Path) -> Path:
    return contests.scenes(tmp_path / "set", 4)


def refused(folder: Path) -> str:
    with pytest.raises(SmokegateError) as error:
        evaluation.read(folder, RULE)
    assert error.value.exit_code == 2 and str(error.value).replace("\n", "").isprintable()
    return str(error.value)


def edited(folder: Path, edit: Callable[[list[dict[str, Any]]], object]) -> Path:
    found = contests.rows(folder)
    edit(found)
    return contests.index(folder, found)


def test_what_is_there_is_read(items: Path) -> None:
    found = evaluation.read(items, RULE)
    assert [one.id for one in found.items] == [f"item-{at:04}" for at in range(4)]
    assert found.sources == [f"kind-{at}" for at in range(4)]
    loaded = found.load(found.items[2], RULE)
    assert loaded.rgb.shape == (64, 96, 3) and loaded.rgb.dtype == np.uint8 and loaded.salient.shape == (4, 6)
    bright = loaded.rgb[::16, ::16].mean(axis=2) > 90
    np.testing.assert_array_equal(loaded.salient, bright)
    assert (loaded.rgb[..., 1] == loaded.rgb[..., 0] + 2).all()


def test_the_digest_is_that_of_the_directory(items: Path, tmp_path: Path) -> None:
    found = evaluation.read(items, RULE)
    assert found.digest == gate_files.corpus(items)["sha256"]
    assert found.digest == evaluation.read(contests.scenes(tmp_path / "again", 4), RULE).digest
    (items / "images/0001.png").write_bytes((items / "images/0002.png").read_bytes() + b"")
    assert found.digest != gate_files.corpus(items)["sha256"]


def test_further_fields_and_files_count_in_the_digest_alone(items: Path) -> None:
    before = evaluation.read(items, RULE)
    put(items / "README.md", b"# Scenes\n")
    edited(items, lambda rows: rows[0].update(kind="disc", size=[1, 2]))
    after = evaluation.read(items, RULE)
    assert after.items == before.items and after.digest != before.digest


def test_blank_lines_are_passed_over(items: Path) -> None:
    found = contests.rows(items)
    assert len(evaluation.read(contests.index(items, ["", *found, " \t", ""]), RULE).items) == 4


def test_gray_pictures_and_masks_of_another_depth(items: Path) -> None:
    gray = np.arange(64 * 96).reshape(64, 96) % 251
    put(items / "images/0000.png", png(gray, GRAY))
    put(items / "masks/0000.png", png(np.full((64, 96), 40_000), GRAY, 16))
    found = evaluation.read(items, RULE)
    loaded = found.load(found.items[0], RULE)
    np.testing.assert_array_equal(loaded.rgb, np.stack([gray] * 3, axis=2))
    assert loaded.salient.all()


def duplicate(rows: list[dict[str, Any]]) -> None:
    rows[3]["id"] = rows[1]["id"]


WRONG: dict[str, tuple[Callable[[list[dict[str, Any]]], object], str]] = {
    "no id": (lambda rows: rows[1].pop("id"), f"{INDEX}:2: `id` is to be a printable text"),
    "an empty source": (lambda rows: rows[1].update(source=""), f"{INDEX}:2: `source` is to be"),
    "a numbered id": (lambda rows: rows[1].update(id=7), f"{INDEX}:2: `id` is to be"),
    "an id of control characters": (lambda rows: rows[1].update(id="\x1b[31m"), f"{INDEX}:2: `id` is to be"),
    "a long id": (lambda rows: rows[1].update(id="x" * 201), f"{INDEX}:2: `id` is to be"),
    "an id twice": (duplicate, f"{INDEX}:4: `item-0001` has the id of line 2"),
    "one picture twice": (
        lambda rows: rows[3].update(image="images/0001.png"),
        f"{INDEX}:4: `item-0003` has the picture of line 2",
    ),
    "a path upwards": (lambda rows: rows[0].update(image="../x.png"), "the path `../x.png` has a `..` part"),
    "an absolute path": (lambda rows: rows[0].update(mask="/etc/x.png"), "the path `/etc/x.png` is absolute"),
    "no such file": (lambda rows: rows[0].update(mask="masks/9.png"), "there is no file `masks/9.png`"),
    "another format": (lambda rows: rows[0].update(image="a.jpg"), "`a.jpg` is no .png file"),
    "another mask format": (lambda rows: rows[0].update(mask="a.npy"), "`a.npy` is no .png file"),
    "a single item": (lambda rows: rows.__delitem__(slice(1, None)), "1 items can show nothing"),
    "no items": (lambda rows: rows.clear(), "no items can show nothing"),
}


@pytest.mark.parametrize("what", WRONG)
def test_an_index_that_means_nothing(what: str, items: Path) -> None:
    edit, said = WRONG[what]
    assert said in refused(edited(items, edit))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[1]", "an item is a JSON object"),
        ('{"id": "a", "id": "b"}', "duplicate"),
        ('{"id": NaN}', ""),
        ('{"id": "' + "x" * (1 << 16) + '"}', "the line is longer than 65,536 bytes"),
        ('{"a": [[[[[[[[[[]]]]]]]]]]}', ""),
    ],
)
def test_a_line_that_is_no_item(line: str, said: str, items: Path) -> None:
    contests.index(items, [*contests.rows(items), line])
    told = refused(items)
    assert f"{INDEX}:5: " in told and said in told


def test_pictures_that_cannot_be_used(items: Path) -> None:
    put(items / "images/0000.png", png(np.zeros((64, 95, 3)), RGB))
    put(items / "images/0001.png", b"no picture")
    put(items / "masks/0002.png", png(np.full((64, 96, 3), (1, 2, 3)), RGB))
    put(items / "images/0003.png", png(np.zeros((15, 96)), GRAY))
    put(items / "masks/0003.png", png(np.zeros((15, 96)), GRAY))
    said = refused(items)
    for line in (
        f"{INDEX}:1: `images/0000.png` is 95x64, and its mask is 96x64",
        f"{INDEX}:2: `images/0001.png`: it is no PNG file",
        f"{INDEX}:3: `masks/0002.png`: it is in colour, and a mask has one channel",
        f"{INDEX}:4: `images/0003.png` is 96x15, smaller than a block",
    ):
        assert f"  {line}" in said


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (png(np.zeros((64, 96, 4)), RGBA), "transparent"),
        (png(np.zeros((64, 96)), GRAY, 16), "8 bits"),
        (png(np.zeros((64, 96)), GRAY)[:-20], "cut short"),
    ],
)
def test_a_picture_that_is_found_bad_when_it_is_used(data: bytes, said: str, items: Path) -> None:
    put(items / "images/0001.png", data)
    found = evaluation.read(items, RULE)
    with pytest.raises(SmokegateError, match=said):
        found.load(found.items[1], RULE)


def test_masks_of_a_scale_that_nobody_can_tell(items: Path) -> None:
    put(items / "masks/0001.png", png(np.full((64, 96), 255), GRAY, 16))
    assert "the largest value of all is 255 where 65,535 is full" in refused(items)


def test_folders_that_are_none(tmp_path: Path, items: Path) -> None:
    assert "is not a folder" in refused(tmp_path / "nowhere")
    assert "is not a folder" in refused(items / INDEX)
    (tmp_path / "empty").mkdir()
    assert "it holds no clips" in refused(tmp_path / "empty")
    (items / INDEX).unlink()
    assert f"has no {INDEX}" in refused(items)


def test_what_a_link_leads_to_is_not_part_of_it(items: Path) -> None:
    (items / "images/0001.png").unlink()
    (items / "images/0001.png").symlink_to("0002.png")
    assert "`images/0001.png` is a symlink" in refused(items)


@pytest.mark.parametrize("name", ["images/0001.png", "masks/0001.png"])
def test_a_file_that_changes_after_it_was_counted(name: str, items: Path) -> None:
    found: Evaluation = evaluation.read(items, RULE)
    put(items / name, (items / name.replace("0001", "0002")).read_bytes())
    with pytest.raises(SmokegateError, match="is another file now"):
        found.load(found.items[1], RULE)


def test_no_more_than_can_be_resampled(items: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "MOST_ITEMS", 3)
    assert f"{INDEX}:4: at most 3 items are compared" in refused(items)
