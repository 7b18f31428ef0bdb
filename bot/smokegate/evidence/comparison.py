"""The comparison shape: candidate against incumbent on the same items, by a paired bootstrap.

Everything random is whole numbers: a counter-based generator (splitmix64; Steele, Lea, Flood 2014) draws the items,
and differences are summed as fixed-point integers. So one interval comes out on every platform, with every NumPy.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from smokegate.evidence.bounds import GateResult, MetricResult, Numbers, Rule, judged, limited
from smokegate.evidence.numbers import TOLERANCE, finite, mean
from smokegate.policy import Bound, Gate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_ITEMS = 50_000
"""A bootstrap over more would take the judge minutes; sums of so many stay exact in 64 bits."""
_SUM_BITS = 62
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Pair:
    id: str
    candidate: float
    incumbent: float | None


def verdict(gate: Gate, name: str, measurements: Mapping[str, Any]) -> GateResult:
    pairs, faults = _pairs(measurements)
    if measurements.get("metric") != gate.metric:
        faults.append(f"{measurements.get('metric')} is compared, and the gate {name} compares {gate.metric}")
    against = sum(pair.incumbent is not None for pair in pairs)
    if 0 < against < len(pairs):
        faults.append(f"{len(pairs) - against} of {len(pairs)} items have no number of the incumbent")
    micro, their_micro = _micro(measurements)
    gaps = [finite(pair.candidate - pair.incumbent) for pair in pairs if pair.incumbent is not None]
    differences = [gap for gap in gaps if gap is not None]
    if len(differences) < len(gaps):
        faults.append("some differences are beyond what float64 holds")
    numbers = Numbers(
        single={
            "candidate": mean(pair.candidate for pair in pairs),
            "micro_candidate": micro,
            "micro_difference": None if micro is None or their_micro is None else finite(micro - their_micro),
        },
        unasked=frozenset({"candidate", "micro_candidate"} if against else {"micro_difference"}),
        faults=tuple(faults),
    )
    return _against(gate, name, numbers, differences) if against else _alone(gate, name, numbers, len(pairs))


def _alone(gate: Gate, name: str, numbers: Numbers, items: int) -> GateResult:
    """No incumbent: the gate's own `min` of the candidate decides."""
    result = judged(gate, name, numbers)
    reasons = list(result.reasons)
    bound = gate.bounds.get("candidate")
    if bound is None or bound.min is None:
        reasons.append(f"there is no incumbent, and the gate {name} has no `min` for `candidate` to decide by")
    rule = Rule(gate.metric, gate.margin, gate.confidence, gate.resamples, gate.bootstrap_seed, items, None, None)
    return replace(result, passed=not reasons, reasons=tuple(reasons), rule=rule)


def _against(gate: Gate, name: str, numbers: Numbers, differences: Sequence[float]) -> GateResult:
    asked = {metric: bound for metric, bound in gate.bounds.items() if metric not in numbers.unasked}
    bounded = judged(gate.model_copy(update={"bounds": asked}), name, numbers) if asked else None
    low, high = interval(differences, gate) if len(differences) > 1 and not numbers.faults else (None, None)
    rule = Rule(
        gate.metric, gate.margin, gate.confidence, gate.resamples, gate.bootstrap_seed, len(differences), low, high
    )
    difference = limited("difference", Bound.model_construct(min=gate.margin), mean(differences))
    lowest = MetricResult("difference_low", "all", None, low, low is not None and low > 0, low, min=0.0)
    metrics = (difference, lowest, *(bounded.metrics if bounded else ()))
    reasons = [*(bounded.reasons if bounded else numbers.faults), *_reasons(rule, difference)]
    return GateResult(not reasons, metrics, tuple(reasons), rule.inconclusive, numbers, rule)


def _reasons(rule: Rule, difference: MetricResult) -> Iterator[str]:
    if rule.low is None or rule.high is None:
        yield f"there is no interval for the difference: {rule.items} items"
        return
    if rule.items < (least := fewest(rule.confidence)):
        yield (
            f"{rule.items} items can show nothing with {rule.confidence * 100:g}% confidence, as chance alone favours "
            f"one side in so few: at least {least} are needed"
        )
    span = f"{rule.confidence * 100:g}% interval {rule.low:+.6f} to {rule.high:+.6f}"
    if rule.inconclusive:
        yield f"inconclusive: the difference may as well be zero ({span})"
    elif rule.high < 0:
        yield f"the incumbent is better ({span})"
    elif not difference.passed:
        yield f"the candidate is better by {difference.value:.6f}, less than the margin of {rule.margin:g} ({span})"


def fewest(confidence: float) -> int:
    """Of fewer items, all are of one sign by a coin's toss more often than the confidence admits."""
    return 1 + math.ceil(-math.log2(1 - confidence) - TOLERANCE)


def _pairs(measurements: Mapping[str, Any]) -> tuple[list[Pair], list[str]]:
    rows = measurements.get("items")
    if not isinstance(rows, list) or len(rows) < 2:
        count = len(rows) if isinstance(rows, list) else 0
        return _read(rows or [])[0], [
            f"{count} item{'' if count == 1 else 's'} can show nothing: at least two are needed"
        ]
    if len(rows) > MOST_ITEMS:
        return [], [f"{len(rows):,} items are more than the {MOST_ITEMS:,} that are resampled; group them"]
    return _read(rows)


def _read(rows: object) -> tuple[list[Pair], list[str]]:
    pairs, faults = [], []
    for index, row in enumerate(rows if isinstance(rows, list) else []):
        fields = row if isinstance(row, dict) else {}
        name, candidate, incumbent = fields.get("id"), finite(fields.get("candidate")), fields.get("incumbent")
        known = finite(incumbent)
        if not isinstance(name, str):
            faults.append(f"item {index} has no id")
        elif candidate is None:
            faults.append(f"the candidate's number of item {name} is undefined")
        elif incumbent is not None and known is None:
            faults.append(f"the incumbent's number of item {name} is undefined")
        else:
            pairs.append(Pair(name, candidate, known))
    there = Counter(pair.id for pair in pairs)
    faults += [f"item {name} is there {times} times" for name, times in there.items() if times > 1]
    return pairs, faults


def _micro(measurements: Mapping[str, Any]) -> tuple[float | None, float | None]:
    micro = measurements.get("micro")
    row = micro if isinstance(micro, dict) else {}
    return finite(row.get("candidate")), finite(row.get("incumbent"))


def interval(differences: Sequence[float], gate: Gate) -> tuple[float, float]:
    """The percentile interval of the mean difference, by nearest rank, outwards."""
    means = _resampled(tuple(differences), gate.resamples, gate.bootstrap_seed)
    cut = math.floor((1 - gate.confidence) / 2 * gate.resamples + TOLERANCE)
    return means[cut], means[len(means) - 1 - cut]


@lru_cache(maxsize=4)
def _resampled(differences: tuple[float, ...], resamples: int, seed: int) -> list[float]:
    """The means of the resamples, in order."""
    import numpy as np  # noqa: PLC0415 - only where a comparison is judged

    count = len(differences)
    shift = _shift(differences)
    fixed = np.array([round(math.ldexp(one, shift)) for one in differences], dtype=np.int64)
    rows = max(1, _CHUNK // count)
    sums = [
        int(total)
        for first in range(0, resamples, rows)
        for total in fixed[_drawn(seed, first, min(rows, resamples - first), count)].sum(axis=1)
    ]
    return [math.ldexp(total / count, -shift) for total in sorted(sums)]


def _shift(differences: Sequence[float]) -> int:
    """The power of two that makes the differences integers whose sum fits 64 bits."""
    largest = max(abs(one) for one in differences)
    return _SUM_BITS - math.frexp(largest)[1] - len(differences).bit_length() if largest else 0


def _drawn(seed: int, first: int, rows: int, count: int) -> NDArray[np.int64]:
    """Which items each resample holds: draw `j` of resample `r` is a function of (seed, r, j) and nothing else."""
    import numpy as np  # noqa: PLC0415

    start = _mixed(seed) + first * count
    counters = np.arange(rows * count, dtype=np.uint64) + np.uint64(start & _MASK)
    z = counters * np.uint64(_GAMMA)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(_FIRST)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(_SECOND)
    z = (z ^ (z >> np.uint64(31))) >> np.uint64(32)
    drawn: NDArray[np.int64] = ((z * np.uint64(count)) >> np.uint64(32)).astype(np.int64)
    return drawn.reshape(rows, count)


_MASK = (1 << 64) - 1
_GAMMA, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def _mixed(seed: int) -> int:
    """Seeds that lie close together start far apart."""
    z = (seed * _GAMMA + _GAMMA) & _MASK
    z = ((z ^ (z >> 30)) * _FIRST) & _MASK
    z = ((z ^ (z >> 27)) * _SECOND) & _MASK
    return z ^ (z >> 31)
