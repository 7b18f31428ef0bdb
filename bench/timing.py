"""Timing whole commands, side by side in one run, so that the machine's mood falls on both alike."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Timed:
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def __str__(self) -> str:
        return f"{self.median:.3f} s (min {min(self.seconds):.3f}, max {max(self.seconds):.3f}, n={len(self.seconds)})"


def in_turn(runs: int, *works: Callable[[], object]) -> list[Timed]:
    """Each work once to warm up, then A B C, A B C, ..."""
    for work in works:
        work()
    seconds: list[list[float]] = [[] for _ in works]
    for _ in range(runs):
        for work, taken in zip(works, seconds, strict=True):
            start = time.perf_counter()
            work()
            taken.append(time.perf_counter() - start)
    return [Timed(tuple(taken)) for taken in seconds]


def ratio(one: Timed, other: Timed) -> float:
    """Median of the ratios pair by pair."""
    return statistics.median(a / b for a, b in zip(one.seconds, other.seconds, strict=True))


def smokegate(*arguments: str) -> Callable[[], int]:
    """The command as a user runs it: a fresh process."""
    return command([sys.executable, "-m", "smokegate", *arguments])


def command(argv: Sequence[str], cwd: Path | None = None) -> Callable[[], int]:
    def work() -> int:
        done = subprocess.run(argv, cwd=cwd, capture_output=True, check=False)
        if done.returncode not in (0, 1) or ("smokegate" in argv and not done.stdout):
            raise RuntimeError(f"{' '.join(argv)}: {done.stderr.decode()}")
        return done.returncode

    return work


def peak_mib(argv: Sequence[str]) -> float:
    """Peak memory of a command and what it starts, the largest single process."""
    silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    pid = os.posix_spawn(argv[0], list(argv), dict(os.environ), file_actions=silent)
    _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        raise RuntimeError(f"{' '.join(argv)} failed")
    children: resource.struct_rusage = usage
    return children.ru_maxrss / 1024
