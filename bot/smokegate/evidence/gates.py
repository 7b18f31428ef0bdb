"""A gate's verdict, recomputed from raw measurements by the policy's bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from smokegate.evidence import comparison, ensemble, metrics
from smokegate.evidence.bounds import GateResult, MetricResult, Numbers, Rule, judged
from smokegate.evidence.documents import Evidence, Subject
from smokegate.policy import Gate

__all__ = ["GateResult", "MetricResult", "Numbers", "Rule", "evaluate"]


def evaluate(
    gate: Gate,
    name: str,
    measurements: Evidence | Mapping[str, Any],
    subjects: Sequence[Subject] | None = None,
) -> GateResult:
    """What the numbers come to. `subjects` are the evidence's own unless others are given."""
    if isinstance(measurements, Evidence):
        subjects = measurements.subjects if subjects is None else subjects
        measurements = measurements.measurements
    subjects = subjects or ()
    if measurements.get("shape") != gate.shape:
        why = (
            f"the gate {name} judges measurements of the shape {gate.shape}, and these are {measurements.get('shape')}"
        )
        return GateResult(passed=False, metrics=(), reasons=(why,))
    match gate.shape:
        case "ensemble":
            return judged(gate, name, ensemble.numbers(measurements, gate.seeds, subjects))
        case "comparison":
            return comparison.verdict(gate, name, measurements)
        case "metrics":
            return judged(gate, name, metrics.numbers(measurements, subjects))
