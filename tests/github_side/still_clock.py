"""A clock that sleeping moves, in no time at all."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class StillClock:
    at: float = 1_800_000_000.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds
