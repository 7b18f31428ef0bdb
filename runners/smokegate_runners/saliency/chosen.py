"""The model of a run: what it is called, what its values hang on, and how a worker gets it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smokegate.errors import UsageError
from smokegate_runners import provenance
from smokegate_runners.provenance import Artifact
from smokegate_runners.saliency.columns import is_text
from smokegate_runners.saliency.order import Order
from smokegate_runners.saliency.registered import standing
from smokegate_runners.saliency.work import WorkerFactory


@dataclass(frozen=True, slots=True)
class Chosen:
    id: str
    path: Path
    registry: Path | None
    digest: str
    """Of all its files; it goes into the keys of finished work."""
    file: Artifact
    factory: WorkerFactory
    multiple: int = 1
    """What frames are padded to. A sidecar may say it, which is no part of the digest."""

    @property
    def value(self) -> dict[str, Any]:
        """As audits show it."""
        return {
            "id": self.id,
            "path": provenance.named(self.path),
            "sha256": self.file.sha256,
            "digest": self.digest,
            "registry": provenance.named(self.registry) if self.registry else None,
        }


Choosing = Callable[[Order, int], Chosen]
"""With the number of processors that each worker has to itself."""


def choose(order: Order, threads: int) -> Chosen:
    """Everything that can be wrong with a model is found here, before a row is touched."""
    from smokegate_runners.saliency import worker  # noqa: PLC0415
    from smokegate_runners.saliency.network import model  # noqa: PLC0415

    found = standing(order.model, unregistered=order.allow_unregistered)
    described = model.describe(order.model)
    sha256 = described.digests.sha256
    if found.sha256 not in (None, sha256):
        raise UsageError(f"{order.model} was changed while it was read", fix="run again when it is at rest")
    name = order.model_id or found.id
    if not is_text(name):
        raise UsageError(f"the model's name, {name!r}, cannot be written into a table", fix="add --model-id NAME")
    return Chosen(
        id=name,
        path=order.model,
        registry=found.registry,
        digest=described.digest,
        file=Artifact("model", provenance.named(order.model), order.model.stat().st_size, sha256),
        factory=worker.factory(
            order.model.absolute(), order.settings, provider=order.provider, threads=threads, known=described
        ),
        multiple=described.multiple,
    )
