"""Worker processes: killed, crashing, raising, left alone by a parent that was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from processes import PATIENCE, alive, until
from runners.hands import PID, Hands, jobs
from smokegate.errors import SmokegateError, UsageError
from smokegate_runners import engine, engine_local
from smokegate_runners.engine_local import LocalEngine
from smokegate_runners.saliency import cores
from smokegate_runners.saliency.work import Job, Outcome, Status


def pids(marks: Path, kind: str = "") -> set[int]:
    return {int(text) for mark in marks.glob(f"{kind}*-*.*") if (text := mark.read_text())}


@pytest.fixture
def marks(tmp_path: Path) -> Iterator[Path]:
    """Whatever a test does, nobody whom it set to work is there when it is done."""
    yield tmp_path
    until(lambda: not any(alive(pid) for pid in pids(tmp_path)))


def worked(marks: Path, given: list[Job], workers: int = 2) -> dict[str, Outcome]:
    with LocalEngine(workers) as local:
        results = list(local.run(Hands(marks), given))
    found = {job.path.name: outcome for job, outcome in results}
    assert len(results) == len(found) == len(given)
    return found


def test_every_job_comes_back_from_a_process_of_its_own(marks: Path) -> None:
    names = [f"clip-{number}" for number in range(20)]
    found = worked(marks, jobs(*names))
    assert {name: outcome.mean for name, outcome in found.items()} == {name: len(name) / 7 for name in names}
    assert 1 <= len(pids(marks)) <= 2
    assert os.getpid() not in pids(marks)


def test_a_worker_that_dies_is_replaced_and_its_job_done(marks: Path) -> None:
    found = worked(marks, jobs("once-1", "clip-1", "twice-2", "clip-2", "once-3"))
    assert {outcome.status for outcome in found.values()} == {Status.OK}
    assert len(list(marks.glob("twice-2.*"))) == 3


@pytest.mark.parametrize("workers", [1, 2])
def test_a_deadly_job_is_told_after_three_tries(marks: Path, workers: int) -> None:
    found = worked(marks, jobs("deadly-1", "clip-1", "exits-1", "clip-2", "clip-3"), workers)
    assert found["deadly-1"].detail == "the worker died 3 times on it: killed by SIGKILL (out of memory?)"
    assert found["exits-1"].detail == "the worker died 3 times on it: exit code 7"
    assert found["deadly-1"].status is found["exits-1"].status is Status.DECODE_FAILED
    assert [found[f"clip-{number}"].status for number in (1, 2, 3)] == [Status.OK] * 3
    assert len(list(marks.glob("deadly-1.*"))) == len(list(marks.glob("exits-1.*"))) == 3


def test_a_bug_costs_one_source(marks: Path) -> None:
    found = worked(marks, jobs("raises-1", "clip-1"), workers=1)
    assert found["clip-1"].status is Status.OK
    assert found["raises-1"].status is Status.DECODE_FAILED
    assert "LookupError: no [2J raises-1 here (hands.py:" in str(found["raises-1"].detail)
    assert len(pids(marks)) == 1


def test_what_a_factory_refuses_is_said_here(marks: Path) -> None:
    with LocalEngine(2) as local, pytest.raises(UsageError, match="no such model") as caught:
        list(local.run(Hands(marks, refusal="no such model"), jobs("clip-1")))
    assert caught.value.fix == "do otherwise"


def test_a_factory_that_is_broken_is_a_bug(marks: Path) -> None:
    with LocalEngine(1) as local, pytest.raises(RuntimeError, match="LookupError: a bug"):
        list(local.run(Hands(marks, broken=True), jobs("clip-1")))


def test_workers_that_die_as_they_start_are_not_tried_for_ever(marks: Path) -> None:
    with LocalEngine(2) as local, pytest.raises(SmokegateError, match="die as they start: killed by SIGKILL"):
        list(local.run(Hands(marks, stillborn=True), jobs("clip-1")))


def test_a_worker_that_dies_before_its_job_says_nothing_about_the_job(marks: Path) -> None:
    """Were it so, the third death would be the job's end."""
    with LocalEngine(1) as local:
        ((_, outcome),) = local.run(Hands(marks, faltering=2), jobs("once-1"))
    assert outcome.status is Status.OK


def test_jobs_are_pulled_as_workers_come_free(marks: Path) -> None:
    pulled = 0

    def endless() -> Iterator[Job]:
        nonlocal pulled
        while True:
            pulled += 1
            yield Job(Path(f"/clips/clip-{pulled}"))

    with LocalEngine(2) as local:
        results = local.run(Hands(marks), endless())
        for count in range(1, 11):
            next(results)
            assert pulled <= count + 2 + 1


def test_no_process_is_started_for_no_job(marks: Path) -> None:
    with LocalEngine(2) as local:
        assert list(local.run(Hands(marks, stillborn=True), [])) == []


def test_workers_stay_for_the_next_run_of_the_same_factory(marks: Path) -> None:
    with LocalEngine(1) as local:
        first, second = ([outcome.facts[PID] for _, outcome in local.run(Hands(marks), jobs("clip-1"))] for _ in "ab")
        (marks / "other").mkdir()
        third = [outcome.facts[PID] for _, outcome in local.run(Hands(marks / "other"), jobs("clip-1"))]
    assert first == second
    assert first != third
    until(lambda: not alive(third[0]))


def test_a_run_that_was_broken_off_leaves_nothing_for_the_next(marks: Path) -> None:
    with LocalEngine(2) as local:
        results = local.run(Hands(marks), jobs("clip-1", "endless-1"))
        assert next(results)[0].path.name == "clip-1"
        until(lambda: pids(marks, "endless"))
        (again,) = local.run(Hands(marks), jobs("clip-2"))
        assert again[0].path.name == "clip-2"


def test_an_error_in_the_middle_leaves_no_process(marks: Path) -> None:
    def broken(results: Iterator[tuple[Job, Outcome]]) -> None:
        for _ in results:
            until(lambda: pids(marks, "endless"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), LocalEngine(2) as local:
        broken(local.run(Hands(marks), jobs("clip-1", "endless-1")))
    assert pids(marks, "endless")


SCRIPT = """
import signal, sys
from pathlib import Path
from processes import PATIENCE, alive, until
from runners.hands import Hands, jobs
from smokegate_runners.engine import settle

if __name__ == "__main__":
    marks = Path(sys.argv[1])
    if "held-1" in sys.argv:
        signal.signal(signal.SIGINT, lambda *_: (marks / "go").touch())
    with settle(workers=2) as engine:
        for job, outcome in engine.run(Hands(marks), jobs(*sys.argv[2:])):
            print(job.path.name, outcome.status)
"""


def started(marks: Path, *names: str) -> subprocess.Popen[str]:
    """A process in a group of its own, with two workers that both are busy."""
    script = marks / "parent.py"
    script.write_text(SCRIPT)
    run = subprocess.Popen(
        [sys.executable, str(script), str(marks), *names],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until(lambda: len(pids(marks)) == len(names) or run.poll() is not None)
    return run


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_go_with_a_parent_that_is_killed(marks: Path, by: signal.Signals) -> None:
    """They are in the middle of a job."""
    parent = started(marks, "endless-1", "endless-2")
    busy = pids(marks)
    assert len(busy) == 2
    assert all(alive(pid) for pid in busy)
    parent.send_signal(by)
    parent.communicate(timeout=PATIENCE)
    until(lambda: not any(alive(pid) for pid in busy))


def test_an_interrupt_of_the_terminal_is_the_parents_to_handle(marks: Path) -> None:
    """Ctrl-C reaches the whole group. This parent goes on, and so do its workers, in the jobs that they have."""
    parent = started(marks, "held-1", "held-2")
    os.killpg(parent.pid, signal.SIGINT)
    told, said = parent.communicate(timeout=PATIENCE)
    assert sorted(told.splitlines()) == ["held-1 ok", "held-2 ok"]
    assert said == ""
    assert len(list(marks.glob("held-*"))) == 2


class _Severed:
    """A pipe whose other end was killed with an answer unread."""

    def send(self, what: object) -> None:
        if isinstance(what, Outcome):
            raise BrokenPipeError

    def recv(self) -> Job:
        raise ConnectionResetError


class _Unheard(_Severed):
    def recv(self) -> Job:
        return Job(Path("a"))


@pytest.mark.parametrize("pipe", [_Severed(), _Unheard()])
def test_a_worker_without_a_parent_ends_without_a_word(pipe: Any, marks: Path) -> None:
    assert engine_local._serve(pipe, Hands(marks)) is None  # type: ignore[func-returns-value]


def test_an_engine_is_settled_from_a_command_line() -> None:
    assert isinstance(engine.settle("local", 3), LocalEngine)
    assert engine.settle("local", cores.usable()).threads == 1
    assert engine.settle("local", 1).threads == cores.usable()
    with pytest.raises(UsageError, match="--workers 0"):
        engine.settle("local", 0)
    with pytest.raises(UsageError, match="no engine is called 'slurm'; there are local and ray"):
        engine.settle("slurm")
    with pytest.raises(UsageError, match="--address is for a cluster"):
        engine.settle("local", address="head:6379")
    with pytest.raises(UsageError, match="--gpus-per-worker is for a cluster"):
        engine.settle("local", gpus_per_worker=0.0)
