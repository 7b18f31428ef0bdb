"""Whose turn it is: the rules that every engine keeps, whatever its workers are."""

from __future__ import annotations

import sys
import traceback
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath

from smokegate_runners.saliency.work import Job, Outcome, Status, Worker

TRIES = 3
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Turn:
    job: Job
    losses: tuple[str, ...] = ()
    """How the workers ended that had this job before."""


class Turns:
    """Jobs in order. One whose worker was lost is tried again, and the last time alone, after all others.

    Workers that are killed for want of memory are often killed for what their neighbours took.
    """

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._fresh = iter(jobs)
        self._again: deque[Turn] = deque()
        self._alone: deque[Turn] = deque()

    def next(self, at_work: int) -> Turn | None:
        """None when there is nothing to do, or nothing until those at work are done."""
        if self._again:
            return self._again.popleft()
        for job in self._fresh:
            return Turn(job)
        return self._alone.popleft() if self._alone and not at_work else None

    def back(self, turn: Turn) -> None:
        """Its worker was lost through no fault of the job."""
        self._again.append(turn)

    def lost(self, turn: Turn, how: str) -> Outcome | None:
        """What the job comes to when its worker is lost; None while it will be tried again."""
        losses = (*turn.losses, how)
        if len(losses) >= TRIES:
            told = "; ".join(dict.fromkeys(losses))
            return Outcome(Status.DECODE_FAILED, detail=f"the worker died {len(losses)} times on it: {told}")
        tell(f"a worker was lost with {turn.job.path}, which is tried again: {how}")
        (self._alone if len(losses) == TRIES - 1 else self._again).append(Turn(turn.job, losses))
        return None


def attempt(worker: Worker, job: Job) -> Outcome:
    """A worker raises for nothing that is wrong with a source; if it does, one bug costs one source, and is told."""
    try:
        return worker(job)
    except Exception as error:  # noqa: BLE001 - told as the outcome, with its place
        place = traceback.extract_tb(error.__traceback__)[-1]
        told = f"the worker raised {one_line(error)} ({PurePath(place.filename).name}:{place.lineno}): please report it"
        return Outcome(Status.DECODE_FAILED, detail=told)


def tell(line: str) -> None:
    """To who watches the run, over a moving line of progress where there is one."""
    clear = "\r\x1b[2K" if sys.stderr.isatty() else ""
    sys.stderr.write(f"{clear}smokegate: {printable(line)}\n")


def one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {printable(str(error))}"


def printable(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:_LONGEST]
