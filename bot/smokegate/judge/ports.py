"""What the judge asks of the world: graphs inspected, models run and measured, history looked up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

from smokegate.registry.graph import Graph, GraphFault, RunResult

if TYPE_CHECKING:
    from smokegate.evidence.features import Feeds
    from smokegate.evidence.measure import Measurement, MeasurementFailed


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

    def measure(self, model: Bytes, external: Mapping[str, Bytes], feeds: Feeds) -> Measurement | MeasurementFailed:
        """Run it over a whole corpus, row by row, and hold what it gives to the scores."""
        ...
