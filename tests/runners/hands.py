"""Workers that do as a job's name says, for the tests of engines: they cross processes, so they live in a module."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass
from pathlib import Path

from smokegate.errors import UsageError
from smokegate_runners.saliency.work import Job, Outcome, Status, Worker, WorkerFactory

PID, PATH = "pid", "path"


@dataclass(frozen=True)
class Hands:
    """`marks` is a folder where each attempt leaves a file; a job `once-*` kills its worker the first time alone."""

    marks: Path
    refusal: str = ""
    stillborn: bool = False
    broken: bool = False
    faltering: int = 0
    """How many die before they have looked at a job."""

    def __call__(self) -> Worker:
        if self.refusal:
            raise UsageError(self.refusal, fix="do otherwise")
        if self.stillborn:
            os.kill(os.getpid(), signal.SIGKILL)
        starts = len(list(self.marks.glob("start_*")))
        if starts < self.faltering:
            (self.marks / f"start_{starts}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if self.broken:
            raise LookupError("a bug")
        return self.work

    def work(self, job: Job) -> Outcome:
        name = job.path.name
        tries = 1 + len(list(self.marks.glob(f"{name}.*")))
        (self.marks / f"{name}.{tries}").write_text(str(os.getpid()))
        kind = name.partition("-")[0]
        if kind == "deadly" or (kind == "once" and tries == 1) or (kind == "twice" and tries < 3):
            os.kill(os.getpid(), signal.SIGKILL)
        if kind == "exits":
            os._exit(7)
        if kind == "raises":
            raise LookupError(f"no\x1b[2J {name}\nhere")
        if kind == "endless":
            threading.Event().wait()
        if kind == "held":
            _until((self.marks / "go").exists)
        if kind == "unseen":
            return Outcome(Status.MISSING_SOURCE, detail="No such file or directory")
        return Outcome(Status.OK, mean=len(name) / 7, var=0.25, facts={PID: os.getpid(), PATH: str(job.path)})


@dataclass(frozen=True)
class Marked:
    """Another factory's workers, who leave a mark for each attempt, and begin when they are told to `go`."""

    inner: WorkerFactory
    marks: Path

    def __call__(self) -> Worker:
        worker = self.inner()

        def work(job: Job) -> Outcome:
            tries = 1 + len(list(self.marks.glob(f"{job.path.name}.*")))
            (self.marks / f"{job.path.name}.{tries}").write_text(str(os.getpid()))
            _until((self.marks / "go").exists)
            return worker(job)

        return work


def _until(condition: object) -> None:
    assert callable(condition)
    pause = threading.Event()
    while not condition():
        pause.wait(0.01)


def jobs(*names: str) -> list[Job]:
    return [Job(Path("/clips", name)) for name in names]
