"""A candidate against the model in production, item by item, and the verdict that is drawn from it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smokegate.errors import DocumentError, UsageError
from smokegate.evidence import write
from smokegate.evidence.corpus import quoted
from smokegate.evidence.documents import Evidence, read
from smokegate.evidence.examine import Fault, Wanted, examine
from smokegate.policy import Limits
from smokegate_runners import provenance, verdict
from smokegate_runners.saliency.agreement import block_iou
from smokegate_runners.saliency.agreement.block_iou import Blocks, Overlap, Rule
from smokegate_runners.saliency.contests import apart, evaluation, handed
from smokegate_runners.saliency.contests.allowance import allowance
from smokegate_runners.saliency.contests.apart import GaveNoMask, ModelApart, Refused
from smokegate_runners.saliency.contests.contest import Contest, Judge
from smokegate_runners.saliency.contests.evaluation import ENCODERS, Evaluation, Item
from smokegate_runners.saliency.progress import Journal

METRICS = ("iou", "block_iou")
"""What a gate may call what is compared here."""
PACKAGES = ("smokegate", "av", "numpy", "onnxruntime")
RULE = Rule()
_PROVIDERS = {apart.CPU: "CPUExecutionProvider", apart.CUDA: "CUDAExecutionProvider"}
"""As ONNX Runtime calls them."""


@dataclass(frozen=True, slots=True)
class Side:
    path: Path
    model: ModelApart


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


@contextmanager
def opened(paths: Sequence[Path], provider: str, threads: int) -> Iterator[list[Side]]:
    """Each with a process of its own: what takes one over has no say in what the other gives."""
    with ExitStack() as stack:
        yield [Side(path, stack.enter_context(closing(ModelApart(provider, threads)))) for path in paths]


def run(order: Order, contest: Contest, judge: Judge, journal: Journal) -> Given:
    started = time.perf_counter()
    _require_metric(contest)
    items = evaluation.read(order.items, RULE)
    pairs = ((order.candidate, contest.candidate), (order.incumbent, contest.incumbent))
    sides = [(side, wanted) for side, wanted in pairs if side is not None and wanted is not None]
    _load(sides, items, contest.policy.policy.limits)
    measured = _measured([side for side, _ in sides], items, journal)
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


def _require_metric(contest: Contest) -> None:
    if contest.gate.metric not in METRICS:
        raise UsageError(
            f"the gate {contest.gate_name} compares {contest.gate.metric}, and this measures block IoU",
            fix=f"measure it with the tool that it is meant for, or write `metric: {METRICS[0]}` into the gate",
        )


def _load(sides: Sequence[tuple[Side, Wanted]], items: Evaluation, limits: Limits) -> None:
    """Both at a time."""
    for side, wanted in sides:
        files = handed.files(side.path, wanted, model_mib=limits.model_mib)
        room = allowance(
            limits,
            model_bytes=files.size,
            threads=side.model.threads,
            most_pixels=items.most_pixels,
            pictures=len(items.items),
        )
        side.model.load(files, room)
    for side, _ in sides:
        try:
            side.model.loaded()
        except Refused as refusal:
            raise UsageError(f"{side.path}, while it was loaded: {refusal.message}") from None
        except GaveNoMask as failure:
            raise DocumentError(f"{side.path}, while it was loaded: {failure.message}") from None


# -- numbers ---------------------------------------------------------------------------------------------------------


def _measured(sides: Sequence[Side], items: Evaluation, journal: Journal) -> list[list[Overlap]]:
    """Of each item, side by side. The next one is read while the models are at work."""
    phase = journal.phase("compared", "items", len(items.items))
    found = []
    loaded = items.load(items.items[0], RULE)
    for item, following in zip(items.items, (*items.items[1:], None), strict=True):
        for side in sides:
            with _named(side, item):
                side.model.ask(loaded.rgb)
        upcoming = items.load(following, RULE) if following is not None else loaded
        found.append([_overlap(side, item, loaded.salient) for side in sides])
        loaded = upcoming
        phase.advance()
    for side in sides:
        with _named(side, items.items[-1]):
            side.model.finish()
    phase.end()
    return found


def _overlap(side: Side, item: Item, salient: Blocks) -> Overlap:
    with _named(side, item):
        mask = side.model.mask()
    return block_iou.overlap(RULE.salient(RULE.sums(mask)), salient)


@contextmanager
def _named(side: Side, item: Item) -> Iterator[None]:
    try:
        yield
    except GaveNoMask as failure:
        raise DocumentError(f"{side.path}, on the item {quoted(item.id)}: {failure.message}") from None


def _measurements(metric: str, items: Evaluation, measured: Sequence[Sequence[Overlap]]) -> dict[str, Any]:
    candidates, *others = (list(column) for column in zip(*measured, strict=True))
    incumbents = others[0] if others else None
    return {
        "shape": "comparison",
        "metric": metric,
        "items": [
            {
                "id": item.id,
                "candidate": candidates[at].iou,
                "incumbent": incumbents[at].iou if incumbents else None,
                "weight": candidates[at].blocks,
            }
            for at, item in enumerate(items.items)
        ],
        "micro": {
            "candidate": block_iou.micro(candidates),
            "incumbent": block_iou.micro(incumbents) if incumbents else None,
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
