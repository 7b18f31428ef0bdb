"""A candidate against the model in production, item by item, and the verdict that is drawn from it."""

from __future__ import annotations

import posixpath
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smokegate.errors import DocumentError, UsageError
from smokegate.evidence import write
from smokegate.evidence.corpus import quoted
from smokegate.evidence.documents import Evidence, read
from smokegate.evidence.examine import Fault, Wanted, examine
from smokegate_runners import provenance, verdict
from smokegate_runners.saliency import block_iou, evaluation, runtime
from smokegate_runners.saliency.block_iou import Overlap, Rule
from smokegate_runners.saliency.contest import Contest, Judge
from smokegate_runners.saliency.evaluation import ENCODERS, Evaluation, Item, Loaded
from smokegate_runners.saliency.model import ModelFailed, SaliencyModel
from smokegate_runners.saliency.progress import Journal

METRICS = ("iou", "block_iou")
"""What a gate may call what is compared here."""
PACKAGES = ("smokegate", "av", "numpy", "onnxruntime")
RULE = Rule()
_PROVIDERS = {runtime.CPU: "CPUExecutionProvider", runtime.CUDA: "CUDAExecutionProvider"}
"""As ONNX Runtime calls them."""


@dataclass(frozen=True, slots=True)
class Side:
    path: Path
    model: SaliencyModel


@dataclass(frozen=True, slots=True)
class Order:
    candidate: Side
    incumbent: Side | None
    items: Path
    out: Path
    request: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Given:
    document: dict[str, Any]
    path: Path
    in_the_way: Sequence[Fault]
    """What the judge will hold against a PROMOTE all the same, a small corpus for one."""


def opened(path: Path, provider: str, threads: int) -> Side:
    return Side(path, SaliencyModel(path, provider=provider, threads=threads))


def run(order: Order, contest: Contest, judge: Judge, journal: Journal) -> Given:
    started = time.perf_counter()
    _require_metric(contest)
    for side, wanted in ((order.candidate, contest.candidate), (order.incumbent, contest.incumbent)):
        if side is not None and wanted is not None:
            _require_same(side, wanted)
    items = evaluation.read(order.items, RULE)
    measured = [_measured(order, items, one) for one in _told(items, journal)]
    against, provider = contest.incumbent, _PROVIDERS[order.candidate.model.provider]
    document = write.promote(
        gate=contest.gate,
        gate_name=contest.gate_name,
        measurements=_measurements(contest.gate.metric, items, measured),
        corpus=_corpus(judge, items),
        policy_sha256=contest.policy.sha256,
        generated_at_utc=provenance.now(),
        subjects=[contest.subject],
        incumbent={"id": against.id, "sha256": against.sha256, "identity": against.identity} if against else None,
        runner=verdict.runner(PACKAGES, time.perf_counter() - started, provider=provider),
        request=order.request,
        follows_hold=verdict.hold_before(order.out, [contest.candidate.identity]),
    )
    return Given(document, verdict.leave(document, order.out), _faults(document, contest))


def _told(items: Evaluation, journal: Journal) -> Iterator[Item]:
    phase = journal.phase("compared", "items", len(items.items))
    for item in items.items:
        yield item
        phase.advance()
    phase.end()


def _require_metric(contest: Contest) -> None:
    if contest.gate.metric not in METRICS:
        raise UsageError(
            f"the gate {contest.gate_name} compares {contest.gate.metric}, and this measures block IoU",
            fix=f"measure it with the tool that it is meant for, or write `metric: {METRICS[0]}` into the gate",
        )


def _require_same(side: Side, wanted: Wanted) -> None:
    """Evidence is about the bytes that are run, and these were read anew since the judge was asked."""
    found = side.model.described.digests
    external = {posixpath.normpath(place): digest for place, digest in found.external}
    if found.sha256 != wanted.sha256 or external != wanted.external:
        raise DocumentError(f"{side.path} is another model now than when the run began", fix="run it again")


# -- numbers ---------------------------------------------------------------------------------------------------------


def _measured(order: Order, items: Evaluation, item: Item) -> tuple[Overlap, Overlap | None]:
    loaded = items.load(item, RULE)
    return _overlap(order.candidate, loaded, item), _overlap(order.incumbent, loaded, item) if order.incumbent else None


def _overlap(side: Side, loaded: Loaded, item: Item) -> Overlap:
    try:
        mask = side.model.mask_rgb(loaded.rgb)
    except ModelFailed as failure:
        raise DocumentError(f"{side.path}, on the item {quoted(item.id)}: {failure.message}") from None
    return block_iou.overlap(RULE.salient(RULE.sums(mask)), loaded.salient)


def _measurements(metric: str, items: Evaluation, measured: Sequence[tuple[Overlap, Overlap | None]]) -> dict[str, Any]:
    theirs = [incumbent for _, incumbent in measured if incumbent is not None]
    return {
        "shape": "comparison",
        "metric": metric,
        "items": [
            {
                "id": item.id,
                "candidate": candidate.iou,
                "incumbent": incumbent.iou if incumbent else None,
                "weight": candidate.blocks,
            }
            for item, (candidate, incumbent) in zip(items.items, measured, strict=True)
        ],
        "micro": {
            "candidate": block_iou.micro(candidate for candidate, _ in measured),
            "incumbent": block_iou.micro(theirs) if theirs else None,
        },
    }


def _corpus(judge: Judge, items: Evaluation) -> dict[str, Any]:
    said = judge.corpus(items.folder)
    if said["sha256"] != items.digest:
        raise DocumentError(f"{items.folder} is another set now than when the run began", fix="run it again")
    count = len(items.items)
    return {
        **said,
        "rows": count,
        "sources": items.sources,
        "encoders": list(ENCODERS),
        "ref_count": len(items.sources),
        "dis_count": count,
    }


def _faults(document: dict[str, Any], contest: Contest) -> list[Fault]:
    evidence = read(write.to_bytes(document), "PROMOTE.json")
    if document["verdict"] != write.PROMOTE or not isinstance(evidence, Evidence):
        return []
    gate, name, against = contest.gate, contest.gate_name, contest.incumbent
    policy = contest.policy.policy
    return examine(evidence, gate, name, policy, [contest.candidate], incumbent=against, unopposed=against is None)
