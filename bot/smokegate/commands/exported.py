"""The judge's side for a harness: the laboratory, the policy in force, how evidence names a corpus, who is compared."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smokegate.commands import gate, gate_files
from smokegate.evidence.measure import NotMeasured
from smokegate.evidence.remeasure import Outcome, remeasure
from smokegate.judge.ports import Bytes
from smokegate.lab.client import Lab
from smokegate.policy_file import default_policy
from smokegate.registry.graph import GraphFault
from smokegate.registry.sidecar import Sidecar
from smokegate.review.contest import Asked, Contest, contest

if TYPE_CHECKING:
    from smokegate.evidence.corpus import CorpusTable
    from smokegate.policy_file import LoadedPolicy


class Exported:
    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def measure(self, model: bytes, sidecar: Mapping[str, Any], corpus: CorpusTable) -> Outcome:
        content = Bytes(hashlib.sha256(model).hexdigest(), len(model), lambda: io.BytesIO(model))
        graph = self._lab.inspect(content)
        if isinstance(graph, GraphFault):
            return NotMeasured(graph.reason)
        return remeasure(corpus, Sidecar(dict(sidecar)), graph, model=content, external={}, bench=self._lab)

    def policy(self, file: str | None) -> LoadedPolicy:
        return gate.policy_of(file)

    def contest(
        self,
        candidate: Path,
        incumbent: Path | None,
        *,
        registry: Path | None,
        candidate_id: str | None,
        base: str | None,
        policy: str | None,
    ) -> Contest:
        return contest(Asked(candidate, incumbent, registry, candidate_id, base, policy))

    def corpus(self, place: Path) -> dict[str, Any]:
        return gate_files.corpus(place)


@contextmanager
def opened() -> Iterator[Exported]:
    with Lab(default_policy().policy.limits) as lab:
        yield Exported(lab)
