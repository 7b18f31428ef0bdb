"""Reports read back from `smokegate-report-v1`: what one job judged, another one publishes."""

from __future__ import annotations

import json
from typing import Any

from smokegate.errors import DocumentError
from smokegate.judge.report import Change, Finding, Report, Severity, Verdict, What
from smokegate.registry import schemas
from smokegate.registry.json_schema import CompiledSchema
from smokegate.render.json_report import SET_SCHEMA

_SHOWN = 3


def read(document: Any) -> list[Report]:
    """One report, or a set of them, held to the schema."""
    schema = CompiledSchema(json.loads(schemas.load("report")), "the report's schema")
    if wrong := [fault.message for fault in schema.faults(document)][:_SHOWN]:
        raise DocumentError(f"this is no report of smokegate: {'; '.join(wrong)}", fix="judge again")
    documents = document["reports"] if document["schema"] == SET_SCHEMA else [document]
    return [_counted(_report(one), one["summary"]) for one in documents]


def _counted(report: Report, summary: dict[str, Any]) -> Report:
    """The schema ties the verdict to the counts; here the counts are tied to what is listed."""
    found = {"blocking": len(report.blocking), "warnings": len(report.warnings), "standing": len(report.debt)}
    if wrong := [name for name, count in found.items() if summary[name] != count]:
        raise DocumentError(
            f"a report of {report.registry!r} says {summary[wrong[0]]} {wrong[0]}, and lists {found[wrong[0]]}",
            fix="judge again",
        )
    return report


def _report(document: dict[str, Any]) -> Report:
    summary = document["summary"]
    return Report(
        verdict=Verdict(document["verdict"]),
        base=document["base"],
        head=document["head"],
        registry=document["registry"],
        policy_sha256=document["policy_sha256"],
        changes=tuple(_change(one) for one in document["changes"]),
        findings=tuple(_finding(one) for one in document["findings"]),
        notes=tuple(document["notes"]),
        self_attested=document["self_attested"],
        entries_before=summary["entries_before"],
        entries_after=summary["entries_after"],
    )


def _change(document: dict[str, Any]) -> Change:
    return Change(**{**document, "what": What(document["what"]), "fields": tuple(document["fields"])})


def _finding(document: dict[str, Any]) -> Finding:
    return Finding(**{**document, "severity": Severity(document["severity"])})
