"""Worker processes of this machine.

A codec that crashes, or a worker that is killed for want of memory, costs its process and not the run: so even one
worker is a process of its own. `concurrent.futures` gives the whole pool up when one process dies, hence this module.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection, resource_tracker
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

from smokegate.errors import SmokegateError
from smokegate_runners.engine_turns import Turn, Turns, attempt
from smokegate_runners.saliency import cores
from smokegate_runners.saliency.work import Job, Outcome, WorkerFactory

# Never fork: ONNX Runtime and ffmpeg have threads by then, and a forked child would have their locks without them.
_CONTEXT = multiprocessing.get_context("spawn")
_STILLBORN = 3
_GONE_SECONDS = 10.0
_READY = "ready"


class LocalEngine:
    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._crew: _Crew | None = None

    @property
    def threads(self) -> int:
        return max(1, cores.usable() // self._workers)

    def run(self, factory: WorkerFactory, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
        """Workers stay for the next run where that has the same factory: a batch loads its model once."""
        if self._crew and (self._crew.factory != factory or self._crew.at_work):
            self._crew.dismiss()
            self._crew = None
        self._crew = self._crew or _Crew(factory, self._workers)
        yield from self._crew.work(jobs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._crew:
            self._crew.dismiss()
            self._crew = None


class _Crew:
    """Processes that are started as there is work for them, and replaced when they die."""

    def __init__(self, factory: WorkerFactory, most: int) -> None:
        self.factory = factory
        self._most = most
        self._hands: list[_Hand] = []
        self._stillborn = 0

    def work(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
        turns = Turns(jobs)
        done: list[tuple[Job, Outcome]] = []
        while True:
            self._hand_out(turns)
            yield from done
            if not self.at_work:
                return
            ready = connection.wait([hand.pipe for hand in self._hands])
            heard = [self._hear(hand, turns) for hand in list(self._hands) if hand.pipe in ready]
            done = [result for result in heard if result]

    def dismiss(self) -> None:
        """They hold nothing that would be lost."""
        for hand in self._hands:
            hand.process.kill()
        for hand in self._hands:
            hand.buried()
        self._hands.clear()

    @property
    def at_work(self) -> int:
        return sum(hand.turn is not None for hand in self._hands)

    def _hand_out(self, turns: Turns) -> None:
        while True:
            idle = next((hand for hand in self._hands if hand.turn is None), None)
            if idle is None and len(self._hands) >= self._most:
                return
            turn = turns.next(self.at_work)
            if turn is None:
                return
            if idle is None:
                idle = _Hand(self.factory)
                self._hands.append(idle)
            idle.take(turn)

    def _hear(self, hand: _Hand, turns: Turns) -> tuple[Job, Outcome] | None:
        try:
            message = hand.pipe.recv()
        except (EOFError, OSError):
            return self._bury(hand, turns)
        if message == _READY:
            hand.ready, self._stillborn = True, 0
            return None
        if isinstance(message, SmokegateError):
            raise message
        if isinstance(message, _Broken):
            raise RuntimeError(f"no worker can be made:\n{message.trace}")  # noqa: TRY004 - a bug of ours
        turn, hand.turn = hand.turn, None
        assert turn is not None and isinstance(message, Outcome)  # noqa: S101
        return turn.job, message

    def _bury(self, hand: _Hand, turns: Turns) -> tuple[Job, Outcome] | None:
        """A worker that dies before it has looked at its job says nothing about the job."""
        self._hands.remove(hand)
        how = hand.buried()
        if not hand.ready:
            self._stillborn += 1
            if self._stillborn >= _STILLBORN:
                raise SmokegateError(
                    f"workers die as they start: {how}", fix="see that memory suffices, or --workers 1"
                )
        if hand.turn is None:
            return None
        if not hand.ready:
            turns.back(hand.turn)
            return None
        outcome = turns.lost(hand.turn, how)
        return (hand.turn.job, outcome) if outcome else None


@dataclass(frozen=True, slots=True)
class _Broken:
    trace: str


class _Hand:
    """One process, the pipe to it, and the job that it has."""

    def __init__(self, factory: WorkerFactory) -> None:
        self.pipe, theirs = _CONTEXT.Pipe()
        self.process = _CONTEXT.Process(target=_serve, args=(theirs, factory), name="smokegate worker", daemon=True)
        self.turn: Turn | None = None
        self.ready = False
        try:
            with _deaf_to_interrupts():
                self.process.start()
        except OSError as error:
            raise SmokegateError(f"no worker process can be started: {error.strerror}", fix="--workers 1") from None
        finally:
            theirs.close()

    def take(self, turn: Turn) -> None:
        """Sent to one who has just died, it comes back when the pipe is heard."""
        self.turn = turn
        try:
            self.pipe.send(turn.job)
        except OSError:
            return

    def buried(self) -> str:
        """How it ended."""
        self.pipe.close()
        self.process.join(_GONE_SECONDS)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join(_GONE_SECONDS)
        code = self.process.exitcode
        if code is None:
            return "it does not end"
        self.process.close()
        if code >= 0:
            return f"exit code {code}"
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"killed by {name}{' (out of memory?)' if -code == signal.SIGKILL else ''}"


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Ctrl-C goes to every process of a terminal; what it means for the workers is this process's to say.

    They inherit what is blocked. The resource tracker unblocks what it blocked while it started: it goes first.
    """
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe: Connection[Any, Any], factory: WorkerFactory) -> None:
    """The whole life of a worker process."""
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    try:
        worker = factory()
    except SmokegateError as error:
        pipe.send(error)
        return
    except Exception:  # noqa: BLE001 - the parent raises it
        pipe.send(_Broken(traceback.format_exc()))
        return
    pipe.send(_READY)
    while True:
        try:
            pipe.send(attempt(worker, pipe.recv()))
        except (EOFError, OSError):
            # Whoever gives the work is gone. What a source raises, `attempt` has caught.
            return


def _leave_with_parent() -> None:
    """Also in the middle of a job: a parent that was killed takes no answer, and nobody waits for the processor."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
