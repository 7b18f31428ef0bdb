"""Rows are those of their frames: libvmaf alone would also score frames that are not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from smokegate_runners.corpus.build import encode
from smokegate_runners.corpus.clips import Clip
from smokegate_runners.corpus.encoders import ENCODERS
from smokegate_runners.corpus.ffmpeg import Ffmpeg
from smokegate_runners.corpus.reference import Reference, prepare
from smokegate_runners.corpus.score import SOURCES, NotScored, rows, score
from smokegate_runners.corpus.settings import Settings, Size
from smokegate_runners.corpus.units import Unit

CARD = "testsrc2=size=96x64:rate=24"
LOSSLESS = ("-c:v", "ffv1")


@pytest.fixture(scope="module")
def reference(program: Ffmpeg, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    target = tmp_path_factory.mktemp("reference") / "reference.nut"
    return prepare(program, Clip("card", generator=CARD), Settings(frames=10), target)


def scored(program: Ffmpeg, reference: Reference, encoded: Path, tmp_path: Path) -> list[dict[str, float]]:
    return score(program, reference, encoded, "yuv420p", tmp_path)


@pytest.mark.parametrize("frames", [8, 9, 11, 12])
def test_a_frame_more_or_less_is_noticed(
    frames: int, program: Ffmpeg, reference: Reference, film: Any, tmp_path: Path
) -> None:
    encoded = film(tmp_path / "encoded.mkv", CARD, frames)
    with pytest.raises(NotScored, match=f"frames: the encode has {frames}, and its reference 10"):
        scored(program, reference, encoded, tmp_path)


def test_another_geometry_is_noticed(program: Ffmpeg, reference: Reference, film: Any, tmp_path: Path) -> None:
    encoded = film(tmp_path / "encoded.mkv", "testsrc2=size=128x64:rate=24", 10)
    with pytest.raises(NotScored, match="the encode is 128x64, and its reference 96x64"):
        scored(program, reference, encoded, tmp_path)


def test_an_encode_that_does_not_decode_is_noticed(program: Ffmpeg, reference: Reference, tmp_path: Path) -> None:
    (tmp_path / "encoded.mkv").write_bytes(b"not video")
    with pytest.raises(NotScored, match="does not decode"):
        scored(program, reference, tmp_path / "encoded.mkv", tmp_path)


def test_frames_are_paired_by_order_whatever_their_time_stamps(
    program: Ffmpeg, reference: Reference, film: Any, tmp_path: Path
) -> None:
    """The same frames, played three times as fast: each is its own reference."""
    shifted = film(tmp_path / "fast.mkv", f"{CARD},setpts=PTS/3+7/TB", 10, "-fps_mode", "passthrough", *LOSSLESS)
    found = scored(program, reference, shifted, tmp_path)
    assert len(found) == 10
    assert all(row["adm2"] > 0.999 and row["vif_scale0"] > 0.999 for row in found)


def test_a_folder_with_odd_characters_is_no_matter(
    program: Ffmpeg, reference: Reference, film: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "it's: a [folder], 100%d"
    folder.mkdir()
    assert len(scored(program, reference, film(folder / "same.mkv", CARD, 10, *LOSSLESS), folder)) == 10


@pytest.mark.parametrize("name", ["libx264", "libx265", "libsvtav1", "libvpx-vp9", "libvvenc"])
def test_every_software_encoder_keeps_its_frames_and_its_bytes(name: str, program: Ffmpeg, tmp_path: Path) -> None:
    source = prepare(
        program, Clip("card", generator=CARD), Settings(frames=10, size=Size(128, 72)), tmp_path / "reference.nut"
    )
    unit = Unit(Clip("card", generator=CARD), ENCODERS[name], 40)
    for target in ("one.mkv", "two.mkv"):
        encode(program, unit, source, tmp_path / target)
    found = [
        score(program, source, tmp_path / target, unit.encoder.pixels, tmp_path) for target in ("one.mkv", "two.mkv")
    ]
    assert found[0] == found[1]
    assert len(found[0]) == 10
    assert all(20 < row["vmaf"] <= 100 for row in found[0])


def log(count: int = 2, **changed: Any) -> dict[str, Any]:
    metrics = dict.fromkeys(SOURCES.values(), 0.5) | changed
    frames = [
        {"frameNum": index, "metrics": {k: v for k, v in metrics.items() if v != "gone"}} for index in range(count)
    ]
    return {"frames": frames}


def test_a_log_is_read_by_libvmafs_names() -> None:
    found = rows(log(integer_adm2=0.75, vmaf=33), 2)
    assert [row["adm2"] for row in found] == [0.75, 0.75]
    assert [row["vmaf"] for row in found] == [33.0, 33.0]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (log(3), "libvmaf logged 3, and the reference has 2"),
        (log(1), "libvmaf logged 1"),
        ({}, "libvmaf logged no"),
        (log(integer_motion2="gone"), "logs no integer_motion2; it logs .*integer_adm2"),
        (log(integer_adm2=float("nan")), "integer_adm2 is nan"),
        (log(vmaf=100.5), "not within 0 to 100"),
        (log(vmaf=-1), "not within 0 to 100"),
        ({"frames": list(reversed(log()["frames"]))}, "logged frame 1 in its place"),
    ],
)
def test_numbers_that_are_none_are_refused(said: dict[str, Any], message: str) -> None:
    with pytest.raises(NotScored, match=message):
        rows(said, 2)
