"""A clip as everything is measured against: its frames, decoded once, kept without loss as 8-bit 4:2:0."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from smokegate.errors import SmokegateError
from smokegate_runners.corpus.clips import Clip
from smokegate_runners.corpus.ffmpeg import FIRST_VIDEO, Census, Ffmpeg, FfmpegFailed, file_url
from smokegate_runners.corpus.settings import SCALER, Settings

PIXELS = "yuv420p"
# Graphs and filters on one thread; what a scaler does may hang on where its slices end.
_ONE_THREAD = ("-filter_threads", "1", "-filter_complex_threads", "1")
# A damaged frame is an error, not something to conceal; a playlist does not fetch.
_STRICT = ("-xerror", "-err_detect", "explode", "-protocol_whitelist", "file")


class ClipUnusable(SmokegateError):
    """A clip that no row can be drawn from."""


@dataclass(frozen=True, slots=True)
class Reference:
    path: Path
    census: Census


def prepare(ffmpeg: Ffmpeg, clip: Clip, settings: Settings, target: Path) -> Reference:
    filters = [f"format={PIXELS}"]
    if settings.size:
        filters.insert(0, f"scale={settings.size.width}:{settings.size.height}:flags={SCALER}")
    output = (
        *_source(clip),
        *FIRST_VIDEO,
        "-vf",
        ",".join(filters),
        *settings.limit(),
        "-c:v",
        "ffv1",
        "-threads",
        "1",
        "-f",
        "nut",
    )
    _decode(ffmpeg, clip, (*_ONE_THREAD, *output, file_url(target)))
    if clip.changed:
        raise ClipUnusable(
            f"clip {clip.name}: {clip.path} changed while the corpus was made", fix="run the same command again"
        )
    census = _counted(ffmpeg, clip, target)
    if clip.generator:
        again = target.with_name(f"again-{target.name}")
        _decode(ffmpeg, clip, (*_ONE_THREAD, *output, file_url(again)))
        _draws_the_same(clip, census, _counted(ffmpeg, clip, again))
        again.unlink()
    _fits_420(clip, census)
    return Reference(target, census)


def _source(clip: Clip) -> tuple[str, ...]:
    if clip.path is None:
        return ("-f", "lavfi", "-i", str(clip.generator))
    return (*_STRICT, "-threads", "1", "-i", file_url(clip.path))


def _decode(ffmpeg: Ffmpeg, clip: Clip, arguments: tuple[str, ...]) -> None:
    """Demuxers report a file that ends early and go on with exit 0, so what they say counts as well."""
    try:
        said = ffmpeg.run(arguments)
    except FfmpegFailed as failure:
        said = failure.said
    if not said:
        return
    if clip.path is None:
        raise ClipUnusable(f"clip {clip.name}: its generator draws nothing: {said}")
    raise ClipUnusable(
        f"clip {clip.name}: {clip.path} cannot be read to its end: {said}",
        fix="fetch or cut the clip anew, or leave it out; --frames or --seconds take its sound beginning",
    )


def _counted(ffmpeg: Ffmpeg, clip: Clip, target: Path) -> Census:
    try:
        census = ffmpeg.census(target)
    except FfmpegFailed as failure:
        raise ClipUnusable(f"clip {clip.name}: {failure.said}") from None
    if not census.frames:
        raise ClipUnusable(f"clip {clip.name}: it holds no frames")
    return census


def _draws_the_same(clip: Clip, census: Census, again: Census) -> None:
    """Or a table that was made in two goes would mix two clips under one name."""
    if census != again:
        raise ClipUnusable(
            f"clip {clip.name}: its generator draws other frames each time that it runs",
            fix="give every filter in it that draws by chance its seed, and `gradients` its points and colours too",
        )


def _fits_420(clip: Clip, census: Census) -> None:
    if census.width % 2 or census.height % 2:
        even = f"{census.width // 2 * 2}x{census.height // 2 * 2}"
        raise ClipUnusable(
            f"clip {clip.name}: it is {census.geometry}, and encoders of 4:2:0 take even sides alone",
            fix=f"--size {even} (for every clip), or `scale` it beforehand",
        )
