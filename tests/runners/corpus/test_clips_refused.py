"""Clips that no honest row can be drawn from, damaged on the spot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from smokegate.errors import UsageError
from smokegate_runners.corpus.clips import Clip, from_file
from smokegate_runners.corpus.ffmpeg import Ffmpeg
from smokegate_runners.corpus.reference import ClipUnusable, prepare
from smokegate_runners.corpus.settings import Settings

CARD = "testsrc2=size=96x64:rate=24"


def refused(program: Ffmpeg, clip: Clip, tmp_path: Path, settings: Settings | None = None) -> str:
    with pytest.raises(ClipUnusable) as said:
        prepare(program, clip, settings or Settings(), tmp_path / "reference.nut")
    return str(said.value)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_clip_that_ends_early_is_refused(ending: str, program: Ffmpeg, film: Any, tmp_path: Path) -> None:
    """The headers are whole; of a clip that ends too early ffmpeg speaks in passing, and goes on."""
    options = ["-movflags", "+faststart"] if ending == "mp4" else []
    clip = film(tmp_path / f"clip.{ending}", CARD, 30, "-c:v", "libx264", "-g", "6", "-bf", "0", *options)
    assert prepare(program, from_file(clip), Settings(), tmp_path / "whole.nut").census.frames == 30
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) * 6 // 10])
    assert "cannot be read to its end" in refused(program, from_file(clip), tmp_path)


def test_the_sound_beginning_of_a_clip_may_be_taken(program: Ffmpeg, film: Any, tmp_path: Path) -> None:
    clip = film(tmp_path / "clip.mkv", CARD, 200, "-c:v", "libx264", "-g", "6", "-crf", "1")
    clip.write_bytes(clip.read_bytes()[:-2000])
    assert "cannot be read" in refused(program, from_file(clip), tmp_path)
    assert prepare(program, from_file(clip), Settings(frames=5), tmp_path / "r.nut").census.frames == 5


def test_what_holds_no_video_is_refused(program: Ffmpeg, film: Any, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "prose.mp4").write_text("a clip, honestly")
    program.run(("-f", "lavfi", "-i", "sine=duration=0.1", str(tmp_path / "sound.mkv")))
    for name in ("empty.mp4", "prose.mp4", "sound.mkv"):
        assert "cannot be read" in refused(program, from_file(tmp_path / name), tmp_path)


def test_a_clip_without_a_frame_is_refused(program: Ffmpeg, tmp_path: Path) -> None:
    said = refused(program, Clip("none", generator=f"{CARD},trim=end_frame=0"), tmp_path, Settings(frames=2))
    assert "clip none:" in said


def test_a_clip_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        from_file(tmp_path / "gone.mp4")
    with pytest.raises(UsageError, match="not a file"):
        from_file(tmp_path)


def test_odd_sides_are_refused_with_the_size_that_mends_them(program: Ffmpeg, tmp_path: Path) -> None:
    odd = Clip("odd", generator="testsrc=size=97x65:rate=24")
    assert "--size 96x64" in refused(program, odd, tmp_path, Settings(frames=2))


def test_frames_of_two_sizes_are_refused(program: Ffmpeg, film: Any, tmp_path: Path) -> None:
    parts = [
        film(tmp_path / f"{size}.ts", f"testsrc2=size={size}:rate=24", 6, "-c:v", "mpeg2video", "-f", "mpegts")
        for size in ("96x64", "64x96")
    ]
    both = tmp_path / "both.ts"
    both.write_bytes(b"".join(part.read_bytes() for part in parts))
    refused(program, from_file(both), tmp_path)


def test_a_clip_that_changes_under_the_run_is_refused(program: Ffmpeg, film: Any, tmp_path: Path) -> None:
    clip = from_file(film(tmp_path / "clip.mp4", CARD, 3))
    film(tmp_path / "clip.mp4", CARD, 4)
    assert "changed while the corpus was made" in refused(program, clip, tmp_path)


def test_a_generator_that_draws_by_chance_is_refused(program: Ffmpeg, tmp_path: Path) -> None:
    chance = Clip("chance", generator="life=size=96x64:rate=24:ratio=0.3")
    assert "draws other frames each time" in refused(program, chance, tmp_path, Settings(frames=2))
    seeded = Clip("seeded", generator="life=size=96x64:rate=24:ratio=0.3:seed=4")
    assert prepare(program, seeded, Settings(frames=2), tmp_path / "r.nut").census.frames == 2


def test_a_generator_that_is_none_is_refused(program: Ffmpeg, tmp_path: Path) -> None:
    assert "draws nothing" in refused(program, Clip("odd", generator="nosuchsource"), tmp_path, Settings(frames=2))
