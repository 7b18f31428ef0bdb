"""How much of each clip is used, and at which size."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from smokegate.errors import UsageError

MODEL = "version=vmaf_v0.6.1"
SCALER = "bicubic+accurate_rnd+full_chroma_int+bitexact"
_LEAST = 32
_MOST = 8192


@dataclass(frozen=True, slots=True)
class Size:
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


@dataclass(frozen=True, slots=True)
class Settings:
    frames: int | None = None
    seconds: float | None = None
    size: Size | None = None

    def limit(self) -> tuple[str, ...]:
        """ffmpeg's words for how much is taken."""
        if self.frames is not None:
            return ("-frames:v", str(self.frames))
        return () if self.seconds is None else ("-t", f"{self.seconds:g}")

    def key(self) -> dict[str, Any]:
        size = str(self.size) if self.size else None
        return {"frames": self.frames, "seconds": self.seconds, "size": size, "scaler": SCALER, "model": MODEL}


def size(text: str) -> Size:
    parts = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if not parts:
        raise UsageError(f"a size is WIDTHxHEIGHT, as 320x180, and not {text!r}")
    width, height = (int(part) for part in parts.groups())
    if width % 2 or height % 2 or not _LEAST <= min(width, height) <= max(width, height) <= _MOST:
        raise UsageError(f"a size has even sides of {_LEAST} to {_MOST}, which {text} has not")
    return Size(width, height)
