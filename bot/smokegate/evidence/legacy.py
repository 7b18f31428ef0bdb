"""Version 1: honest about what it lacks. Its own numbers are held to, and base's policy must pin it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from smokegate.evidence import hollow
from smokegate.evidence.bounds import GateResult, Numbers, judged
from smokegate.evidence.documents import Evidence
from smokegate.evidence.fault import MEASURE, REWRITE, Fault, Faults, Wanted
from smokegate.evidence.numbers import TOLERANCE, finite, mean, spread, whole
from smokegate.evidence.recomputed import same
from smokegate.evidence.write import gate_block
from smokegate.policy import POLICY_NAME, Bound, Gate, Policy
from smokegate.policy_mistakes import dotted

_SEED = re.compile(r"0|[1-9][0-9]{0,15}")
_LIMITS = {
    "mean_plcc_threshold": ("mean_plcc", "min"),
    "plcc_spread_max": ("plcc_spread", "max"),
    "per_seed_min": ("seed_plcc", "min"),
}


def faults(evidence: Evidence, gate: Gate, name: str, policy: Policy, wanted: Sequence[Wanted]) -> Faults:
    unpinned = [one for one in wanted if not pinned(evidence, policy, one)]
    for entry in unpinned:
        yield Fault("SG507", ("schema_version",), _lacking(evidence, entry), _pin(evidence, entry), entry.id)
    if unpinned or not wanted:
        yield from hollow.absent(evidence)
    yield from _numbers(evidence, gate, name)


def pinned(evidence: Evidence, policy: Policy, entry: Wanted) -> bool:
    named = entry.id, entry.identity, evidence.sha256
    return any((pin.id, pin.identity, pin.evidence_sha256) == named for pin in policy.legacy_evidence)


def lacks(evidence: Evidence) -> list[str]:
    """What evidence of version 1 cannot say, in words."""
    return [
        "which model bytes it is about",
        "the numbers of each fold",
        "what the exported bytes gave",
        *([] if evidence.corpus.get("present") is True else ["a corpus that was there"]),
        *([] if isinstance(evidence.corpus.get("sha256"), str) else ["the corpus's digest"]),
        "the corpus's rows, sources and encoders",
    ]


def _lacking(evidence: Evidence, entry: Wanted) -> str:
    return (
        f"the evidence is of version 1 and does not say: {', '.join(lacks(evidence))}. It can stand for `{entry.id}` "
        "only where base's policy pins the three together"
    )


def _pin(evidence: Evidence, entry: Wanted) -> str:
    pin = f"{{id: {entry.id}, identity: {entry.identity}, evidence_sha256: {evidence.sha256}}}"
    return f"{MEASURE}; or add to `legacy_evidence` in {POLICY_NAME}, in a pull request of its own: {pin}"


# -- its own numbers ---------------------------------------------------------------------------------------------------


def _numbers(evidence: Evidence, gate: Gate, name: str) -> Faults:
    if gate.shape != "ensemble":
        message = f"evidence of version 1 is about an ensemble, and the gate {name} is of the shape {gate.shape}"
        yield Fault("SG504", ("gate",), message, MEASURE)
        return
    said = evidence.gate.get("per_seed_plccs")
    plccs = said if isinstance(said, dict) else {}
    for key in plccs:
        if not _SEED.fullmatch(key):
            message = f"`gate.per_seed_plccs` has a key {key!r}, which is no seed as a plain number"
            yield Fault("SG503", ("gate", "per_seed_plccs", key), message, REWRITE)
    values = {key: finite(value) for key, value in plccs.items() if _SEED.fullmatch(key)}
    numbers = Numbers(
        single={"mean_plcc": mean(values.values()), "plcc_spread": spread(values.values())},
        members={"seed_plcc": values},
    )
    quoted = gate.model_copy(update={"bounds": dict(_quoted(evidence))})
    yield from _concluded(evidence, gate_block(quoted, name, judged(quoted, name, numbers)))
    yield from _impossible(values)
    yield from _policy(evidence, judged(_known(gate), name, numbers))
    yield from _weaker(evidence, gate)
    yield from _seeds(evidence, gate, values)


def _quoted(evidence: Evidence) -> Iterator[tuple[str, Bound]]:
    for field, (metric, limit) in _LIMITS.items():
        fields: dict[str, Any] = {limit: finite(evidence.gate.get(field))}
        yield metric, Bound.model_construct(**fields, over="each" if metric == "seed_plcc" else "all")


def _concluded(evidence: Evidence, expected: dict[str, Any]) -> Faults:
    for field in ("name", "shape", "metrics", "comparison", "per_seed_plccs"):
        expected.pop(field)
    for field, value in expected.items():
        said = evidence.gate.get(field)
        if not same(said, value):
            message = f"`{dotted(('gate', field))}` says {said}, and its own numbers come to {value}"
            yield Fault("SG503", ("gate", field), message, REWRITE)


def _impossible(values: dict[str, float | None]) -> Faults:
    for key, value in values.items():
        if value is None or abs(value) > 1 + TOLERANCE:
            said = "undefined" if value is None else f"{value:g}, which no correlation is"
            yield Fault("SG503", ("gate", "per_seed_plccs", key), f"the PLCC of seed {key} is {said}", MEASURE)


def _known(gate: Gate) -> Gate:
    """Of the policy's bounds, those on numbers that version 1 has."""
    metrics = {metric for metric, _ in _LIMITS.values()}
    return gate.model_copy(update={"bounds": {name: one for name, one in gate.bounds.items() if name in metrics}})


def _policy(evidence: Evidence, result: GateResult) -> Faults:
    for reason in result.reasons:
        message = f"the verdict says {evidence.verdict}, and by the policy these numbers do not pass: {reason}"
        yield Fault("SG503", ("verdict",), message, MEASURE)


def _weaker(evidence: Evidence, gate: Gate) -> Faults:
    for field, (metric, limit) in _LIMITS.items():
        bound = gate.bounds.get(metric)
        ours = getattr(bound, limit) if bound else None
        theirs = finite(evidence.gate.get(field))
        if ours is None:
            continue
        if theirs is None or (theirs < ours - TOLERANCE if limit == "min" else theirs > ours + TOLERANCE):
            message = f"it was judged with {field} {theirs}; the policy asks for {ours:g}"
            yield Fault("SG504", ("gate", field), message, MEASURE)


def _seeds(evidence: Evidence, gate: Gate, values: dict[str, float | None]) -> Faults:
    named = evidence.fields.get("seeds")
    listed = [whole(one) for one in named] if isinstance(named, list) else []
    wanted = sorted(gate.seeds)
    for place, found in (
        (("seeds",), listed),
        (("gate", "per_seed_plccs"), [int(key) for key in values]),
    ):
        if None in found or sorted(one for one in found if one is not None) != wanted:
            message = f"its seeds are {found}, and the policy names {wanted}"
            yield Fault("SG509", place, message, MEASURE)
