"""A source goes in, and what comes out is what NumPy makes of the frames that the ffmpeg command decodes."""

from __future__ import annotations

import gc
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
import onnxruntime
import pytest

from runners.saliency import by_numpy, films, networks
from smokegate.errors import UsageError
from smokegate_runners.saliency import worker
from smokegate_runners.saliency.network import model
from smokegate_runners.saliency.settings import Aggregator, Color, Settings, Size
from smokegate_runners.saliency.video.facts import Facts, Frame, Source, Undecodable, always
from smokegate_runners.saliency.video.frames import open_source
from smokegate_runners.saliency.work import Job, Outcome, Status

CLOSE = 1e-5
ONE_CODE_VALUE = 2e-3
"""What other rounding of a frame's values may come to, and the bound that values are held to."""


@pytest.fixture
def student(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    return networks.written(folder, networks.unet())


def expected(
    student: Path, frames: list[films.Planes], settings: Settings, matrix: str = "bt709", *, full: bool = False
) -> tuple[float, float]:
    live = onnxruntime.InferenceSession(str(student), providers=["CPUExecutionProvider"])
    decoded = frames[: settings.max_frames]
    shown = [decoded[at] for at in by_numpy.chosen(len(decoded), settings.frame_samples)]
    masks = []
    for y, u, v in shown:
        fed = by_numpy.fed(by_numpy.rgb(y, u, v, matrix, full=full), 8)
        masks.append(live.run(None, {networks.FEED: fed})[0][0, 0, : y.shape[0], : y.shape[1]])
    mask = by_numpy.reduced(settings.aggregator, masks, [y for y, _, _ in shown], settings.ema_alpha)
    return float(mask.mean()), float(mask.var())


def numbers(outcome: Outcome) -> tuple[float, float]:
    assert outcome.status is Status.OK, outcome.detail
    assert outcome.mean is not None
    assert outcome.var is not None
    return outcome.mean, outcome.var


def raw(path: Path, frames: list[films.Planes]) -> Path:
    path.write_bytes(b"".join(plane.tobytes() for frame in frames for plane in frame))
    return path


CONTAINERS = (
    "mp4 h264 with B-frames",
    "mkv hevc 10 bit",
    "webm vp9",
    "webm vp9, odd",
    "y4m",
    "mp4 hevc PQ",
    "mp4 h264 4:2:2",
    "irregular times",
    "turned by 90",
    "turned by 180, odd",
    "one frame",
    "16x16",
)


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_and_reducer_equals_numpy(name: str, tmp_path: Path, student: Path) -> None:
    clip = films.made(name, tmp_path)
    kind, frames = films.KINDS[name], films.reference(clip)
    for aggregator in Aggregator:
        for samples in (8, 3):
            settings = Settings(frame_samples=samples, aggregator=aggregator)
            outcome = worker.factory(student, settings, threads=2)()(Job(clip))
            apart = CLOSE if kind.exact else ONE_CODE_VALUE
            assert numbers(outcome) == pytest.approx(expected(student, frames, settings), abs=apart, rel=0)
            assert outcome.facts["frames_decoded"] == min(len(frames), 8)


def test_headerless_frames_equal_numpy(tmp_path: Path, student: Path) -> None:
    frames = films.reference(films.made("webm vp9, odd", tmp_path))
    clip = raw(tmp_path / "clip.yuv", frames)
    settings = Settings(aggregator=Aggregator.MOTION_WEIGHTED)
    outcome = worker.factory(student, settings)()(Job(clip, Size(175, 143)))
    assert numbers(outcome) == pytest.approx(expected(student, frames, settings), abs=CLOSE, rel=0)


def test_colours_are_taken_as_they_are_named(tmp_path: Path, student: Path) -> None:
    clip = films.made("mp4 h264 full range", tmp_path)
    frames = films.reference(clip, "-vf", "scale=in_range=full:out_range=full")
    seen = {}
    for color, (matrix, full) in {
        Color.BT709: ("bt709", False),
        Color.BT709_FULL: ("bt709", True),
        Color.BT601_FULL: ("bt601", True),
        Color.CONTAINER: ("bt709", True),
    }.items():
        settings = Settings(color=color)
        seen[color] = numbers(worker.factory(student, settings)()(Job(clip)))
        plain = expected(student, frames, settings, matrix, full=full)
        assert seen[color] == pytest.approx(plain, abs=CLOSE, rel=0)
    assert seen[Color.CONTAINER] == seen[Color.BT709_FULL] != seen[Color.BT709]


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
@pytest.mark.parametrize(
    ("frames", "settings"),
    [
        (40, Settings(64, 8)),
        (40, Settings(32, 8, Aggregator.EMA)),
        (41, Settings(41, 4, Aggregator.MOTION_WEIGHTED)),
        (7, Settings(64, 8, Aggregator.MAX)),
        (20, Settings(64, 1)),
    ],
)
def test_samples_are_spread_over_what_there_is(
    ending: str, frames: int, settings: Settings, tmp_path: Path, student: Path
) -> None:
    clip = films.shot(tmp_path / f"clip.{ending}", *films.H264, frames=frames)
    outcome = worker.factory(student, settings, threads=2)()(Job(clip))
    total = min(frames, settings.max_frames)
    assert outcome.facts["frames_decoded"] == total
    assert outcome.facts["frames_sampled"] == len(by_numpy.chosen(total, settings.frame_samples))
    assert numbers(outcome) == pytest.approx(expected(student, films.reference(clip), settings), abs=CLOSE, rel=0)


# -- guesses ---------------------------------------------------------------------------------------------------------


class Posing:
    """A source that expects another number of frames than there are."""

    def __init__(self, source: Source, expected: int | None) -> None:
        self._source, self.expected, self.facts = source, expected, source.facts

    @property
    def decoded(self) -> int:
        return self._source.decoded

    def frames(self, limit: int, wanted: Callable[[int], bool] = always) -> Iterator[Frame]:
        return self._source.frames(limit, wanted)


@pytest.mark.parametrize(("said", "passes"), [(None, 2), (1, 2), (30, 1), (31, 1), (39, 2), (10_000, 2)])
def test_a_wrong_guess_costs_a_second_pass_and_changes_nothing(
    said: int | None, passes: int, tmp_path: Path, student: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = films.shot(tmp_path / "clip.mp4", *films.H264, frames=30)
    settings = Settings(64, 8, Aggregator.MOTION_WEIGHTED)
    opened = []

    @contextmanager
    def posing(job: Job, *, threads: int) -> Iterator[Posing]:
        with open_source(job, threads=threads) as source:
            opened.append(job)
            yield Posing(source, said)

    monkeypatch.setattr(worker, "open_source", posing)
    outcome = worker.factory(student, settings)()(Job(clip))
    assert len(opened) == passes
    assert numbers(outcome) == pytest.approx(expected(student, films.reference(clip), settings), abs=CLOSE, rel=0)


def test_a_source_that_is_another_each_time_fails(
    tmp_path: Path, student: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths = iter([30, 20])

    @contextmanager
    def growing(job: Job, *, threads: int) -> Iterator[Posing]:
        clip = films.shot(tmp_path / "clip.mkv", *films.H264, frames=next(lengths))
        with open_source(Job(clip), threads=threads) as source:
            yield Posing(source, None)

    monkeypatch.setattr(worker, "open_source", growing)
    outcome = worker.factory(student, Settings(64, 8))()(Job(tmp_path / "clip.mkv"))
    assert outcome.status is Status.DECODE_FAILED
    assert outcome.mean is outcome.var is None


# -- the same whatever works at it -----------------------------------------------------------------------------------


@pytest.mark.parametrize("aggregator", list(Aggregator))
def test_values_do_not_hang_on_threads_or_on_what_was_worked_before(
    aggregator: Aggregator, tmp_path: Path, student: Path
) -> None:
    clip = films.made("mp4 h264 with B-frames", tmp_path)
    other = films.made("16x16", tmp_path)
    settings = Settings(aggregator=aggregator)
    seen = set()
    for threads in (1, 2, 3, 7):
        ours = worker.factory(student, settings, threads=threads)()
        for job in (Job(clip), Job(other), Job(clip)):
            outcome = ours(job)
            if job.path == clip:
                seen.add((*numbers(outcome), tuple(outcome.facts.items())))
    assert len(seen) == 1


@pytest.mark.parametrize("pixels_at_once", [0, 1 << 30])
def test_values_do_not_hang_on_lanes(
    pixels_at_once: int, tmp_path: Path, student: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = films.made("webm vp9, odd", tmp_path)
    usual = numbers(worker.factory(student, Settings(), threads=4)()(Job(clip)))
    monkeypatch.setattr(worker, "_PIXELS_AT_ONCE", pixels_at_once)
    assert numbers(worker.factory(student, Settings(), threads=4)()(Job(clip))) == usual


_ELSEWHERE = """
import pickle, sys
made, job = pickle.load(sys.stdin.buffer)
sys.stdout.buffer.write(pickle.dumps(made()(job)))
"""


def test_the_factory_goes_to_another_process(tmp_path: Path, student: Path) -> None:
    clip = films.made("16x16", tmp_path)
    made = worker.factory(student, Settings(), threads=1, known=model.describe(student))
    (tmp_path / "factory").write_bytes(pickle.dumps((made, Job(clip))))
    done = subprocess.run(
        [sys.executable, "-c", _ELSEWHERE], input=(tmp_path / "factory").read_bytes(), capture_output=True, check=True
    )
    assert pickle.loads(done.stdout) == made()(Job(clip))  # noqa: S301 - our own answer
    assert done.stderr == b""


def test_a_worker_does_not_take_other_bytes_than_were_described(student: Path) -> None:
    made = worker.factory(student, Settings(), known=model.describe(student))
    student.write_bytes(networks.unet(seed=5))
    with pytest.raises(UsageError, match="not what it was"):
        made()


# -- sources that are no use -----------------------------------------------------------------------------------------


def text(folder: Path) -> Job:
    (folder / "text.mp4").write_text("no film\n" * 100, encoding="ascii")
    return Job(folder / "text.mp4")


def empty(folder: Path) -> Job:
    (folder / "empty.mp4").write_bytes(b"")
    return Job(folder / "empty.mp4")


BAD: dict[str, tuple[Callable[[Path], Job], Status]] = {
    "truncated": (
        lambda folder: Job(films.cut(films.made("mp4 h264 with B-frames", folder), 0.6)),
        Status.DECODE_FAILED,
    ),
    "text": (text, Status.DECODE_FAILED),
    "empty": (empty, Status.DECODE_FAILED),
    "sound": (lambda folder: Job(films.sound(folder / "sound.mp4")), Status.DECODE_FAILED),
    "not there": (lambda folder: Job(folder / "gone.mp4"), Status.MISSING_SOURCE),
    "a directory": (Job, Status.MISSING_SOURCE),
    "raw without a size": (lambda folder: Job(raw(folder / "clip.yuv", [])), Status.MISSING_GEOMETRY),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_with_a_source_is_its_outcome(name: str, tmp_path: Path, student: Path) -> None:
    make, status = BAD[name]
    ours = worker.factory(student, Settings(), threads=2)()
    outcome = ours(make(tmp_path))
    assert (outcome.status, outcome.mean, outcome.var) == (status, None, None)
    assert outcome.detail
    assert outcome.detail.isprintable()
    assert ours(Job(films.made("16x16", tmp_path))).status is Status.OK


def test_a_path_with_a_newline(tmp_path: Path, student: Path) -> None:
    clip = films.made("16x16", tmp_path)
    strange = clip.rename(tmp_path / "two\nlines.mp4")
    assert worker.factory(student, Settings())()(Job(strange)).status is Status.OK


# -- models that are no use ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [networks.root(), networks.one_height(), networks.brightness(gain=3e38)])
def test_a_model_that_fails_on_frames_is_the_outcome(data: bytes, tmp_path: Path) -> None:
    clip = films.made("mp4 h264 with B-frames", tmp_path)
    outcome = worker.factory(networks.written(tmp_path, data), Settings(), threads=2)()(Job(clip))
    assert (outcome.status, outcome.mean, outcome.var) == (Status.MODEL_FAILED, None, None)
    assert outcome.detail
    assert outcome.detail.isprintable()


def test_a_frame_for_which_there_is_no_memory_is_the_outcome(
    tmp_path: Path, student: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = worker.factory(student, Settings(), threads=2)()

    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(model.SaliencyModel, "_room", full)
    outcome = ours(Job(films.made("16x16", tmp_path)))
    assert outcome.status is Status.MODEL_FAILED
    assert "memory" in str(outcome.detail)


def test_values_outside_are_counted_over_all_samples(tmp_path: Path) -> None:
    clip = films.made("mp4 h264 with B-frames", tmp_path)
    place = networks.written(tmp_path, networks.brightness(gain=0.0, offset=2.0))
    outcome = worker.factory(place, Settings())()(Job(clip))
    assert numbers(outcome) == (1.0, 0.0)
    assert outcome.facts["values_clipped"] == 8 * 176 * 144


# -- what is held ----------------------------------------------------------------------------------------------------


class Endless:
    """Frames without end, of which those that are alive are counted."""

    expected = None

    def __init__(self) -> None:
        self.facts = Facts(Size(64, 48), "raw", "rawvideo", "yuv420p", 8)
        self.decoded = 0
        self.alive = self.most = 0
        self._counting = threading.Lock()

    def frames(self, limit: int, wanted: Callable[[int], bool] = always) -> Iterator[Frame]:
        for index in range(limit):
            self.decoded += 1
            if wanted(index):
                yield self._frame(index)

    def _frame(self, index: int) -> Frame:
        luma = _Counted((48, 64), np.uint8)
        luma.owner = self
        self._count(1)
        half = np.full((24, 32), 128, np.uint8)
        return Frame(index, luma, half, half)

    def _count(self, change: int) -> None:
        with self._counting:
            self.alive += change
            self.most = max(self.most, self.alive)


class _Counted(np.ndarray[Any, Any]):
    owner: Endless | None = None

    def __del__(self) -> None:
        if self.owner is not None:
            self.owner._count(-1)


@pytest.mark.parametrize("aggregator", [Aggregator.MEAN, Aggregator.MOTION_WEIGHTED])
def test_few_frames_are_held_however_many_are_decoded(
    aggregator: Aggregator, student: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Endless()

    @contextmanager
    def opened(_job: Job, *, threads: int) -> Iterator[Endless]:
        yield source

    monkeypatch.setattr(worker, "open_source", opened)
    outcome = worker.factory(student, Settings(200, 200, aggregator), threads=2)()(Job(Path("endless")))
    assert outcome.facts["frames_sampled"] == 200
    assert source.most <= 2 + 2 + 3


def test_an_error_half_way_leaves_nothing_running(student: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Endless()
    whole = source.frames

    def breaking(limit: int, wanted: Callable[[int], bool] = always) -> Iterator[Frame]:
        yield from whole(5, wanted)
        raise Undecodable("frame 5 is damaged")

    source.frames = breaking  # type: ignore[method-assign]

    @contextmanager
    def opened(_job: Job, *, threads: int) -> Iterator[Endless]:
        yield source

    monkeypatch.setattr(worker, "open_source", opened)
    outcome = worker.factory(student, Settings(), threads=2)()(Job(Path("endless")))
    assert (outcome.status, outcome.detail) == (Status.DECODE_FAILED, "frame 5 is damaged")
    assert source.alive == 0


def test_decoded_frames_are_given_back_after_each_source(tmp_path: Path, student: Path) -> None:
    """PyAV ties a frame to its side data in a ring, which the collector would find whenever it comes by."""
    clip = films.made("mp4 h264 with B-frames", tmp_path)
    ours = worker.factory(student, Settings(), threads=1)()
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            assert ours(Job(clip)).status is Status.OK
        alive = sum(isinstance(thing, av.VideoFrame) for thing in gc.get_objects())
    finally:
        gc.enable()
    assert alive == 0


_EIGHT_K = """
import resource, sys
from pathlib import Path
from smokegate_runners.saliency import worker
from smokegate_runners.saliency.settings import Aggregator, Settings, Size
from smokegate_runners.saliency.work import Job
ours = worker.factory(Path(sys.argv[1]), Settings(64, 8, Aggregator.MOTION_WEIGHTED), threads=2)()
outcome = ours(Job(Path(sys.argv[2]), Size(7680, 4320)))
print(outcome.status, outcome.facts["frames_decoded"], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_64_frames_of_8k_fit_into_a_gigabyte_and_a_half(tmp_path: Path) -> None:
    """What the model itself holds is its own: this one holds little."""
    place = networks.written(tmp_path, networks.brightness())
    clip = tmp_path / "clip.yuv"
    with clip.open("wb") as stream:
        stream.truncate(64 * 7680 * 4320 * 3 // 2)
    done = subprocess.run(
        [sys.executable, "-c", _EIGHT_K, str(place), str(clip)], capture_output=True, text=True, check=True
    )
    status, decoded, mebibytes = done.stdout.split()
    assert (status, decoded) == ("ok", "64")
    assert int(mebibytes) < 1536
