"""Workers on a Ray cluster: one actor each, placed by Ray, replaced when it or its node is lost."""

from __future__ import annotations

import os
import pickle
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from smokegate.errors import SmokegateError, UsageError
from smokegate_runners.engine_node import installed
from smokegate_runners.engine_turns import Turn, Turns, printable, tell
from smokegate_runners.ray_cluster import joined
from smokegate_runners.saliency.work import Job, Outcome, Status, WorkerFactory

_PLACED_SECONDS = 600.0
"""How long a cluster may take to place the first worker: one that grows with its load has to boot a machine."""
_STILLBORN = 3
_HEED_SECONDS = 2.0


class RayEngine:
    """Paths mean the same on every node, and so does the code: see docs/batch.md."""

    threads = 1

    def __init__(self, workers: int | None, address: str | None, gpus_per_worker: float) -> None:
        if gpus_per_worker < 0 or (gpus_per_worker > 1 and gpus_per_worker % 1):
            raise UsageError(f"--gpus-per-worker {gpus_per_worker:g}: a part of one GPU, or a whole number of them")
        self._workers, self._address, self._gpus = workers, address, gpus_per_worker
        self._stack = ExitStack()
        self._ray: Any = None
        self._crew: _Crew | None = None

    def run(self, factory: WorkerFactory, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
        """Workers stay for the next run where that has the same factory."""
        if self._ray is None:
            raise RuntimeError("the engine's context is not entered")
        if self._crew and (self._crew.factory != factory or self._crew.at_work):
            self._crew.dismiss()
            self._crew = None
        self._crew = self._crew or _Crew(self._ray, factory, self._most(), self._gpus)
        yield from self._crew.work(jobs)

    def _most(self) -> int:
        if self._workers:
            return self._workers
        there = self._ray.cluster_resources()
        return max(1, int(there.get("GPU", 0) / self._gpus if self._gpus else there.get("CPU", 1)))

    def __enter__(self) -> Self:
        self._ray = self._stack.enter_context(joined(self._address, self._workers, self._gpus))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._crew = self._ray = None
        self._stack.close()


class _Crew:
    """Actors: starting, idle, at work, or benched.

    A benched one is on a node that is unfit. It stays, without work, so that Ray places its successor elsewhere.
    """

    def __init__(self, ray: Any, factory: WorkerFactory, most: int, gpus: float) -> None:
        self.factory = factory
        self._ray, self._most, self._gpus = ray, most, gpus
        self._post = ray.remote(num_cpus=1, num_gpus=gpus, max_restarts=0, max_task_retries=0)(_post())
        self._hands: list[_Hand] = []
        self._benched: list[_Hand] = []
        self._unfit: dict[str, str] = {}
        self._waiting: deque[Turn] = deque()
        """For workers that start. Whoever is idle first takes them: an actor may wait for its place for ever."""
        self._stillborn = 0
        self._usable_at = time.monotonic()

    @property
    def at_work(self) -> int:
        return len(self._waiting) + sum(hand.turn is not None for hand in self._hands)

    def work(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
        turns = Turns(jobs)
        done: list[tuple[Job, Outcome]] = []
        self._usable_at = time.monotonic()
        while True:
            self._hand_out(turns)
            yield from done
            if not self.at_work:
                return
            pending = {hand.ref: hand for hand in self._hands if hand.ref is not None}
            ready, _ = self._ray.wait(list(pending), num_returns=1, timeout=_HEED_SECONDS)
            heard = [self._hear(pending[ref], turns) for ref in ready]
            done = [result for result in heard if result]
            self._heed()

    def dismiss(self) -> None:
        for hand in (*self._hands, *self._benched):
            self._ray.kill(hand.actor)
        self._hands.clear()
        self._benched.clear()

    def _hand_out(self, turns: Turns) -> None:
        while True:
            idle = next((hand for hand in self._hands if hand.idle), None)
            room = len(self._hands) < self._most
            if not idle and room and len(self._waiting) > self._starting:
                self._hands.append(_Hand(self._post.remote(), self.factory))
            elif idle and self._waiting:
                idle.take(self._waiting.popleft())
            elif not idle and not room:
                return
            else:
                turn = turns.next(self.at_work)
                if turn is None:
                    return
                self._waiting.append(turn)

    @property
    def _starting(self) -> int:
        return sum(not hand.started for hand in self._hands)

    def _hear(self, hand: _Hand, turns: Turns) -> tuple[Job, Outcome] | None:
        try:
            answer = self._ray.get(hand.ref)
        except self._ray.exceptions.RayTaskError:
            raise
        except self._ray.exceptions.RayError as error:
            return self._lost(hand, turns, type(error).__name__)
        hand.ref = None
        if not hand.started:
            self._started(hand, *answer)
            return None
        turn, hand.turn = hand.turn, None
        assert turn is not None  # noqa: S101
        outcome: Outcome = pickle.loads(answer)  # noqa: S301 - from our own worker
        if outcome.status is Status.MISSING_SOURCE and _seen_here(turn.job):
            turns.back(turn)
            self._bench(hand, f"it does not see {turn.job.path}, which is here: {outcome.detail}")
            return None
        return turn.job, outcome

    def _started(self, hand: _Hand, node: str, unfit: str | None) -> None:
        hand.started, hand.node, self._stillborn = True, node, 0
        if unfit:
            self._bench(hand, unfit)

    def _bench(self, hand: _Hand, why: str) -> None:
        self._hands.remove(hand)
        self._benched.append(hand)
        if hand.node not in self._unfit:
            tell(f"node {hand.node} is left out: {why}")
        self._unfit[hand.node] = why

    def _lost(self, hand: _Hand, turns: Turns, how: str) -> tuple[Job, Outcome] | None:
        """It may live on behind a broken line; what it still answers is not heard.

        Idle ones beside it may have gone with the node, and no job should meet that.
        """
        for gone in [other for other in self._hands if other is hand or (other.idle and other.node == hand.node)]:
            self._hands.remove(gone)
            self._ray.kill(gone.actor)
        if not hand.started:
            self._stillborn += 1
        if hand.turn is None:
            return None
        outcome = turns.lost(hand.turn, f"{how} on {hand.node}")
        return (hand.turn.job, outcome) if outcome else None

    def _heed(self) -> None:
        """Ray waits for ever for a place that it does not have."""
        now = time.monotonic()
        if any(hand.started for hand in self._hands):
            self._usable_at = now
        elif self._stillborn > _STILLBORN * self._most:
            raise SmokegateError("workers die as they start", fix="ray logs actor  (on a node: what they said last)")
        elif now - self._usable_at > _PLACED_SECONDS or len(self._benched) >= self._places():
            raise SmokegateError(self._no_worker(), fix="docs/batch.md says what every node must have")

    def _places(self) -> int:
        """How many workers the cluster could hold if it did nothing else."""
        there = self._ray.cluster_resources()
        places = there.get("CPU", 0.0)
        return max(1, int(min(places, there.get("GPU", 0.0) / self._gpus) if self._gpus else places))

    def _no_worker(self) -> str:
        there = {name: self._ray.cluster_resources().get(name, 0.0) for name in ("CPU", "GPU")}
        told = [f"node {node} is unfit: {printable(why)}" for node, why in sorted(self._unfit.items())]
        told.append(f"there is no other place for a worker; the cluster has {there['CPU']:g} CPU, {there['GPU']:g} GPU")
        return "\n".join(told)


class _Hand:
    """One actor, the answer that is due from it, and the job that it has."""

    def __init__(self, actor: Any, factory: WorkerFactory) -> None:
        self.actor = actor
        self.ref: Any = actor.start.remote(pickle.dumps(factory), installed())
        self.turn: Turn | None = None
        self.started = False
        self.node = "a node"

    @property
    def idle(self) -> bool:
        return self.started and self.turn is None

    def take(self, turn: Turn) -> None:
        self.turn = turn
        self.ref = self.actor.work.remote(pickle.dumps(replace(turn.job, path=turn.job.path.absolute())))


def _post() -> type:
    """The actor's class travels by value, for it is nested, and takes bytes: a node without smokegate can say so."""

    class Post:
        def start(self, factory: bytes, wanted: dict[str, str]) -> tuple[str, str | None]:
            import ray  # noqa: PLC0415

            there: Any = ray
            node = f"{there.util.get_node_ip_address()} ({there.get_runtime_context().get_node_id()[:12]})"
            try:
                from smokegate_runners import engine_node  # noqa: PLC0415

                self.worker = engine_node.hire(factory, wanted)
            except ImportError as error:
                return node, f"smokegate is not installed there ({error})"
            except engine_node.NodeUnfitError as unfit:
                return node, str(unfit)
            self.node = engine_node
            return node, None

        def work(self, job: bytes) -> bytes:
            answer: bytes = self.node.work(self.worker, job)
            return answer

    return Post


def _seen_here(job: Job) -> bool:
    return job.path.is_file() and os.access(job.path, os.R_OK)
