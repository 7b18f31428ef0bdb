"""Version 2 documents: the verdict is worked out here from the numbers, never handed in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from smokegate.evidence.bounds import GateResult, MetricResult
from smokegate.evidence.documents import subjects_of
from smokegate.evidence.gates import evaluate
from smokegate.policy import Gate

VERSION = 2
PROMOTE = "PROMOTE"
HOLD = "HOLD"


def promote(
    *,
    gate: Gate,
    gate_name: str,
    measurements: Mapping[str, Any],
    corpus: Mapping[str, Any],
    policy_sha256: str,
    generated_at_utc: str,
    subjects: Sequence[Mapping[str, Any]] = (),
    loso_dir: str | None = None,
    incumbent: Mapping[str, Any] | None = None,
    runner: Mapping[str, Any] | None = None,
    request: Mapping[str, Any] | None = None,
    adr: str | None = None,
    parent_adr: str | None = None,
    follows_hold: str | None = None,
) -> dict[str, Any]:
    """The whole document, PROMOTE or HOLD as the gate says; `follows_hold` is when the HOLD before it was written."""
    result = evaluate(gate, gate_name, measurements, subjects_of(list(subjects)))
    return {
        "schema_version": VERSION,
        "verdict": PROMOTE if result.passed else HOLD,
        "generated_at_utc": generated_at_utc,
        "loso_dir": loso_dir,
        "seeds": seeds_of(measurements),
        "gate": gate_block(gate, gate_name, result),
        "corpus": dict(corpus),
        "recommendation": recommendation(result, gate_name, [str(one.get("id")) for one in subjects], follows_hold),
        "adr": adr,
        "parent_adr": parent_adr,
        "policy_sha256": policy_sha256,
        "subjects": [dict(one) for one in subjects],
        "measurements": dict(measurements),
        "incumbent": dict(incumbent) if incumbent is not None else None,
        "runner": dict(runner) if runner is not None else None,
        "request": dict(request) if request is not None else None,
    }


def to_bytes(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def seeds_of(measurements: Mapping[str, Any]) -> list[Any]:
    return [one["seed"] for one in measurements["seeds"]] if measurements.get("shape") == "ensemble" else []


def gate_block(gate: Gate, name: str, result: GateResult) -> dict[str, Any]:
    """What a document says of the gate: version 1's fields, then all metrics with their limits."""
    return {
        "passed": result.passed,
        **_version_1(gate, result),
        "name": name,
        "shape": gate.shape,
        "metrics": [_metric(one) for one in result.metrics],
        "comparison": _comparison(result),
    }


def _version_1(gate: Gate, result: GateResult) -> dict[str, Any]:
    """Null, and no seeds, where the gate is no ensemble's."""
    ensemble = gate.shape == "ensemble"
    bounds = gate.bounds if ensemble else {}
    single, members = result.numbers.single, result.numbers.members
    per_seed = members.get("seed_plcc", {}) if ensemble else {}
    mean, spread, each = (bounds.get(name) for name in ("mean_plcc", "plcc_spread", "seed_plcc"))
    return {
        "mean_plcc": single.get("mean_plcc") if ensemble else None,
        "mean_plcc_threshold": mean.min if mean else None,
        "mean_plcc_pass": _all_pass(result, "mean_plcc"),
        "plcc_spread": single.get("plcc_spread") if ensemble else None,
        "plcc_spread_max": spread.max if spread else None,
        "plcc_spread_pass": _all_pass(result, "plcc_spread"),
        "per_seed_plccs": dict(per_seed),
        "per_seed_min": each.min if each else None,
        "per_seed_pass": _all_pass(result, "seed_plcc"),
        "failing_seeds": [
            int(one.subject) for one in result.of("seed_plcc") if not one.passed and one.subject is not None
        ],
    }


def _all_pass(result: GateResult, name: str) -> bool | None:
    found = result.of(name)
    return all(one.passed for one in found) if found else None


def _metric(one: MetricResult) -> dict[str, Any]:
    limits = {"min": one.min, "max": one.max, "max_drop": one.max_drop}
    return {
        "name": one.name,
        "over": one.over,
        "subject": one.subject,
        "value": one.value,
        **{name: limit for name, limit in limits.items() if limit is not None},
        "margin": one.margin,
        "passed": one.passed,
    }


def _comparison(result: GateResult) -> dict[str, Any] | None:
    rule = result.rule
    if rule is None:
        return None
    return {
        "metric": rule.metric,
        "margin": rule.margin,
        "confidence": rule.confidence,
        "resamples": rule.resamples,
        "bootstrap_seed": rule.bootstrap_seed,
        "items": rule.items,
        "low": rule.low,
        "high": rule.high,
        "inconclusive": rule.inconclusive,
    }


def recommendation(result: GateResult, gate_name: str, ids: Sequence[str], follows_hold: str | None = None) -> str:
    if not result.passed:
        return f"HOLD: {gate_name} is not met. {'. '.join(result.reasons)}."
    after = f" It follows a HOLD of {follows_hold}." if follows_hold else ""
    if not ids:
        return (
            f"The numbers meet {gate_name}, but this document names no model bytes yet, so no entry can go to "
            f"production on it: export the models, measure them on this corpus, and name them as subjects.{after}"
        )
    return f"PROMOTE {', '.join(ids)}: every bound of {gate_name} is met.{after}"
