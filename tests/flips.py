"""Flips that are sound in all but what a test is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import fitted
import onnx_models
from evidence import corpora
from forge import Forge
from proofs import CORPUS
from smokegate.evidence import write
from smokegate.evidence.corpus import CorpusTable

ENSEMBLE = tuple(f"fr_ensemble_v1_seed{seed}" for seed in range(5))
LOWERED = {"min_rows": 100}
PAIR = {"ensemble-plcc": {"match": ["fr_ensemble_*"], "group": True, "shape": "ensemble", "seeds": [0, 1]}}
"""The built-in gate over two seeds, where five would only take longer."""


def saliency(forge: Forge, **policy: Any) -> None:
    """`saliency_v1` goes to production; the evidence is still to come."""
    forge.add("saliency_v1", onnx_models.saliency(1), kind="filter")
    forge.trust(**policy)
    forge.start()
    flip(forge, "saliency_v1")


def ensemble(forge: Forge, **policy: Any) -> None:
    """Five models that nobody fitted."""
    for entry_id in ENSEMBLE:
        forge.add(entry_id)
    forge.trust(**policy)
    forge.start()
    flip(forge, *ENSEMBLE)


def fitted_ensemble(
    forge: Forge, ids: Sequence[str] = ENSEMBLE, *, models: Mapping[str, bytes] = MappingProxyType({}), **policy: Any
) -> CorpusTable:
    """Models fitted to the corpus that lies beside them (or other ones), on their way up."""
    rows = corpora.rows(300)
    table = corpora.table(rows)
    forge.write(f"/{CORPUS}", corpora.jsonl(rows))
    for seed, entry_id in enumerate(ids):
        data = models.get(entry_id) or fitted.model(table, seed)
        forge.add(entry_id, data, sidecar=forge.sidecar(data, scaler=False))
    forge.trust(**{"corpora": LOWERED, **policy})
    forge.start()
    flip(forge, *ids)
    return table


def flip(forge: Forge, *ids: str) -> None:
    for entry_id in ids:
        forge.entry(entry_id)["smoke"] = False
    forge.commit("flip")


def rewrite(forge: Forge, edit: Callable[[dict[str, Any]], object], name: str = "PROMOTE.json") -> None:
    """Edited by whoever holds the key, so that only the content is left to complain of."""
    value = forge.read_json(name)
    edit(value)
    forge.write(name, write.to_bytes(value))
    forge.sign(name)
