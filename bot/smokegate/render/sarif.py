"""The report as SARIF 2.1.0, for code scanning and editors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from smokegate import __version__
from smokegate.judge.report import Finding, Report, Severity
from smokegate.render.escape import uri_path, visible
from smokegate.render.json_report import strict

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render(reports: Sequence[Report], *, docs_url: str | None = None, version: str = __version__) -> str:
    """`docs_url` is the address of the page on checks; rules point to its anchors."""
    findings = [(report, finding) for report in reports for finding in report.findings]
    rules = _rules((finding for _, finding in findings), docs_url)
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    run = {
        "tool": {"driver": {"name": "smokegate", "version": version, "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The root of the repository."}}},
        "results": [_result(report, finding, index) for report, finding in findings],
        "properties": {"verdicts": [_verdict(report) for report in reports]},
    }
    return strict({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _rules(findings: Iterable[Finding], docs_url: str | None) -> list[dict[str, Any]]:
    checks = {finding.code: finding.check for finding in findings}
    return [
        {"id": code, "name": check} | ({"helpUri": f"{docs_url}#{code.lower()}"} if docs_url else {})
        for code, check in sorted(checks.items())
    ]


def _verdict(report: Report) -> dict[str, Any]:
    return {
        "registry": report.registry,
        "verdict": report.verdict.value,
        "selfAttested": report.self_attested,
        "base": report.base,
        "head": report.head,
    }


def _result(report: Report, finding: Finding, index: dict[str, int]) -> dict[str, Any]:
    path = finding.path or report.registry
    # Code scanning wants a region with every location; what concerns a whole file is shown at its first line.
    region = {"startLine": max(finding.line or 1, 1)}
    if finding.line and finding.column:
        region["startColumn"] = max(finding.column, 1)
    return {
        "ruleId": finding.code,
        "ruleIndex": index[finding.code],
        "level": _level(finding),
        "baselineState": "new" if finding.introduced else "unchanged",
        "message": {"text": _message(finding)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": uri_path(path), "uriBaseId": "%SRCROOT%"},
                    "region": region,
                }
            }
        ],
        "partialFingerprints": {"codeSubjectPath/v1": _fingerprint(finding)},
        "properties": {"subject": finding.subject},
    }


def _level(finding: Finding) -> str:
    if not finding.introduced:
        return "note"
    return "error" if finding.severity is Severity.BLOCK else "warning"


def _message(finding: Finding) -> str:
    """`[text](target)` in a plain message is a link (SARIF 3.11.6), so none may come about."""
    text = visible(finding.message) or finding.code
    fix = "\n".join(map(visible, finding.fix.strip("\n").split("\n")))
    return (f"{text}\nfix: {fix}" if finding.fix.strip() else text).replace("](", "] (")


def _fingerprint(finding: Finding) -> str:
    return hashlib.sha256(json.dumps([finding.code, finding.subject, finding.path]).encode()).hexdigest()
