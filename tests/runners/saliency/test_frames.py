"""Every kind of clip gives the frames that the ffmpeg command gives: all of them, in order, value by value."""

from __future__ import annotations

import gc
import os
import subprocess
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from runners.saliency import films
from smokegate_runners.corpus import ffmpeg
from smokegate_runners.saliency.settings import Size
from smokegate_runners.saliency.video import colour_names, container, planes, source_file
from smokegate_runners.saliency.video.facts import Facts, Frame, Undecodable
from smokegate_runners.saliency.video.frames import open_source
from smokegate_runners.saliency.work import Job


def taken(path: Path, limit: int = 1000, threads: int = 2) -> tuple[Facts, list[Frame], int]:
    with open_source(Job(path), threads=threads) as source:
        frames = list(source.frames(limit))
        return source.facts, frames, source.decoded


def digest(frame: Frame) -> bytes:
    return frame.y.tobytes() + frame.u.tobytes() + frame.v.tobytes()


def furthest(frame: Frame, expected: films.Planes) -> int:
    assert [plane.shape for plane in (frame.y, frame.u, frame.v)] == [plane.shape for plane in expected]
    pairs = zip((frame.y, frame.u, frame.v), expected, strict=True)
    return max(int(np.abs(ours.astype(int) - theirs).max()) for ours, theirs in pairs)


@pytest.mark.parametrize("name", films.KINDS)
def test_frames_are_those_of_the_command(name: str, tmp_path: Path) -> None:
    kind = films.KINDS[name]
    path = films.made(name, tmp_path)
    facts, frames, decoded = taken(path)
    expected = films.reference(path, *kind.reference)
    assert (len(frames), decoded) == (len(expected), len(expected))
    assert [frame.index for frame in frames] == list(range(len(expected)))
    assert facts.size == Size(*expected[0][0].shape[::-1])
    worst = max(furthest(frame, planes) for frame, planes in zip(frames, expected, strict=True))
    assert worst <= (0 if kind.exact else 1)


@pytest.mark.parametrize(
    "name", ["mp4 h264 with B-frames", "webm vp9 with hidden frames", "ts h264", "mkv hevc 10 bit"]
)
def test_threads_change_nothing(name: str, tmp_path: Path) -> None:
    path = films.made(name, tmp_path)
    alone = [digest(frame) for frame in taken(path, threads=1)[1]]
    assert len(alone) == 9
    for threads in (2, 3, 16):
        assert [digest(frame) for frame in taken(path, threads=threads)[1]] == alone


@pytest.mark.parametrize("limit", [0, 1, 4, 9, 10])
def test_a_limit_takes_the_first_frames(limit: int, tmp_path: Path) -> None:
    path = films.made("mp4 h264 with B-frames", tmp_path)
    _, frames, decoded = taken(path, limit)
    everything = taken(path)[1]
    assert decoded == len(frames) == min(limit, 9)
    assert [digest(frame) for frame in frames] == [digest(frame) for frame in everything[:limit]]


def test_the_rest_is_not_read(tmp_path: Path) -> None:
    path = films.shot(tmp_path / "long.mkv", *films.H264, "-g", "200", "-crf", "1", size="320x240", frames=100)
    with source_file.opened(path) as file, container.opened(file, threads=4) as film:
        source = container.ContainerSource(film)
        assert len(list(source.frames(5))) == 5
        assert 0 < file.tell() < path.stat().st_size // 4


def test_frames_that_are_not_wanted_are_counted_and_not_converted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = films.made("mkv hevc 10 bit", tmp_path)
    converted: list[int] = []
    convert = planes.Converter.frame

    def noted(self: planes.Converter, picture: Any, index: int) -> Frame:
        converted.append(index)
        return convert(self, picture, index)

    monkeypatch.setattr(planes.Converter, "frame", noted)
    with open_source(Job(path), threads=2) as source:
        frames = list(source.frames(8, lambda index: index % 3 == 0))
        assert source.decoded == 8
    assert [frame.index for frame in frames] == converted == [0, 3, 6]
    assert digest(frames[1]) == digest(taken(path)[1][3])


@pytest.mark.parametrize("name", ["mp4 h264 with B-frames", "mkv hevc 10 bit", "turned by 90", "mkv ffv1 gray"])
def test_planes_outlive_their_source_and_cannot_be_written(name: str, tmp_path: Path) -> None:
    path = films.made(name, tmp_path)
    kept = [digest(frame) for frame in taken(path)[1]]
    frames = taken(path)[1]
    taken(path)
    assert [digest(frame) for frame in frames] == kept
    for plane in (frames[0].y, frames[0].u, frames[0].v):
        assert plane.dtype == np.uint8
        assert not plane.flags.writeable


def test_planes_of_8_bit_4_2_0_are_not_copied(tmp_path: Path) -> None:
    frame = taken(films.made("webm vp9, odd", tmp_path))[1][0]
    assert not frame.y.flags.owndata
    assert frame.y.strides[0] > frame.y.shape[1]


def test_memory_is_given_back_without_the_garbage_collector(tmp_path: Path) -> None:
    """PyAV ties a picture to its own side data, if one looks at it."""

    def pictures() -> list[tuple[int, int]]:
        kept = [found for found in gc.get_objects() if type(found).__name__ == "VideoFrame"]
        return [(found.width, found.height) for found in kept]

    path = films.made("turned by 90", tmp_path)
    gc.collect()
    gc.disable()
    try:
        with open_source(Job(path), threads=1) as source:
            assert len(list(source.frames(9))) == 9
            assert (176, 144) in pictures()
        del source
        assert (176, 144) not in pictures()
    finally:
        gc.enable()


def facts_of(path: Path) -> Facts:
    with open_source(Job(path), threads=1) as source:
        return source.facts


def test_what_a_source_says_of_itself_is_told(tmp_path: Path) -> None:
    facts = facts_of(films.made("mp4 hevc PQ", tmp_path))
    assert facts.value == {
        "width": 176,
        "height": 144,
        "container": "mov,mp4,m4a,3gp,3g2,mj2",
        "codec": "hevc",
        "pixel_format": "yuv420p10le",
        "bits": 10,
        "transfer": "smpte2084",
        "primaries": "bt2020",
        "matrix": "bt2020nc",
        "full_range": False,
        "rotation": 0,
    }
    assert facts_of(films.made("mkv hevc HLG", tmp_path)).transfer == "arib-std-b67"
    assert facts_of(films.made("mp4 h264 full range", tmp_path)).full_range is True
    plain = facts_of(films.made("mp4 h264 with B-frames", tmp_path))
    assert (plain.transfer, plain.primaries, plain.matrix, plain.full_range) == (None, None, None, None)


@pytest.mark.parametrize(("turn", "degrees"), [("90", 270), ("180", 180), ("270", 90)])
def test_a_turned_clip_is_as_large_as_it_is_shown(turn: str, degrees: int, tmp_path: Path) -> None:
    """The command counts against the clock."""
    facts = facts_of(films.made(f"turned by {turn}", tmp_path))
    assert facts.rotation == degrees
    assert facts.size == (Size(176, 144) if degrees == 180 else Size(144, 176))


@pytest.mark.parametrize("name", ["mkv png", "mkv ffv1 gray", "avi palette"])
def test_what_was_drawn_anew_says_so(name: str, tmp_path: Path) -> None:
    facts = facts_of(films.made(name, tmp_path))
    assert facts.redrawn
    assert (facts.planes_matrix, facts.planes_full_range) == ("bt709", False)


def test_gray_that_says_that_it_is_limited_stays_as_it_is(tmp_path: Path) -> None:
    """The command would squeeze it once more: to it all gray is of full range."""
    path = films.shot(
        tmp_path / "gray.mkv", "-c:v", "libx265", "-x265-params", "log-level=none:range=limited:lossless=1", form="gray"
    )
    facts, frames, _ = taken(path)
    assert (facts.pixel_format, facts.full_range, facts.redrawn) == ("gray", False, False)
    stored = subprocess.run(
        [ffmpeg.find().executable, "-loglevel", "error", "-i", str(path), "-f", "rawvideo", "-"],
        capture_output=True,
        check=True,
    ).stdout
    assert b"".join(frame.y.tobytes() for frame in frames) == stored
    assert {int(value) for frame in frames for plane in (frame.u, frame.v) for value in np.unique(plane)} == {128}
    assert frames[0].u.shape == (72, 88)


def test_colours_have_the_names_that_ffmpeg_prints(tmp_path: Path) -> None:
    plain = films.shot(tmp_path / "plain.h264", *films.H264, frames=1, size="16x16")
    matrices = sorted(set(colour_names.MATRICES) - {0})
    for numbers in zip_longest(sorted(colour_names.PRIMARIES), sorted(colour_names.TRANSFERS), matrices, fillvalue=1):
        path = tmp_path / "named.h264"
        said = "h264_metadata=colour_primaries={}:transfer_characteristics={}:matrix_coefficients={}".format(*numbers)
        films.run("-i", str(plain), "-c", "copy", "-bsf:v", said, str(path))
        facts = facts_of(path)
        shown = subprocess.run([ffmpeg.find().executable, "-i", str(path)], capture_output=True, text=True, check=False)
        names = (facts.matrix, facts.primaries, facts.transfer)
        assert f"yuv420p(tv, {names[0] if len(set(names)) == 1 else '/'.join(map(str, names))}, prog" in shown.stderr


@pytest.mark.parametrize(
    "name",
    [
        "two\nlines.mp4",
        "-i.mp4",
        "file:clip.mp4",
        "concat:a.mp4|b.mp4",
        "clip%03d.mp4",
        "pipe:0",
        "http:clip.mp4",
        "with space 'quoted' \\ \u00e9\u00df.mp4",
        os.fsdecode(b"\xff\xfe.mp4"),
        "no ending",
        "clip.m3u8",
        "clip.yuv4",
    ],
)
def test_a_name_is_a_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = films.made("one frame", tmp_path)
    film.rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert len(taken(Path(name))[1]) == 1
    (tmp_path / "link").symlink_to(name)
    assert len(taken(tmp_path / "link")[1]) == 1


def test_titles_in_any_encoding_are_no_matter(tmp_path: Path) -> None:
    path = films.shot(tmp_path / "titled.mp4", *films.H264, "-metadata", "title=EIN-FILM", frames=1)
    data = path.read_bytes()
    assert data.count(b"EIN-FILM") == 1
    path.write_bytes(data.replace(b"EIN-FILM", b"\xff\xfeN-FILM"))
    assert len(taken(path)[1]) == 1


@pytest.mark.parametrize("size", [Size(176, 144), Size(175, 143), Size(1, 1)])
def test_raw_frames_are_taken_as_they_lie(size: Size, tmp_path: Path) -> None:
    chance = np.random.default_rng(3)

    def plane(side: Size) -> NDArray[np.uint8]:
        return chance.integers(0, 256, side[::-1], np.uint8)

    half = Size((size.width + 1) // 2, (size.height + 1) // 2)
    stored = [(plane(size), plane(half), plane(half)) for _ in range(5)]
    path = tmp_path / "clip.YUV"
    path.write_bytes(b"".join(part.tobytes() for frame in stored for part in frame))
    with open_source(Job(path, size), threads=1) as source:
        assert (source.facts.size, source.facts.container, source.expected) == (size, "raw", 5)
        frames = list(source.frames(4, lambda index: index != 1))
        assert source.decoded == 4
    assert [frame.index for frame in frames] == [0, 2, 3]
    for frame in frames:
        assert furthest(frame, stored[frame.index]) == 0
        assert not frame.y.flags.writeable


def test_what_is_expected_is_what_the_container_counts(tmp_path: Path) -> None:
    for name in ("mp4 h264 with B-frames", "mkv ffv1, odd"):
        with open_source(Job(films.made(name, tmp_path)), threads=1) as source:
            assert source.expected == 9


def test_8k_works(tmp_path: Path) -> None:
    path = films.shot(tmp_path / "8k.mp4", *films.H264, size="7680x4320", frames=1)
    facts, frames, _ = taken(path)
    assert facts.size == Size(7680, 4320)
    assert [frame.y.shape for frame in frames] == [(4320, 7680)]


def test_an_odd_angle_is_refused(tmp_path: Path) -> None:
    plain = films.shot(tmp_path / "plain.mp4", *films.H264)
    path = films.turned(plain, tmp_path / "askew", "-display_rotation", "45")
    with pytest.raises(Undecodable, match="turned by 315 degrees"):
        facts_of(path)
