"""One source's worth of work, as it is handed to a worker and comes back: plain values that cross processes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from smokegate_runners.saliency.settings import Size


class Status(StrEnum):
    OK = "ok"
    SKIPPED = "skipped-existing"
    MISSING_SOURCE = "missing-source"
    MISSING_GEOMETRY = "missing-geometry"
    DECODE_FAILED = "decode-failed"
    MODEL_FAILED = "model-failed"


FAILED = frozenset({Status.MISSING_SOURCE, Status.MISSING_GEOMETRY, Status.DECODE_FAILED, Status.MODEL_FAILED})


@dataclass(frozen=True, slots=True)
class Job:
    """A source to be measured once. `raw` is the geometry of a headerless .yuv; containers know their own."""

    path: Path
    raw: Size | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a source gave. `facts` is for the audit: size, transfer, frames decoded and sampled, values clipped."""

    status: Status
    mean: float | None = None
    var: float | None = None
    detail: str | None = None
    """Why it failed, in a line."""
    facts: dict[str, Any] = field(default_factory=dict)


class Worker(Protocol):
    """Made once per process, called for one source after another. It never raises for what is wrong with a source."""

    def __call__(self, job: Job) -> Outcome: ...


class WorkerFactory(Protocol):
    """Picklable: how a process, here or on another machine, gets its worker."""

    def __call__(self) -> Worker: ...
