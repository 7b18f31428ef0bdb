"""A worker whose values are a function of the file's bytes: for what happens to tables, whatever a model says.

`python -m runners.saliency.stand_in INPUT OUTPUT [SECONDS]` materializes with it, in a process that may be killed.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from smokegate_runners.provenance import Artifact
from smokegate_runners.saliency.chosen import Choosing, Chosen
from smokegate_runners.saliency.materialize import materialize
from smokegate_runners.saliency.order import Order
from smokegate_runners.saliency.progress import Journal
from smokegate_runners.saliency.work import Job, Outcome, Status, Worker, WorkerFactory

LOG = "worked.log"
"""Beside the sources: one line for each source that was worked."""


@dataclass(frozen=True)
class StandIn:
    """A file that starts with `ok` has values. `slow` is how many seconds each takes."""

    slow: float = 0.0

    def __call__(self) -> Worker:
        return self.work

    def work(self, job: Job) -> Outcome:
        time.sleep(self.slow)
        try:
            data = job.path.read_bytes()
        except OSError as error:
            return Outcome(Status.MISSING_SOURCE, detail=error.strerror)
        with (job.path.parent / LOG).open("a", errors="surrogateescape") as log:
            log.write(f"{job.path.name} {job.raw}\n")
        if data.startswith(b"nan"):
            return Outcome(Status.OK, float("nan"), 0.5)
        if data.startswith(b"model"):
            return Outcome(Status.MODEL_FAILED, detail="no use")
        if not data.startswith(b"ok"):
            return Outcome(Status.DECODE_FAILED, detail="not a film")
        mean, var = values(data, str(job.raw))
        size = job.raw or (64, 48)
        facts = {"width": size[0], "height": size[1], "transfer": "bt709" if b"hdr" not in data else "smpte2084"}
        return Outcome(Status.OK, mean, var, facts=facts | {"values_clipped": 2})


def values(data: bytes, raw: str = "None") -> tuple[float, float]:
    digest = hashlib.sha256(data + raw.encode()).digest()
    return int.from_bytes(digest[:6], "big") / (1 << 48), int.from_bytes(digest[6:12], "big") / (1 << 50)


class Inline:
    """An engine without processes."""

    threads = 1

    def __init__(self) -> None:
        self.runs = 0

    def run(self, factory: WorkerFactory, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
        self.runs += 1
        worker = factory()
        for job in jobs:
            yield job, worker(job)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


def choosing(slow: float = 0.0, digest: str = "d1") -> Choosing:
    def chosen(order: Order, threads: int) -> Chosen:
        del threads
        file = Artifact("model", "stand-in", 1, "0" * 64)
        return Chosen(order.model_id or "stand_in_v1", order.model, None, digest, file, StandIn(slow))

    return chosen


def order(table: Path, out: Path, **fields: object) -> Order:
    return Order(input=table, output=out, model=Path("stand_in.onnx"), **fields)  # type: ignore[arg-type]


if __name__ == "__main__":
    given, written, *seconds = sys.argv[1:]
    materialize(
        order(Path(given), Path(written)),
        Inline(),
        Journal(sys.stderr),
        choosing(float(seconds[0]) if seconds else 0.0),
    )
