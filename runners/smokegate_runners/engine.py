"""Where sources are worked: processes of this machine, or a Ray cluster. Which one it is changes no value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Protocol, Self

from smokegate.errors import UsageError
from smokegate_runners.saliency import cores
from smokegate_runners.saliency.work import Job, Outcome, WorkerFactory

NAMES = ("local", "ray")


class Engine(Protocol):
    """A context manager: what it started is gone when the context ends, however it ends.

    Each job comes back once, as it is done. Jobs are pulled as workers come free, so that a table may be of any length.
    """

    @property
    def threads(self) -> int:
        """How many processors each worker has to itself."""

    def run(self, factory: WorkerFactory, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def settle(
    name: str = "local", workers: int | None = None, address: str | None = None, gpus_per_worker: float | None = None
) -> Engine:
    """The engine that a command line asks for. Nothing is started before its context is entered."""
    if workers is not None and workers < 1:
        raise UsageError(f"--workers {workers}: there must be one at least")
    if name == "ray":
        from smokegate_runners.engine_ray import RayEngine  # noqa: PLC0415

        return RayEngine(workers, address, gpus_per_worker or 0.0)
    if name != "local":
        raise UsageError(f"no engine is called {name!r}; there are {' and '.join(NAMES)}")
    for flag, given in (("--address", address), ("--gpus-per-worker", gpus_per_worker)):
        if given is not None:
            raise UsageError(f"{flag} is for a cluster, and the engine is local", fix="add --engine ray")
    from smokegate_runners.engine_local import LocalEngine  # noqa: PLC0415

    return LocalEngine(workers or cores.usable())
