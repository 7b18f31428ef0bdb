"""A corpus as a trainer sees it: float32 blocks, fed exactly as the judge feeds a model when it measures one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smokegate.errors import DocumentError, UsageError
from smokegate.evidence.corpus import FEATURES, SCORE, CorpusFault, CorpusTable, quoted, read
from smokegate.evidence.features import ENCODERS, inputs
from smokegate.evidence.measure import NotMeasured
from smokegate.registry.graph import Graph, Port, Scaler
from smokegate.registry.sidecar import Sidecar
from smokegate_runners.ensemble.recipe import CODEC_BLOCK

FEATURES_INPUT = "features"
CODEC_INPUT = "codec_onehot"
_PORTS = (
    Port(FEATURES_INPUT, "float32", ("N", len(FEATURES))),
    Port(CODEC_INPUT, "float32", ("N", len(CODEC_BLOCK))),
)
_GRAPH = Graph(8, (("", 17),), _PORTS, (Port("score", "float32", ("N", 1)),), (), 0, (), Scaler.BAKED)
_SCORE_LIMIT = 1e6
"""Far outside of any score: past it, its square no longer means anything in float32."""


@dataclass(frozen=True, slots=True)
class Rows:
    table: CorpusTable
    features: NDArray[np.float32]
    codec: NDArray[np.float32]
    targets: NDArray[np.float32]
    src: NDArray[np.str_]

    @property
    def count(self) -> int:
        return self.table.rows

    @property
    def unknown_encoders(self) -> dict[str, int]:
        """Rows by encoder, of those that the vocabulary does not name."""
        counted = Counter(name for name in self.table.encoder if name not in ENCODERS[:-1])
        return dict(sorted(counted.items()))


def feeding(table: CorpusTable) -> dict[str, Any]:
    """What a sidecar says of how its model is fed from rows like these."""
    rates = table.numbers["cq"]
    return {
        "feature_order": list(FEATURES),
        "onnx_has_scaler": True,
        "encoder_vocab": list(ENCODERS),
        "codec_block_layout": list(CODEC_BLOCK),
        "cq_min": float(min(rates)),
        "cq_max": float(max(rates)),
    }


def load(path: Path) -> Rows:
    """The corpus, or an error that says why nothing can be learnt from it."""
    try:
        with path.open("rb") as stream:
            table = read(stream, str(path))
    except OSError as error:
        raise UsageError(f"the corpus {path} cannot be read: {error.strerror}", fix="name it with --corpus") from None
    if isinstance(table, CorpusFault):
        raise DocumentError(str(table), fix=table.fix)
    return rows_of(table, str(path))


def rows_of(table: CorpusTable, path: str) -> Rows:
    if len(table.sources) < 2:
        raise DocumentError(
            f"{path}: every row is of the source {quoted(table.sources[0])}, and leaving one out leaves none",
            fix="add encodes of further sources: smokegate corpus --help",
        )
    scores = table.numbers[SCORE]
    if min(scores) == max(scores):
        raise DocumentError(
            f"{path}: `{SCORE}` is {scores[0]:g} in every row, so there is nothing to learn",
            fix="add encodes at other quality levels: smokegate corpus --help",
        )
    if max(abs(min(scores)), abs(max(scores))) > _SCORE_LIMIT:
        raise DocumentError(f"{path}: `{SCORE}` goes past {_SCORE_LIMIT:,.0f}, which is no score")
    features, codec = fed(table, feeding(table), path)
    src = np.asarray(table.src, dtype=np.str_)
    return Rows(table, features, codec, np.asarray(scores, dtype=np.float32), src)


def fed(table: CorpusTable, sidecar: Mapping[str, Any], path: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Both blocks, as the sidecar asks for them."""
    feeds = inputs(Sidecar(dict(sidecar)), _GRAPH, table)
    if isinstance(feeds, NotMeasured):
        raise DocumentError(f"{path}: {feeds.reason}")
    blocks = (np.frombuffer(feeds.inputs[port.name], dtype="<f4") for port in _PORTS)
    features, codec = (block.reshape(table.rows, -1).astype(np.float32, copy=False) for block in blocks)
    return features, codec
