"""Rows from libvmaf: what each frame of an encode is worth beside its reference."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from smokegate.errors import SmokegateError
from smokegate_runners.corpus.ffmpeg import Ffmpeg, FfmpegFailed, file_url
from smokegate_runners.corpus.reference import Reference
from smokegate_runners.corpus.settings import MODEL

SOURCES = {
    "vmaf": "vmaf",
    "adm2": "integer_adm2",
    **{f"vif_scale{scale}": f"integer_vif_scale{scale}" for scale in range(4)},
    "motion2": "integer_motion2",
}
_LOG = "vmaf.json"


class NotScored(SmokegateError):
    """An encode whose numbers would not be those of its frames."""


def score(ffmpeg: Ffmpeg, reference: Reference, encoded: Path, pixels: str, folder: Path) -> list[dict[str, float]]:
    """One mapping per frame, in order. `folder` is scratch: libvmaf takes no path with a colon in it."""
    _same_frames(ffmpeg, reference, encoded)
    inputs = ("-i", file_url(encoded), "-i", file_url(reference.path))
    try:
        ffmpeg.run((*inputs, "-filter_complex", _graph(pixels), "-f", "null", "-"), folder)
    except FfmpegFailed as failure:
        raise NotScored(f"libvmaf did not measure it: {failure.said}") from None
    return rows(json.loads((folder / _LOG).read_text("utf-8")), reference.census.frames)


def _same_frames(ffmpeg: Ffmpeg, reference: Reference, encoded: Path) -> None:
    """libvmaf stops or repeats where one side is shorter, and exits 0 either way."""
    try:
        found = ffmpeg.census(encoded)
    except FfmpegFailed as failure:
        raise NotScored(f"the encode does not decode: {failure.said}") from None
    wanted = reference.census
    if found.geometry != wanted.geometry:
        raise NotScored(f"geometry: the encode is {found.geometry}, and its reference {wanted.geometry}")
    if found.frames != wanted.frames:
        raise NotScored(f"frames: the encode has {found.frames}, and its reference {wanted.frames}")


def _graph(pixels: str) -> str:
    """Frame by frame, whatever the time stamps say."""
    aligned = f"settb=AVTB,setpts=N,format={pixels}"
    measured = f"libvmaf=model={MODEL.replace('=', chr(92) + '=')}:log_fmt=json:log_path={_LOG}:n_threads=1"
    return f"[0:v]{aligned}[d];[1:v]{aligned}[r];[d][r]{measured}:shortest=1:repeatlast=0"


def rows(log: Mapping[str, Any], frames: int) -> list[dict[str, float]]:
    logged = log.get("frames")
    if not isinstance(logged, list) or len(logged) != frames:
        count = len(logged) if isinstance(logged, list) else "no"
        raise NotScored(f"frames: libvmaf logged {count}, and the reference has {frames}")
    return [dict(_numbers(frame, index)) for index, frame in enumerate(logged)]


def _numbers(frame: Mapping[str, Any], index: int) -> Iterator[tuple[str, float]]:
    if frame.get("frameNum") != index:
        raise NotScored(f"frame {index}: libvmaf logged frame {frame.get('frameNum')} in its place")
    metrics = frame.get("metrics", {})
    for column, key in SOURCES.items():
        if key not in metrics:
            raise NotScored(f"frame {index}: this libvmaf logs no {key}; it logs {', '.join(sorted(metrics))}")
        number = metrics[key]
        if not isinstance(number, int | float) or not math.isfinite(number):
            raise NotScored(f"frame {index}: {key} is {number}, which is no finite number")
        if column == "vmaf" and not 0 <= number <= 100:
            raise NotScored(f"frame {index}: vmaf is {number}, which is not within 0 to 100")
        yield column, float(number)
