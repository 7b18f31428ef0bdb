"""What a gate asks of numbers, and what came of it. The one place where a value meets a limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from smokegate.evidence.numbers import TOLERANCE, finite, mean
from smokegate.policy import Bound, Gate


@dataclass(frozen=True, slots=True)
class MetricResult:
    name: str
    over: str
    subject: str | None
    value: float | None
    passed: bool
    margin: float | None = None
    """By how much the tightest limit is met; negative where it is missed."""
    min: float | None = None
    max: float | None = None
    max_drop: float | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A comparison's own rule, beside its bounds."""

    metric: str
    margin: float
    confidence: float
    resamples: int
    bootstrap_seed: int
    items: int
    low: float | None
    high: float | None

    @property
    def inconclusive(self) -> bool:
        return self.low is not None and self.high is not None and self.low <= 0 <= self.high


@dataclass(frozen=True, slots=True)
class Numbers:
    """The metrics that a shape's raw measurements come to."""

    single: Mapping[str, float | None] = field(default_factory=dict)
    members: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    incumbent: Mapping[str, float | None] = field(default_factory=dict)
    unasked: frozenset[str] = frozenset()
    """Metrics of which nothing is asked in this case: there is nothing that they could be about."""
    faults: tuple[str, ...] = ()
    """What is missing, twice or undefined, in words: the gate fails whatever the numbers are."""


@dataclass(frozen=True, slots=True)
class GateResult:
    passed: bool
    metrics: tuple[MetricResult, ...]
    reasons: tuple[str, ...]
    inconclusive: bool = False
    numbers: Numbers = field(default_factory=Numbers)
    rule: Rule | None = None

    def of(self, name: str) -> list[MetricResult]:
        return [one for one in self.metrics if one.name == name]


def judged(gate: Gate, name: str, numbers: Numbers) -> GateResult:
    """Every bound of the gate against the numbers. A gate that asks for nothing lets nothing pass."""
    metrics = tuple(one for metric, bound in gate.bounds.items() for one in _metric(metric, bound, numbers))
    reasons = [*numbers.faults, *(reason for one in metrics if not one.passed for reason in _reasons(one, numbers))]
    if not any(_limits(bound) for bound in gate.bounds.values()):
        reasons.append(f"the gate {name} has no bounds, so nothing can meet it")
    return GateResult(not reasons, metrics, tuple(reasons), numbers=numbers)


def _limits(bound: Bound) -> bool:
    return any(limit is not None for limit in (bound.min, bound.max, bound.max_drop))


def _metric(name: str, bound: Bound, numbers: Numbers) -> Iterator[MetricResult]:
    incumbent = numbers.incumbent.get(name)
    if name in numbers.unasked:
        return
    if name in numbers.single:
        yield limited(name, bound, numbers.single[name], incumbent)
        return
    members = numbers.members.get(name, {})
    if bound.over == "each" and members:
        for subject, value in members.items():
            yield limited(name, bound, value, incumbent, subject)
    else:
        yield limited(name, bound, mean(members.values()), incumbent)


def limited(
    name: str, bound: Bound, value: float | None, incumbent: float | None = None, subject: str | None = None
) -> MetricResult:
    slacks = list(_slacks(bound, value, incumbent))
    margin = None if None in slacks else min((slack for slack in slacks if slack is not None), default=None)
    passed = value is not None and all(slack is not None and slack >= -TOLERANCE for slack in slacks)
    over = "each" if subject is not None else "all"
    return MetricResult(name, over, subject, value, passed, margin, bound.min, bound.max, bound.max_drop)


def _slacks(bound: Bound, value: float | None, incumbent: float | None) -> Iterator[float | None]:
    """Per limit, by how much it is met; None where that is undefined."""
    if bound.min is not None:
        yield None if value is None else finite(value - bound.min)
    if bound.max is not None:
        yield None if value is None else finite(bound.max - value)
    if bound.max_drop is not None:
        yield None if value is None or incumbent is None else finite(bound.max_drop - (incumbent - value))


def _reasons(one: MetricResult, numbers: Numbers) -> Iterator[str]:
    what = f"{one.name} of {one.subject}" if one.subject is not None else one.name
    if one.value is None:
        known = one.name in numbers.single or one.name in numbers.members
        yield f"{what} is undefined" if known else f"{what} is asked for, and the measurements have no such number"
        return
    if one.min is not None and one.value < one.min - TOLERANCE:
        yield f"{what} is {one.value:.6g}, less than {one.min:g}"
    if one.max is not None and one.value > one.max + TOLERANCE:
        yield f"{what} is {one.value:.6g}, more than {one.max:g}"
    if one.max_drop is not None:
        incumbent = numbers.incumbent.get(one.name)
        if incumbent is None:
            yield f"{what} may drop by {one.max_drop:g} against the incumbent, of which there is no such number"
        elif incumbent - one.value > one.max_drop + TOLERANCE:
            below = f"{incumbent - one.value:.3g} below the incumbent's"
            yield f"{what} is {one.value:.6g}, {below}, and may be {one.max_drop:g}"
