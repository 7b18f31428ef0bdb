"""The plain path that the materializer is held against: ffmpeg to a temporary YUV, NumPy, one frame after another.

Written as one would write it first, and sharing nothing with smokegate, so that its values are an independent check.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import onnxruntime
from numpy.typing import NDArray

Planes = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]
Mask = NDArray[np.float32]


def session(model: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def measured(
    live: Any,
    source: Path,
    width: int,
    height: int,
    *,
    max_frames: int,
    samples: int,
    aggregator: str,
    alpha: float = 0.6,
) -> tuple[float, float]:
    frames = decoded(source, width, height, max_frames)
    step = max(1, len(frames) // samples)
    chosen = [frames[at] for at in range(0, len(frames), step)][:samples]
    masks = [live.run(None, {live.get_inputs()[0].name: normalised(planes)})[0][0, 0] for planes in chosen]
    reduced = REDUCERS[aggregator](masks, [y for y, _, _ in chosen], alpha)
    return float(reduced.mean(dtype=np.float64)), float(reduced.var(dtype=np.float64))


def decoded(source: Path, width: int, height: int, limit: int) -> list[Planes]:
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / "frames.yuv"
        argv = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-i", str(source)]
        argv += ["-frames:v", str(limit), "-fps_mode", "passthrough", "-pix_fmt", "yuv420p", "-f", "rawvideo"]
        subprocess.run([*argv, str(place)], check=True)
        data = np.fromfile(place, dtype=np.uint8)
    luma, chroma = width * height, (width // 2) * (height // 2)
    return [
        (
            one[:luma].reshape(height, width),
            one[luma : luma + chroma].reshape(height // 2, width // 2),
            one[luma + chroma :].reshape(height // 2, width // 2),
        )
        for one in data.reshape(-1, luma + 2 * chroma)
    ]


def normalised(planes: Planes) -> NDArray[np.float32]:
    """BT.709, limited range, chroma nearest; ImageNet's mean and deviation."""
    y, u, v = planes
    luma = (y.astype(np.float32) - 16.0) * (255.0 / 219.0)
    blue, red = ((c.repeat(2, axis=0).repeat(2, axis=1).astype(np.float32) - 128.0) * (255.0 / 224.0) for c in (u, v))
    rgb = np.stack([luma + 1.5748 * red, luma - 0.187324 * blue - 0.468124 * red, luma + 1.8556 * blue])
    scaled = np.clip(rgb, 0.0, 255.0) / 255.0
    mean, deviation = (np.array(n, np.float32)[:, None, None] for n in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    found: NDArray[np.float32] = ((scaled - mean) / deviation)[None].astype(np.float32)
    return found


def _mean(masks: Sequence[Mask], lumas: Sequence[NDArray[np.uint8]], alpha: float) -> Any:
    return np.mean(masks, axis=0)


def _ema(masks: Sequence[Mask], lumas: Sequence[NDArray[np.uint8]], alpha: float) -> Any:
    held = masks[0]
    for mask in masks[1:]:
        held = alpha * mask + (1.0 - alpha) * held
    return held


def _largest(masks: Sequence[Mask], lumas: Sequence[NDArray[np.uint8]], alpha: float) -> Any:
    return np.max(masks, axis=0)


def _by_motion(masks: Sequence[Mask], lumas: Sequence[NDArray[np.uint8]], alpha: float) -> Any:
    weights = [1.0]
    for before, now in pairwise(lumas):
        weights.append(max(float(np.abs(now.astype(np.float32) - before.astype(np.float32)).mean()) / 255.0, 1e-6))
    return np.average(masks, axis=0, weights=weights)


REDUCERS = {"mean": _mean, "ema": _ema, "max": _largest, "motion-weighted": _by_motion}
