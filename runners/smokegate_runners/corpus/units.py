"""Finished work, kept per (clip, encoder, cq): a key of all that the numbers hang on, the record written last."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smokegate.errors import UsageError
from smokegate_runners.corpus.clips import Clip
from smokegate_runners.corpus.encoders import Encoder
from smokegate_runners.corpus.score import SOURCES
from smokegate_runners.corpus.settings import Settings

Row = dict[str, Any]
_RECIPE = 1
"""To be raised whenever the same key would come to stand for other numbers."""


@dataclass(frozen=True, slots=True)
class Unit:
    clip: Clip
    encoder: Encoder
    cq: int

    def __str__(self) -> str:
        return f"{self.clip.name} {self.encoder.name} cq {self.cq}"

    def key(self, settings: Settings, ffmpeg_version: str) -> str:
        hangs_on = {
            "recipe": _RECIPE,
            "clip": self.clip.identity(),
            "encoder": self.encoder.arguments(self.cq),
            "cq": self.cq,
            "settings": settings.key(),
            "ffmpeg": ffmpeg_version,
        }
        return hashlib.sha256(json.dumps(hangs_on, sort_keys=True).encode()).hexdigest()

    def rows(self, scores: Sequence[dict[str, float]]) -> list[Row]:
        named = {"src": self.clip.name, "encoder": self.encoder.name, "cq": self.cq}
        return [{**named, "frame_index": index, **scored} for index, scored in enumerate(scores)]


@dataclass(frozen=True)
class Shelf:
    """The working folder."""

    folder: Path

    @property
    def scratch(self) -> Path:
        return self.folder / "scratch"

    @contextmanager
    def held(self) -> Iterator[None]:
        """For one run at a time, with the leavings of a killed one swept out."""
        self._make(self.folder / "units")
        with (self.folder / "lock").open("w", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UsageError(
                    f"another run is at work in {self.folder}", fix="wait for it, or name another folder with --work"
                ) from None
            shutil.rmtree(self.scratch, ignore_errors=True)
            self._make(self.scratch)
            try:
                yield
            finally:
                shutil.rmtree(self.scratch, ignore_errors=True)

    def _make(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{folder}: {error.strerror}", fix="name a writable folder with --work") from None

    def scores(self, key: str) -> list[dict[str, float]] | None:
        """None for what is not finished, or whose record does not read as one of ours."""
        try:
            record = json.loads(self._place(key).read_text("ascii"))
            scores = record["scores"]
            whole = bool(scores) and all(scored.keys() == SOURCES.keys() for scored in scores)
            return scores if record["key"] == key and whole else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def keep(self, key: str, unit: Unit, scores: Sequence[dict[str, float]]) -> None:
        place = self._place(key)
        part = self.scratch / f"{key}.record"
        with part.open("w", encoding="ascii") as stream:
            json.dump({"key": key, "unit": str(unit), "scores": list(scores)}, stream, allow_nan=False)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(place)

    def _place(self, key: str) -> Path:
        return self.folder / "units" / f"{key}.json"
