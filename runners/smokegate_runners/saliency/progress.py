"""What a run says while it works: a line that moves on a terminal, a line a minute in a log."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import TextIO

_LOG_SECONDS = 60.0
_LIVE_SECONDS = 0.1
_WIDTH = 100


class Journal:
    def __init__(
        self, stream: TextIO, *, live: bool | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream, self._clock = stream, clock
        self._live = stream.isatty() if live is None else live
        self._shown = False

    def say(self, text: str) -> None:
        self._wipe()
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def phase(self, doing: str, unit: str, of: int | None = None) -> Phase:
        """`of` how many, where that is known."""
        return Phase(self, self._clock, _LIVE_SECONDS if self._live else _LOG_SECONDS, (doing, unit, of))

    def show(self, text: str) -> None:
        """In place of what was shown before, where there is somebody who watches."""
        if not self._live:
            self.say(text)
            return
        width = min(_WIDTH, shutil.get_terminal_size((_WIDTH, 24)).columns)
        self._stream.write(f"\r\x1b[2K{text[: width - 1]}")
        self._stream.flush()
        self._shown = True

    def over(self) -> None:
        self._wipe()
        self._stream.flush()

    def _wipe(self) -> None:
        if self._shown:
            self._stream.write("\r\x1b[2K")
            self._shown = False


class Phase:
    def __init__(
        self, journal: Journal, clock: Callable[[], float], every: float, what: tuple[str, str, int | None]
    ) -> None:
        self._journal, self._clock, self._every = journal, clock, every
        self._doing, self._unit, self._of = what
        self._start = self._told = clock()
        self.done = 0

    def advance(self, more: int = 1) -> None:
        self.done += more
        now = self._clock()
        if now - self._told >= self._every:
            self._told = now
            self._journal.show(self._line(now - self._start))

    def end(self) -> float:
        """How long it took, in seconds."""
        self._journal.over()
        return self._clock() - self._start

    def _line(self, seconds: float) -> str:
        rate = self.done / seconds
        of = f"/{self._of:,}" if self._of is not None else ""
        line = f"{self._doing}: {self.done:,}{of} {self._unit}, {_rate(rate)}"
        return line if self._of is None else f"{line}, {_span((self._of - self.done) / rate)} left"


def _rate(per_second: float) -> str:
    if per_second >= 100:
        return f"{per_second:,.0f} a second"
    return f"{per_second:.1f} a second" if per_second >= 1 else f"{per_second * 60:.1f} a minute"


def _span(seconds: float) -> str:
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    minutes = whole // 60
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02} min"
