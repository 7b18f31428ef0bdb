"""What the judge asks of the world: graphs inspected, models run, history looked up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from smokegate.registry.graph import Graph, GraphFault, RunResult


@dataclass(frozen=True, slots=True)
class Bytes:
    """Bytes known by their sha256, opened only when somebody looks."""

    digest: str
    size: int
    open: Callable[[], BinaryIO]


class Laboratory(Protocol):
    """Looks into model files. Answers are a function of the digests, and may be remembered under them."""

    def inspect(self, model: Bytes) -> Graph | GraphFault: ...

    def run(self, model: Bytes, external: Mapping[str, Bytes]) -> RunResult:
        """Load and run once; `external` maps each location the graph names to its bytes."""
        ...
