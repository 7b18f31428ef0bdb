"""The materializer on one source: ours, ONNX Runtime alone, and the plain path, side by side in one run.

python bench/saliency.py [--runs N] [--decoder transposed|resized]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import plain_saliency
from results import Row

from smokegate_runners.saliency import cores, reduce, worker
from smokegate_runners.saliency.network import model, pixels
from smokegate_runners.saliency.network.model import SaliencyModel
from smokegate_runners.saliency.settings import Aggregator, Settings, Size
from smokegate_runners.saliency.students import export, network
from smokegate_runners.saliency.students.recipe import Decoder, Recipe
from smokegate_runners.saliency.video.facts import Frame
from smokegate_runners.saliency.work import Job, Status

RATES = (4, 28)
"""Mbit/s."""
SIZE, FRAMES, SAMPLES, FPS = Size(1280, 720), 64, 8, 25
MOST, APART = 1.1, 2e-3
_RATE_OFF = 0.15
_TEXTURE = 4


@dataclass(frozen=True, slots=True)
class Spent:
    seconds: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Round:
    ours: Spent
    alone: Spent
    """ONNX Runtime on frames that are ready, one after another, as it comes."""
    one_thread: Spent
    """The same on one thread: what inference costs without waiting for threads."""
    decode: Spent
    plain: Spent

    @property
    def bound(self) -> float:
        return max(self.alone.seconds, (self.one_thread.cpu + self.decode.cpu) / cores.usable())


def figures(scratch: Path, runs: int, decoder: Decoder = Decoder.RESIZED) -> list[Row]:
    network_file = scratch / "student.onnx"
    network_file.write_bytes(_student(decoder))
    rows = _stages(network_file)
    for rate in RATES:
        clip = scratch / f"{rate}.mp4"
        reached = film(clip, rate)
        rounds = list(_rounds(network_file, clip, runs))
        rows += _rows(f"720p at {reached:.0f} Mbit/s, 64 decoded, 8 sampled", rounds)
        rows.append(
            _values(network_file, clip, f"values at {reached:.0f} Mbit/s, four reducers, from the plain path's")
        )
    return rows


def _student(decoder: Decoder) -> bytes:
    """The architecture of the embedded students, with weights that it was born with."""
    random, recipe = np.random.default_rng(0), Recipe()
    layers = {
        name: (
            random.normal(0, (2 / np.prod(shape[:3])) ** 0.5, shape).astype(np.float32),
            np.zeros(shape[3], np.float32),
        )
        for name, shape in network.shapes(recipe, decoder).items()
    }
    return export.graph(layers, recipe, decoder, "bench")


def film(place: Path, rate: int) -> float:
    """A texture that moves under grain: as many bits as are asked for go into it. The rate that was reached."""
    random = np.random.default_rng(rate)
    shape = (SIZE.height // _TEXTURE, 2 * SIZE.width // _TEXTURE)
    texture = np.kron(random.normal(128, 30, shape), np.ones((_TEXTURE, _TEXTURE)))
    grain = [random.normal(0, rate / 2, (SIZE.height, SIZE.width)) for _ in range(7)]
    with av.open(str(place), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = SIZE.width, SIZE.height, "yuv420p"
        stream.bit_rate = rate * 1_000_000
        stream.options = {"preset": "veryfast", "maxrate": f"{rate}M", "bufsize": f"{rate // 2}M"}
        for at in range(FRAMES):
            luma = (texture[:, 8 * at : 8 * at + SIZE.width] + grain[at % len(grain)]).clip(16, 235).astype(np.uint8)
            chroma = np.full((SIZE.height // 2, SIZE.width), 120 + at % 16, np.uint8)
            picture = av.VideoFrame.from_ndarray(np.concatenate([luma, chroma]), format="yuv420p")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    reached = place.stat().st_size * 8 * FPS / FRAMES / 1e6
    if abs(reached - rate) > _RATE_OFF * rate:
        raise RuntimeError(f"the clip came out at {reached:.1f} Mbit/s, and {rate} was asked for")
    return reached


def _rounds(network_file: Path, clip: Path, runs: int) -> Iterator[Round]:
    known = model.describe(network_file)
    ours = worker.factory(network_file, Settings(FRAMES, SAMPLES), provider="cpu", known=known)()
    usual, single = plain_saliency.session(network_file), _one_thread(network_file)
    ready = [
        plain_saliency.normalised(planes)
        for planes in plain_saliency.decoded(clip, *SIZE, FRAMES)[:: FRAMES // SAMPLES]
    ]

    def plain() -> object:
        return plain_saliency.measured(usual, clip, *SIZE, max_frames=FRAMES, samples=SAMPLES, aggregator="mean")

    works: tuple[Callable[[], object], ...] = (
        lambda: _sound(ours, clip),
        lambda: [usual.run(None, {known.input: one}) for one in ready],
        lambda: [single.run(None, {known.input: one}) for one in ready],
        lambda: _decode(clip),
        plain,
    )
    for work in works:
        work()
    for _ in range(runs):
        yield Round(*map(_spent, works))


def _sound(ours: worker.SaliencyWorker, clip: Path) -> tuple[float, float]:
    outcome = ours(Job(clip))
    if outcome.status is not Status.OK or outcome.mean is None or outcome.var is None:
        raise RuntimeError(f"{clip.name}: {outcome.status}, {outcome.detail}")
    return outcome.mean, outcome.var


def _one_thread(network_file: Path) -> Any:
    import onnxruntime  # noqa: PLC0415

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    return onnxruntime.InferenceSession(str(network_file), options, providers=["CPUExecutionProvider"])


def _decode(clip: Path) -> int:
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_type, stream.codec_context.thread_count = "FRAME", cores.usable()
        return sum(1 for _ in container.decode(stream))


def _spent(work: Callable[[], object]) -> Spent:
    start, cpu = time.perf_counter(), time.process_time()
    work()
    return Spent(time.perf_counter() - start, time.process_time() - cpu)


def _rows(what: str, rounds: list[Round]) -> list[Row]:
    def median(of: Callable[[Round], float]) -> float:
        return statistics.median(map(of, rounds))

    ratio, against_plain = (
        median(lambda r: r.ours.seconds / r.bound),
        median(lambda r: r.plain.seconds / r.ours.seconds),
    )
    alone = (
        f"{median(lambda r: r.alone.seconds):.3f} s, on one thread {median(lambda r: r.one_thread.cpu):.3f} s of CPU"
    )
    overhead = median(lambda r: r.ours.cpu / (r.one_thread.cpu + r.decode.cpu))
    return [
        Row(what, f"{median(lambda r: r.ours.seconds):.3f} s (n={len(rounds)})"),
        Row("its eight inferences alone, ONNX Runtime as it comes", alone),
        Row("its decoding alone", f"{median(lambda r: r.decode.cpu):.3f} s of CPU"),
        Row(
            "ours against the larger of inference, and all work over the cores",
            f"{ratio:.2f}x",
            f"<= {MOST}x",
            ratio <= MOST,
        ),
        Row("CPU time of ours against that of inference and decoding", f"{overhead:.2f}x"),
        Row("the plain path against ours", f"{against_plain:.2f}x", "> 1x", against_plain > 1.0),
    ]


def _values(network_file: Path, clip: Path, what: str) -> Row:
    live, known = plain_saliency.session(network_file), model.describe(network_file)
    worst = 0.0
    for aggregator in Aggregator:
        settings = Settings(FRAMES, SAMPLES, aggregator)
        ours = _sound(worker.factory(network_file, settings, provider="cpu", known=known)(), clip)
        plain = plain_saliency.measured(
            live, clip, *SIZE, max_frames=FRAMES, samples=SAMPLES, aggregator=aggregator, alpha=settings.ema_alpha
        )
        worst = max(worst, *(abs(one - other) for one, other in zip(ours, plain, strict=True)))
    return Row(what, f"{worst:.1e} apart at most", f"<= {APART:g}", worst <= APART)


def _stages(network_file: Path) -> list[Row]:
    """What each step costs for one 720p frame, on one thread."""
    random = np.random.default_rng(0)
    half = Size(SIZE.width // 2, SIZE.height // 2)
    y, u, v = (random.integers(16, 236, (size.height, size.width), np.uint8) for size in (SIZE, half, half))
    frame = Frame(0, y, u, v)
    room = np.empty((1, 3, SIZE.height, SIZE.width), dtype=np.float32)
    live = SaliencyModel(network_file, provider="cpu", threads=1)
    mask = live.mask(frame)
    running = reduce.reducer(Settings())
    steps: dict[str, Callable[[], object]] = {
        "planes to normalised RGB": lambda: pixels.from_planes(frame, pixels.BT709, room),
        "the same, plain NumPy": lambda: plain_saliency.normalised((y, u, v)),
        "conversion, inference, checks": lambda: live.mask(frame),
        "reducing (mean)": lambda: running.add(mask, y),
    }
    return [
        Row(f"one 720p frame: {name}", f"{1e3 * min(_spent(work).cpu for _ in range(7)):.1f} ms of CPU")
        for name, work in steps.items()
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--decoder", type=Decoder, choices=list(Decoder), default=Decoder.RESIZED)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="smokegate-bench-") as scratch:
        found = figures(Path(scratch), options.runs, options.decoder)
    for row in found:
        print(f"{row.what:<80} {row.measured:<45} {row.bound}")
    return 1 if any(row.met is False for row in found) else 0


if __name__ == "__main__":
    sys.exit(main())
