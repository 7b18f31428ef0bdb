"""What a corpus is made from: files, and lavfi graphs that draw their frames on the spot."""

from __future__ import annotations

import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smokegate.errors import UsageError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.+-]{0,127}")


@dataclass(frozen=True, slots=True)
class Stamp:
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Clip:
    """`name` is what the rows say in `src`; a clip is a file, as it was when it was named, or a generator."""

    name: str
    path: Path | None = None
    stamp: Stamp | None = None
    generator: str | None = None

    def identity(self) -> dict[str, Any]:
        """What tells this clip from another, or from what it was before."""
        if self.path is None or self.stamp is None:
            return {"generator": self.generator}
        return {"path": str(self.path.absolute()), "size": self.stamp.size, "mtime_ns": self.stamp.mtime_ns}

    @property
    def changed(self) -> bool:
        return self.path is not None and stamp(self.path) != self.stamp


def stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError as error:
        raise UsageError(f"clip {path}: {error.strerror}") from None
    if not stat.S_ISREG(found.st_mode):
        raise UsageError(f"clip {path}: it is not a file")
    return Stamp(found.st_size, found.st_mtime_ns)


def from_file(path: Path, name: str | None = None) -> Clip:
    return Clip(path.stem if name is None else name, path=path, stamp=stamp(path))


def checked(clips: Sequence[Clip]) -> tuple[Clip, ...]:
    """Clips under names that tell them apart: folds are the distinct names."""
    if not clips:
        raise UsageError("no clips", fix="name clips, or a --manifest that lists some")
    seen: set[str] = set()
    for clip in clips:
        if not NAME.fullmatch(clip.name):
            raise UsageError(
                f"a clip's name is letters, digits, space and _.+-, which {clip.name!r} is not",
                fix="give it a `name` in a --manifest",
            )
        if clip.name in seen:
            raise UsageError(
                f"two clips are called {clip.name!r}, and their rows could not be told apart",
                fix="give each a `name` of its own in a --manifest",
            )
        seen.add(clip.name)
    return tuple(clips)
