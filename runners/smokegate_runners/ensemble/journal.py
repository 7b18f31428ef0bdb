"""What a run says while it works: a line that moves on a terminal, now and then a line in a log, nothing in a pipe."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from smokegate_runners.store import put

_LOGGED = 20
"""Epochs are so many lines of a log at most."""


def _now() -> datetime:
    return datetime.now(UTC)


class Journal:
    def __init__(
        self, stream: TextIO, log: Path | None = None, *, live: bool | None = None, now: Callable[[], datetime] = _now
    ) -> None:
        self._stream, self._log, self._now = stream, log, now
        self._live = stream.isatty() if live is None else live
        self._lines: list[str] = []

    def say(self, text: str) -> None:
        self._note(text)
        self._stream.write(f"\r\x1b[2K{text}\n" if self._live else f"{text}\n")
        self._stream.flush()

    def resumed(self, done: int, of: int) -> None:
        self.say(f"goes on after epoch {done} of {of}, which an earlier run had finished")

    def epoch(self, done: int, of: int, loss: float, seconds: float) -> None:
        left = seconds / done * (of - done)
        text = f"epoch {done}/{of}  loss {loss:.3f}  {_time(seconds)}, {_time(left)} to go"
        if done == of or done % max(1, of // _LOGGED) == 0:
            self._note(text)
        if self._live:
            self._stream.write(f"\r\x1b[2K{_bar(done, of)} {text}"[:110] + ("\n" if done == of else ""))
            self._stream.flush()

    def _note(self, text: str) -> None:
        self._lines.append(f"{self._now():%Y-%m-%dT%H:%M:%SZ} {text}\n")
        if self._log is not None:
            put(self._log, "".join(self._lines).encode())


def _bar(done: int, of: int, width: int = 24) -> str:
    filled = done * width // of
    return "█" * filled + "░" * (width - filled)


def _time(seconds: float) -> str:
    if not math.isfinite(seconds):
        return "?"
    whole = round(seconds)
    return f"{whole} s" if whole < 120 else f"{whole // 60} min {whole % 60:02} s"
