"""Measuring again what evidence says of an entry's bytes, on a corpus that lies in the tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smokegate.evidence.corpus import CorpusFault, CorpusTable, format_of, read
from smokegate.evidence.measure import Measurement, MeasurementFailed, NotMeasured, agrees
from smokegate.evidence.remeasure import remeasure
from smokegate.judge.change import RegistryChange
from smokegate.judge.side import Side, bytes_at
from smokegate.judge.weights import weights
from smokegate.registry.entry import Entry
from smokegate.registry.graph import Graph
from smokegate.registry.sidecar import Sidecar

_LARGEST = 256 << 20
_LARGEST_IN_ALL = 2 << 30
_INT8_TOLERANCE = 1e-3
"""Integer kernels saturate differently from one processor to the next; an invented number is further off."""


class Corpora:
    """The corpora of the two trees, found by their content: a path in evidence is only where to look first."""

    def __init__(self, change: RegistryChange) -> None:
        self._change = change
        self._budget = _LARGEST_IN_ALL
        self._read: dict[tuple[str, str], CorpusTable | CorpusFault] = {}

    def find(self, digest: str, hint: str | None) -> CorpusTable | str:
        """The corpus, or why there is none. A change that takes it away, or buries it under others, hides nothing."""
        base, head = self._change.base, self._change.head
        moved = [(side, path) for side in (base, head) for path in _places(side, hint) if self._differs(path)]
        kept = [(head, path) for path in _places(head, hint) if not self._differs(path)]
        named = [(head, hint)] if hint and format_of(hint) and head.is_file(hint) else []
        said = None
        for side, path in (*named, *kept, *moved):
            if self._budget < 0:
                return f"there are more than {_LARGEST_IN_ALL >> 20} MiB of corpora to look through"
            found = self._table(side, path)
            if isinstance(found, CorpusTable) and found.digest == digest:
                return found
            said = said or (_other(path, found, digest) if path == hint and side is head else None)
        return said or f"no corpus with the digest {digest[:12]}… lies in the tree"

    def at_base(self, digest: str) -> bool:
        """Whether it was there before the change, wherever it lay."""
        for path in _places(self._change.base, None):
            found = self._table(self._change.base, path)
            if isinstance(found, CorpusTable) and found.digest == digest:
                return True
        return False

    def _differs(self, path: str) -> bool:
        return self._change.base.key(path) != self._change.head.key(path)

    def _table(self, side: Side, path: str) -> CorpusTable | CorpusFault:
        content = side.content(path)
        if content is None or not content.seen:
            return CorpusFault(path, "its bytes are not at hand")
        if content.size > _LARGEST:
            return CorpusFault(path, f"it is larger than {_LARGEST >> 20} MiB")
        known = (path, content.digest)
        if known not in self._read:
            self._budget -= content.size
            with side.tree.open(side.real(path)) as stream:
                self._read[known] = read(stream, path)
        return self._read[known]


def _places(side: Side, hint: str | None) -> list[str]:
    return sorted((p for p in side.tree.paths() if format_of(p)), key=lambda path: (path != hint, path))


def _other(path: str, found: CorpusTable | CorpusFault, digest: str) -> str:
    if isinstance(found, CorpusFault):
        return f"the corpus cannot be read: {found}"
    return f"`{path}` is another corpus now (its digest is {found.digest[:12]}…, and {digest[:12]}… was measured)"


def contradicted(
    side: Side, entry: Entry, precision: str, corpus: CorpusTable, claimed: Mapping[str, Any], *, tolerance: float
) -> str | None:
    """How measuring again departs from what is claimed, in words; None where it does not, or there is no such model.

    A model that cannot be fed has no numbers either: a sidecar that hides it from the judge is no way around.
    """
    outcome = measured(side, entry, precision, corpus)
    if outcome is None:
        return None
    if not isinstance(outcome, Measurement):
        return f"measured again, {precision} gives no numbers: {outcome.reason}"
    differences = agrees(claimed, outcome, max(tolerance, _INT8_TOLERANCE) if precision == "int8" else tolerance)
    said = "; ".join(differences)
    return f"measured again on the same corpus, {precision} gives other numbers: {said}" if differences else None


def measured(
    side: Side, entry: Entry, precision: str, corpus: CorpusTable
) -> Measurement | MeasurementFailed | NotMeasured | None:
    """None where the entry has no model of this precision."""
    path = side.model_path(entry) if precision == "fp32" else side.twin_path(entry)
    beside = side.sidecar_path(entry) if precision == "fp32" else side.twin_sidecar_path(entry)
    if path is None or beside is None:
        return None
    graph, content = side.graph(path), side.content(path)
    if not isinstance(graph, Graph) or content is None or not content.seen:
        return NotMeasured(f"the bytes of `{path}` are not at hand")
    external = weights(side, path, graph)
    if external is None:
        return NotMeasured(f"the weights of `{path}` are not at hand")
    model = bytes_at(side.tree, side.real(path), content)
    sidecar = Sidecar(side.value(beside))
    return remeasure(corpus, sidecar, graph, model=model, external=external, bench=side.graphs.lab)
