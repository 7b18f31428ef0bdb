"""The report as `smokegate-report-v1`, and several of them as `smokegate-report-set-v1`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from smokegate import __version__
from smokegate.judge.report import Change, Finding, Report
from smokegate.render import words

SCHEMA = "smokegate-report-v1"
SET_SCHEMA = "smokegate-report-set-v1"


def render(reports: Sequence[Report], *, version: str = __version__) -> str:
    documents = [_report(report, version) for report in reports]
    if len(documents) == 1:
        return strict(documents[0])
    return strict({"schema": SET_SCHEMA, "verdict": words.worst(reports).value, "reports": documents})


def strict(document: dict[str, Any]) -> str:
    """JSON that any parser takes and any log may show: ASCII, keys sorted, no lone surrogate, no runner command."""
    text = json.dumps(_sound(document), ensure_ascii=True, allow_nan=False, indent=2, sort_keys=True)
    return text.replace("##[", "##\\u005b") + "\n"


def _sound(value: Any) -> Any:
    """Lone surrogates (odd bytes in file names) spelled out: JSON text cannot hold them."""
    if isinstance(value, str):
        return value if value.isascii() else "".join(map(_character, value))
    if isinstance(value, dict):
        return {_sound(key): _sound(item) for key, item in value.items()}
    return [_sound(item) for item in value] if isinstance(value, list) else value


def _character(ch: str) -> str:
    code = ord(ch)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if 0xD800 <= code <= 0xDFFF else ch


def _report(report: Report, version: str) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "verdict": report.verdict.value,
        "self_attested": report.self_attested,
        "base": report.base,
        "head": report.head,
        "registry": report.registry,
        "policy_sha256": report.policy_sha256,
        "changes": [_change(change) for change in report.changes],
        "findings": [_finding(finding) for finding in report.findings],
        "notes": list(report.notes),
        "summary": {
            "blocking": len(report.blocking),
            "warnings": len(report.warnings),
            "standing": len(report.debt),
            "entries_before": report.entries_before,
            "entries_after": report.entries_after,
        },
        "tool": {"name": "smokegate", "version": version},
    }


def _change(change: Change) -> dict[str, Any]:
    optional = {
        "was": change.was,
        "stage_before": change.stage_before,
        "stage_after": change.stage_after,
        "identity_before": change.identity_before,
        "identity_after": change.identity_after,
    }
    return {
        "id": change.id,
        "what": change.what.value,
        "fields": list(change.fields),
        "identity_changed": change.identity_changed,
        **{name: value for name, value in optional.items() if value is not None},
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "check": finding.check,
        "severity": finding.severity.value,
        "introduced": finding.introduced,
        "subject": finding.subject,
        "path": finding.path,
        "line": finding.line,
        "column": finding.column,
        "message": finding.message,
        "fix": finding.fix,
    }
