"""Sources that no honest row can be drawn from, and those that are meant to do harm."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest

from runners.saliency import films
from smokegate_runners.saliency.settings import Size
from smokegate_runners.saliency.video import container, source_file
from smokegate_runners.saliency.video.endings import is_cut_short
from smokegate_runners.saliency.video.facts import GeometryMissing, SourceMissing, SourceUnusable, Undecodable
from smokegate_runners.saliency.video.frames import open_source
from smokegate_runners.saliency.work import Job, Status


def count(path: Path, limit: int = 1000, threads: int = 2, raw: Size | None = None) -> int:
    with open_source(Job(path, raw), threads=threads) as source:
        return len(list(source.frames(limit)))


def refused(path: Path, kind: type[SourceUnusable] = Undecodable, threads: int = 2) -> str:
    with pytest.raises(SourceUnusable) as said:
        count(path, threads=threads)
    message = str(said.value)
    assert type(said.value) is kind
    assert message.isprintable()
    assert path.name not in message
    return message


def test_what_is_not_a_file_is_a_missing_source(tmp_path: Path) -> None:
    assert SourceMissing.status is Status.MISSING_SOURCE
    os.mkfifo(tmp_path / "pipe.mp4")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket.mp4"))
    (tmp_path / "dangling.mp4").symlink_to("gone.mp4")
    (tmp_path / "circle.mp4").symlink_to("circle.mp4")
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "link.mp4").symlink_to("folder.mp4")
    (tmp_path / "file").write_text("x")
    for name, reason in {
        "gone.mp4": "No such file",
        "dangling.mp4": "No such file",
        "circle.mp4": "symbolic links",
        "folder.mp4": "it is a directory",
        "link.mp4": "it is a directory",
        "pipe.mp4": "it is a named pipe",
        "socket.mp4": "it is a socket",
        "file/clip.mp4": "Not a directory",
        "nul\0.mp4": "no file can have this name",
        "n" * 300: "name too long",
    }.items():
        assert reason in refused(tmp_path / name, SourceMissing)
    assert refused(Path("/dev/zero"), SourceMissing) == "it is a device"


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read everything."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_file_that_may_not_be_read_is_a_missing_source(tmp_path: Path) -> None:
    path = films.made("one frame", tmp_path)
    path.chmod(0)
    with as_nobody():
        assert refused(path, SourceMissing) == "Permission denied"


def test_a_file_that_becomes_a_pipe_between_the_look_and_the_opening_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = films.made("one frame", tmp_path)
    stat = path.stat()
    path.unlink()
    os.mkfifo(path)
    monkeypatch.setattr(Path, "stat", lambda _self, **_more: stat)
    assert refused(path, SourceMissing) == "it is a named pipe"


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("empty.mp4", b"", "header is broken"),
        ("prose.mp4", b"a clip, honestly\n" * 4000, "header is broken|none of the video containers"),
        ("noise.mkv", np.random.default_rng(5).bytes(100_000), "header is broken|none of the video containers"),
        ("zeros.mp4", bytes(100_000), "header is broken|none of the video containers"),
        ("ftyp.mp4", b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41", "header is broken|no video"),
        ("empty.yuv4", b"", "header is broken"),
        ("sub.mp4", b"1\n00:00:01,000 --> 00:00:02,000\nhello\n\n" * 50, "none of the video containers"),
    ],
)
def test_what_is_no_video_is_refused(name: str, data: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    assert any(part in refused(path) for part in reason.split("|"))


def test_sound_is_no_video(tmp_path: Path) -> None:
    assert refused(films.sound(tmp_path / "sound.mp4")) == "there is no video in it"
    assert refused(films.sound(tmp_path / "sound.mkv")) == "there is no video in it"
    assert refused(films.sound_with_cover(tmp_path / "covered.mp4")) == "there is no video in it"


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 0.98])
@pytest.mark.parametrize(
    "name",
    [
        "mp4 h264 with B-frames",
        "mp4 h264, fragmented",
        "mkv hevc 10 bit",
        "webm vp9",
        "avi mjpeg",
        "flv hevc",
        "ivf vp8",
        "y4m, odd",
        "obu av1",
        "mxf",
        "wmv",
    ],
)
def test_a_clip_that_ends_early_is_refused(name: str, share: float, tmp_path: Path) -> None:
    """Most demuxers take what is left for the whole."""
    whole = films.made(name, tmp_path)
    assert count(whole) == 9
    refused(films.cut(whole, share))


@pytest.mark.parametrize(
    "name", ["faststart", "mkv hevc 10 bit", "webm vp9", "ts h264", "mp4 av1", "avi mpeg4 with B-frames"]
)
def test_the_sound_beginning_of_a_clip_may_be_taken_and_threads_do_not_decide_how_much(
    name: str, tmp_path: Path
) -> None:
    if name == "faststart":
        whole = films.shot(tmp_path / "f.mp4", *films.H264, *films.REORDERED, "-movflags", "+faststart", frames=9)
    else:
        whole = films.made(name, tmp_path)
    short = films.cut(whole, 0.7)

    def given(limit: int, threads: int) -> bool:
        try:
            return count(short, limit, threads) == limit
        except Undecodable:
            return False

    alone = [given(limit, 1) for limit in range(1, 10)]
    if whole.suffix != ".mp4" or name == "faststart":
        assert alone[0]
    assert not alone[-1]
    assert alone == sorted(alone, reverse=True)
    for threads in (2, 5):
        assert [given(limit, threads) for limit in range(1, 10)] == alone


@pytest.mark.parametrize("name", ["faststart", "avi mjpeg", "mkv hevc 10 bit", "mxf", "wmv"])
def test_a_clip_that_ends_early_between_two_frames_is_refused(name: str, tmp_path: Path) -> None:
    """Nothing that is left is damaged: only header and index know of more."""
    if name == "faststart":
        whole = films.shot(tmp_path / "f.mp4", *films.H264, "-bf", "0", "-movflags", "+faststart")
    else:
        whole = films.made(name, tmp_path)
    with av.open(str(whole)) as film:
        place = [packet.pos for packet in film.demux(video=0) if packet.size][6]
    assert place
    os.truncate(whole, place)
    refused(whole)


def test_a_lost_index_is_the_loss_of_the_clip(tmp_path: Path) -> None:
    """The index of an mp4 is at its end unless it was moved."""
    assert "header is broken" in refused(films.cut(films.made("mp4 h264 with B-frames", tmp_path), 0.9))


@pytest.mark.parametrize("name", ["mp4 h264 with B-frames", "ts h264", "mp4 av1", "mkv png", "avi mjpeg"])
def test_damage_gives_frames_of_the_right_shape_or_a_refusal_whatever_the_threads(name: str, tmp_path: Path) -> None:
    whole = films.made(name, tmp_path)
    data = whole.read_bytes()
    chance = np.random.default_rng(len(name))
    refusals = 0
    for _ in range(25):
        damaged = bytearray(data)
        for at in chance.integers(len(data) - 24, size=chance.integers(1, 4)):
            damaged[at : at + 24] = chance.bytes(24)
        path = tmp_path / f"damaged{whole.suffix}"
        path.write_bytes(damaged)
        outcomes = set()
        for threads in (1, 3):
            try:
                with open_source(Job(path), threads=threads) as source:
                    shapes = [frame.y.shape for frame in source.frames(1000)]
                    assert set(shapes) == {(source.facts.size.height, source.facts.size.width)}
                    outcomes.add(f"{len(shapes)} frames")
            except Undecodable as error:
                outcomes.add(str(error))
        assert len(outcomes) == 1
        refusals += not outcomes.pop().endswith(" frames")
    assert refusals > 3


def test_what_a_decoder_paints_over_is_no_frame(tmp_path: Path) -> None:
    """MPEG-4 does not raise all that it conceals."""
    path = films.shot(tmp_path / "c.avi", "-c:v", "mpeg4", "-q:v", "8", "-bf", "2", "-threads", "1")
    data = path.read_bytes()
    chance = np.random.default_rng(1)
    said = ""
    for at in chance.integers(len(data) // 5, len(data) * 4 // 5, size=1000):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << int(chance.integers(8))]) + data[at + 1 :])
        try:
            count(path)
        except Undecodable as error:
            said = str(error)
        if said.endswith("is damaged"):
            return
    pytest.fail("nothing was concealed")


def test_an_error_behind_a_frame_is_not_lost_when_threads_are_emptied(tmp_path: Path) -> None:
    """PyAV keeps quiet about it; only the packets that gave nothing tell."""
    path = films.shot(tmp_path / "c.mkv", "-c:v", "png", form="rgb24", frames=9)
    data = bytearray(path.read_bytes())
    starts = [at for at in range(len(data)) if data[at : at + 8] == b"\x89PNG\r\n\x1a\n"]
    data[starts[7] + 8 : starts[7] + 40] = bytes(32)
    path.write_bytes(data)
    assert count(path, limit=7, threads=8) == 7
    for threads in (1, 2, 8):
        assert "frame 7 cannot be decoded" in refused(path, threads=threads)


def test_frames_of_two_sizes_are_refused_where_the_second_comes(tmp_path: Path) -> None:
    path = films.two_sizes(tmp_path / "both.m2v")
    assert count(path, limit=4) == 4
    assert "64x96 where those before it are 96x64" in refused(path)


@pytest.mark.parametrize("size", [Size(176, 143), Size(1280, 720), Size(64, 64)])
def test_a_raw_file_that_is_no_whole_number_of_frames_is_refused(size: Size, tmp_path: Path) -> None:
    """Likelier than a broken copy is a table that is wrong: every frame would be sheared."""
    path = tmp_path / "clip.yuv"
    path.write_bytes(bytes(176 * 144 * 3 // 2 * 5))
    assert count(path, raw=Size(176, 144)) == 5
    with pytest.raises(Undecodable, match=f"not a whole number of {size} frames"):
        count(path, raw=size)


def test_raw_frames_need_a_size(tmp_path: Path) -> None:
    path = tmp_path / "clip.yuv"
    path.write_bytes(bytes(384))
    for size in (None, Size(0, 16), Size(16, -16), Size(1 << 20, 16)):
        with pytest.raises(GeometryMissing):
            count(path, raw=size)
    path.write_bytes(b"")
    with pytest.raises(Undecodable):
        count(path, raw=Size(16, 16))


def test_a_raw_file_that_shrinks_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clip.yuv"
    path.write_bytes(bytes(384 * 5))
    with open_source(Job(path, Size(16, 16)), threads=1) as source:
        frames = source.frames(5)
        next(frames)
        os.truncate(path, 384 * 2 + 10)
        next(frames)
        with pytest.raises(Undecodable, match="became shorter"):
            next(frames)


def test_what_is_appended_while_it_is_read_does_not_count(tmp_path: Path) -> None:
    path = films.made("y4m", tmp_path)
    frame = path.read_bytes()[-(6 + 176 * 144 * 3 // 2) :]
    with open_source(Job(path), threads=1) as source, path.open("ab") as growing:
        taken = 0
        for _ in source.frames(1000):
            taken += 1
            growing.write(frame * 2)
            growing.flush()
    assert taken == 9


def test_a_film_without_an_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """64 GiB of nothing after a header cost no room on a disk; a demuxer searches all of it for the next frame."""
    monkeypatch.setattr(source_file, "PATIENCE", 1 << 24)
    path = films.cut(films.made("webm vp9", tmp_path), 0.5)
    os.truncate(path, 1 << 36)
    assert refused(path) == "no frame in 16 MiB of it"


def test_a_long_film_is_not_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = films.made("y4m", tmp_path)
    monkeypatch.setattr(source_file, "PATIENCE", path.stat().st_size - 1)
    assert count(path) == 9


def test_reading_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = films.made("mp4 h264 with B-frames", tmp_path)
    raw = tmp_path / "clip.yuv"
    raw.write_bytes(bytes(38400))
    read = os.pread

    def failing(descriptor: int, wanted: int, position: int) -> bytes:
        if wanted > 20_000:
            raise OSError(5, "Input/output error")
        return read(descriptor, wanted, position)

    monkeypatch.setattr(os, "pread", failing)
    assert refused(film) == "reading it failed: Input/output error"
    with pytest.raises(Undecodable, match="reading it failed: Input/output error"):
        count(raw, raw=Size(160, 160))


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


PLAYLISTS: dict[str, str] = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{film}\n#EXT-X-ENDLIST\n",
    "hls of hosts": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{host}/a.ts\n#EXT-X-ENDLIST\n",
    "hls, encrypted": (
        '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:METHOD=AES-128,URI="{host}/key"\n#EXTINF:2,\n{film}\n'
        "#EXT-X-ENDLIST\n"
    ),
    "concat": "ffconcat version 1.0\nfile '{film}'\n",
    "concat of hosts": "ffconcat version 1.0\nfile '{host}/a.mp4'\n",
    "dash": (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT1S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period>'
        '<AdaptationSet contentType="video"><Representation id="1" bandwidth="1" width="176" height="144">'
        "<BaseURL>{film}</BaseURL></Representation></AdaptationSet></Period></MPD>"
    ),
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
    "a=rtpmap:96 H264/90000\n",
    "real": "[Reference]\nRef1={host}/a\n",
    "asx": '<asx version="3.0"><entry><ref href="{host}/a"/></entry></asx>',
    "svg": '<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
}


@pytest.mark.parametrize("name", PLAYLISTS)
@pytest.mark.parametrize("ending", ["mp4", "m3u8", "ffconcat", "mpd", "sdp"])
def test_what_names_other_files_or_hosts_is_refused_unread(
    name: str, ending: str, tmp_path: Path, server: socket.socket
) -> None:
    film = films.made("one frame", tmp_path)
    host = f"http://127.0.0.1:{server.getsockname()[1]}"
    path = tmp_path / f"list.{ending}"
    path.write_text(PLAYLISTS[name].format(film=film, host=host))
    said = refused(path)
    assert "none of the video containers" in said or "header is broken" in said
    with pytest.raises(BlockingIOError):
        server.accept()


def test_a_demuxer_that_opens_what_it_reads_of_would_open_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should one of them ever get onto the list of demuxers."""
    films.shot(tmp_path / "segment.ts", *films.H264)
    path = tmp_path / "list.mp4"
    path.write_text("ffconcat version 1.0\nfile segment.ts\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(container, "DEMUXERS", (*container.DEMUXERS, "concat"))
    refused(path)
    monkeypatch.setattr(container, "NO_PROTOCOL", "file")
    assert count(path) == 9, "the playlist is sound, and only the missing protocol kept it from being followed"


def test_an_image_pattern_finds_no_images(tmp_path: Path) -> None:
    pattern = tmp_path / "still%d.png"
    films.shot(pattern, form="rgb24", frames=3)
    assert "No such file" in refused(pattern, SourceMissing)
    pattern.write_bytes((tmp_path / "still1.png").read_bytes())
    assert "none of the video containers" in refused(pattern)


ABSURD: dict[str, Callable[[Path], Path]] = {
    "mjpeg": lambda folder: films.overwritten(
        films.shot(folder / "a.avi", "-c:v", "mjpeg", form="yuvj420p"), b"\xff\xc0\0\x11\x08", b"\xff\xff\xff\xff"
    ),
    "vp8": lambda folder: films.overwritten(
        films.shot(folder / "a.webm", "-c:v", "libvpx"), b"\x9d\x01\x2a", b"\xe0\x2e\xe0\x2e"
    ),
    "h264": lambda folder: films.sized_h264(folder / "a.h264", 1020),
    "h264 in a stream": lambda folder: films.turned(
        films.sized_h264(folder / "a.h264", 768), folder / "b", ending="ts"
    ),
    "y4m": lambda folder: _written(folder / "a.y4m", b"YUV4MPEG2 W65535 H65535 F25:1 C420jpeg\nFRAME\n" + bytes(999)),
    "y4m that would fit": lambda folder: _written(
        folder / "b.y4m", b"YUV4MPEG2 W12000 H12000 F25:1 C420jpeg\nFRAME\n" + bytes(999)
    ),
}


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_sides_past_the_limit_are_named(tmp_path: Path) -> None:
    said = refused(ABSURD["y4m that would fit"](tmp_path))
    assert said == "its frames are said to be 12000x12000, and 67,108,864 pixels is the limit"


@pytest.mark.parametrize("name", ABSURD)
def test_absurd_sides_are_refused_in_little_memory(name: str, tmp_path: Path) -> None:
    path = ABSURD[name](tmp_path)
    program = (
        "import resource, sys\nfrom pathlib import Path\n"
        "from smokegate_runners.saliency.video.facts import Undecodable\n"
        "from smokegate_runners.saliency.video.frames import open_source\n"
        "from smokegate_runners.saliency.work import Job\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\nbefore = peak()\n"
        "try:\n    with open_source(Job(Path(sys.argv[1])), threads=2) as source:\n        list(source.frames(8))\n"
        "except Undecodable:\n    print(peak() - before)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], env=environment, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 200_000


class _Held(source_file.SourceFile):
    def __init__(self, head: bytes, size: int) -> None:
        super().__init__(-1, size)
        self._head = head

    def at(self, offset: int, count: int) -> bytes:
        return self._head[offset : offset + count]


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"RIFF",
        b"RIFF\0\0\0\0AVI ",
        b"RIFF\xff\xff\xff\xffAVI ",
        b"\x1a\x45\xdf\xa3",
        b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff",
        b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x00",
        b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67",
        bytes.fromhex("060e2b34020501010d010201"),
        bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"),
    ],
)
def test_a_header_that_does_not_say_how_long_the_file_is_says_nothing(head: bytes) -> None:
    assert not is_cut_short(_Held(head, 100), "avi", (), 90)
