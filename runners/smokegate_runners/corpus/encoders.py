"""The encoders that a corpus may hold, and how each is asked for one quality level.

Software encoders run on one thread: x265, SVT-AV1 and libvpx write other bytes on more. Presets are part of what
the rows mean, and of the key under which they are kept.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from smokegate.errors import UsageError
from smokegate_runners.corpus.ffmpeg import Ffmpeg, FfmpegFailed

CQ = "{cq}"


@dataclass(frozen=True, slots=True)
class Encoder:
    name: str
    lowest: int
    highest: int
    options: tuple[str, ...]
    pixels: str = "yuv420p"
    """What it is given, and what both sides are measured in."""
    hardware: bool = False

    def arguments(self, cq: int) -> tuple[str, ...]:
        options = (option.replace(CQ, str(cq)) for option in self.options)
        return ("-c:v", self.name, "-pix_fmt", self.pixels, *options)


def _nvenc(codec: str) -> Encoder:
    options = ("-preset", "p4", "-rc", "vbr", "-cq", CQ, "-b:v", "0")
    return Encoder(f"{codec}_nvenc", 1, 51, options, hardware=True)


def _qsv(codec: str) -> Encoder:
    return Encoder(f"{codec}_qsv", 1, 51, ("-preset", "medium", "-global_quality", CQ), "nv12", hardware=True)


_ALL = (
    Encoder("libx264", 0, 51, ("-preset", "medium", "-crf", CQ, "-threads", "1")),
    Encoder(
        "libx265", 0, 51,
        ("-preset", "medium", "-crf", CQ, "-x265-params", "pools=none:frame-threads=1:log-level=error"),
    ),
    Encoder("libsvtav1", 1, 63, ("-preset", "8", "-crf", CQ, "-svtav1-params", "lp=1")),
    Encoder(
        "libvpx-vp9", 0, 63,
        ("-deadline", "good", "-cpu-used", "4", "-crf", CQ, "-b:v", "0", "-threads", "1", "-row-mt", "0"),
    ),
    Encoder("libvvenc", 0, 63, ("-preset", "faster", "-qp", CQ, "-threads", "1"), "yuv420p10le"),
    *(_nvenc(codec) for codec in ("h264", "hevc", "av1")),
    *(_qsv(codec) for codec in ("h264", "hevc", "av1")),
)  # fmt: skip
ENCODERS = {encoder.name: encoder for encoder in _ALL}


def named(names: Sequence[str], levels: Sequence[int]) -> tuple[Encoder, ...]:
    """Encoders by name, once every one of them is known and takes every level."""
    for what, given in (("encoder", names), ("cq", levels)):
        if not given:
            raise UsageError(f"no {what} to run", fix="--encoders libx264,libx265 --cq 22,28,34,40")
        if len(set(given)) < len(given):
            raise UsageError(f"an {what} is named twice" if what == "encoder" else "a cq is named twice")
    if unknown := [name for name in names if name not in ENCODERS]:
        raise UsageError(f"no encoder {unknown[0]!r} is known here; there are {', '.join(ENCODERS)}")
    chosen = tuple(ENCODERS[name] for name in names)
    for encoder in chosen:
        for level in levels:
            if not encoder.lowest <= level <= encoder.highest:
                raise UsageError(f"{encoder.name} takes a cq of {encoder.lowest} to {encoder.highest}, and not {level}")
    return chosen


def require(ffmpeg: Ffmpeg, encoders: Sequence[Encoder]) -> None:
    """Everything that is asked for runs here, said before hours of work rather than after."""
    if "libvmaf" not in ffmpeg.filters:
        raise UsageError(
            f"{ffmpeg.executable} has no libvmaf filter ({ffmpeg.version})",
            fix="python -m pip install 'imageio-ffmpeg>=0.6' and unset IMAGEIO_FFMPEG_EXE",
        )
    for encoder in encoders:
        if encoder.name not in ffmpeg.encoders:
            raise UsageError(
                f"{ffmpeg.executable} has no encoder {encoder.name} ({ffmpeg.version}); of those that a corpus may "
                f"hold it has {', '.join(sorted(ffmpeg.encoders & ENCODERS.keys())) or 'none'}"
            )
        if encoder.hardware:
            _try_out(ffmpeg, encoder)


def _try_out(ffmpeg: Ffmpeg, encoder: Encoder) -> None:
    """ffmpeg lists hardware encoders on machines that have none."""
    source = ("-f", "lavfi", "-i", "testsrc2=size=320x192:rate=24", "-frames:v", "4")
    with tempfile.TemporaryDirectory() as folder:
        target = str(Path(folder, "trial.mkv"))
        try:
            ffmpeg.run((*source, *encoder.arguments((encoder.lowest + encoder.highest) // 2), target))
        except FfmpegFailed as failure:
            raise UsageError(
                f"{encoder.name} is in this ffmpeg and does not run on this machine: {failure.said}",
                fix=f"leave {encoder.name} out of --encoders, or run where its hardware and driver are",
            ) from None
