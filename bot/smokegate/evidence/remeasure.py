"""Measuring a model's very bytes again, on a corpus that is at hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeVar

from smokegate.evidence.corpus import CorpusFault, CorpusTable
from smokegate.evidence.features import Feeds, inputs
from smokegate.evidence.measure import Measurement, MeasurementFailed, NotMeasured
from smokegate.registry.graph import Graph
from smokegate.registry.sidecar import Sidecar

Outcome = Measurement | MeasurementFailed | NotMeasured

_Content = TypeVar("_Content")
_Content_contra = TypeVar("_Content_contra", contravariant=True)


class Bench(Protocol[_Content_contra]):
    """The laboratory, as far as it is needed here."""

    def measure(
        self, model: _Content_contra, external: Mapping[str, _Content_contra], feeds: Feeds
    ) -> Measurement | MeasurementFailed: ...


def remeasure(
    corpus: CorpusTable | CorpusFault,
    sidecar: Sidecar,
    graph: Graph,
    *,
    model: _Content,
    external: Mapping[str, _Content],
    bench: Bench[_Content],
) -> Outcome:
    """What the model gives on the whole corpus, why it was not asked, or why asking it came to nothing."""
    if isinstance(corpus, CorpusFault):
        return NotMeasured(f"the corpus cannot be read: {corpus}")
    if len(graph.outputs) != 1:
        return NotMeasured(f"it has {len(graph.outputs)} outputs, and one score a row is compared")
    feeds = inputs(sidecar, graph, corpus)
    return feeds if isinstance(feeds, NotMeasured) else bench.measure(model, external, feeds)
