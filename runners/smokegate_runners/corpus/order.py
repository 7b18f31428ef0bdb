"""What is to be made: the command line's word first, then the manifest's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from smokegate.errors import UsageError
from smokegate_runners.corpus import clips, encoders, manifest, settings
from smokegate_runners.corpus.clips import Clip
from smokegate_runners.corpus.encoders import Encoder
from smokegate_runners.corpus.manifest import Manifest
from smokegate_runners.corpus.settings import Settings
from smokegate_runners.corpus.units import Unit


@dataclass(frozen=True)
class Order:
    clips: Sequence[Clip]
    encoders: Sequence[Encoder]
    levels: Sequence[int]
    settings: Settings

    def units(self, clip: Clip) -> list[Unit]:
        return [Unit(clip, encoder, cq) for encoder in self.encoders for cq in self.levels]

    @property
    def size(self) -> int:
        return len(self.clips) * len(self.encoders) * len(self.levels)


@dataclass(frozen=True, slots=True)
class Asked:
    """As it stands on the command line."""

    paths: Sequence[Path] = ()
    manifest: Path | None = None
    encoders: str | None = None
    cq: str | None = None
    frames: int | None = None
    seconds: float | None = None
    size: str | None = None


def settle(asked: Asked) -> Order:
    listed = manifest.read(asked.manifest) if asked.manifest else None
    names = (listed and listed.encoders) or [] if asked.encoders is None else asked.encoders.split(",")
    levels = (listed and listed.cq) or [] if asked.cq is None else _levels(asked.cq)
    chosen = clips.checked([*_listed(listed, asked), *(clips.from_file(path) for path in asked.paths)])
    how = _settings(asked, listed)
    _bounded(chosen, how)
    return Order(chosen, encoders.named(names, levels), levels, how)


def _listed(listed: Manifest | None, asked: Asked) -> list[Clip]:
    return manifest.clips(listed, asked.manifest.parent) if listed and asked.manifest else []


def _settings(asked: Asked, listed: Manifest | None) -> Settings:
    """Frames and seconds say the same thing, so that either on the command line puts aside both of the manifest."""
    frames, seconds = asked.frames, asked.seconds
    if frames is None and seconds is None and listed:
        frames, seconds = listed.frames, listed.seconds
    if frames is not None and seconds is not None:
        raise UsageError("frames and seconds both say how much of a clip is taken: leave one of them out")
    size = asked.size or (listed and listed.size)
    return Settings(frames, seconds, settings.size(size) if size else None)


def _bounded(chosen: Sequence[Clip], how: Settings) -> None:
    endless = [clip.name for clip in chosen if clip.generator]
    if endless and how.frames is None and how.seconds is None:
        raise UsageError(f"clip {endless[0]}: a generator draws frames without end", fix="--frames 48")


def _levels(text: str) -> list[int]:
    try:
        return [int(level) for level in text.split(",")]
    except ValueError:
        raise UsageError(f"--cq takes whole numbers between commas, and not {text!r}", fix="--cq 22,28,34,40") from None
