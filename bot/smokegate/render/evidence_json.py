"""What `smokegate evidence show` says, for programs: `smokegate-evidence-page-v1`."""

from __future__ import annotations

from typing import Any

from smokegate import __version__
from smokegate.evidence.gates import MetricResult
from smokegate.evidence.numbers import finite
from smokegate.policy_mistakes import dotted
from smokegate.render.examined import Shown
from smokegate.render.json_report import strict

SCHEMA = "smokegate-evidence-page-v1"


def render(shown: Shown, *, version: str = __version__) -> str:
    """What the page says, and the document as it lies there."""
    evidence, result = shown.evidence, shown.result
    return strict(
        {
            "schema": SCHEMA,
            "file": shown.file,
            "sha256": evidence.sha256,
            "verdict": evidence.verdict,
            "recomputed": shown.recomputed,
            "agrees": shown.agrees,
            "gate": shown.gate_name,
            "metrics": [_metric(one) for one in result.metrics] if result else None,
            "reasons": list(result.reasons) if result else [],
            "inconclusive": result.inconclusive if result else False,
            "faults": [
                {"code": one.code, "place": dotted(one.pointer), "message": one.message, "fix": one.fix}
                for one in shown.faults
            ],
            "signatures": [
                {
                    "file": one.file,
                    "signed_by": one.by,
                    "signed_as": one.signed_as,
                    "refused": one.refused,
                    "unjudged": one.unjudged,
                }
                for one in shown.signatures
            ],
            "unattested": "allow" if shown.unattested_allowed else "deny",
            "pinned_for": list(shown.pinned_for),
            "policy": {"source": shown.policy, "sha256": shown.policy_sha256},
            "unknown_fields": list(evidence.unknown),
            "lacks": shown.lacks,
            "document": _json(evidence.raw),
            "tool": {"name": "smokegate", "version": version},
        }
    )


def _metric(one: MetricResult) -> dict[str, Any]:
    limits = {"min": one.min, "max": one.max, "max_drop": one.max_drop}
    return {
        "name": one.name,
        "of": one.subject,
        "value": one.value,
        **{name: limit for name, limit in limits.items() if limit is not None},
        "margin": one.margin,
        "passed": one.passed,
    }


def _json(value: Any) -> Any:
    """The document itself; a number beyond float64 (JSON has them, few readers take them) as text."""
    if isinstance(value, dict):
        return {key: _json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_json(item) for item in value]
    return (
        str(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and finite(value) is None
        else value
    )
