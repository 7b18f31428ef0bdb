"""The report as workflow commands, which GitHub shows as annotations, and as a step summary."""

from __future__ import annotations

from collections.abc import Sequence

from smokegate import __version__
from smokegate.judge.report import Finding, Report
from smokegate.render import markdown, words
from smokegate.render.escape import clip, visible, visible_lines

ANNOTATIONS = 10
"""GitHub shows so many of each level for a step, and drops the rest without a word."""
SUMMARY_LIMIT = 1_000_000
"""Below the 1 MiB at which GitHub refuses a step's whole summary."""

_MESSAGE = 3_000


def render(reports: Sequence[Report]) -> str:
    findings = {
        "error": [finding for report in reports for finding in report.blocking],
        "warning": [finding for report in reports for finding in report.warnings],
        "notice": [finding for report in reports for finding in report.debt],
    }
    notes = [_command("notice", "smokegate", clip(note, _MESSAGE)) for report in reports for note in report.notes]
    lines = [_line(report) for report in reports] or [f"smokegate: {words.NOTHING_JUDGED}"]
    for level, found in findings.items():
        annotations = notes if level == "notice" else []
        lines += _at_most(level, [*annotations, *(_annotation(level, finding) for finding in found)], reports)
    return "\n".join(lines) + "\n"


def summary(reports: Sequence[Report], *, full_report: str | None = None, version: str = __version__) -> str:
    """What goes to the step summary."""
    return markdown.render(reports, limit=SUMMARY_LIMIT, full_report=full_report, version=version)


def _line(report: Report) -> str:
    attested = f" ({words.SELF_ATTESTED})" if report.self_attested else ""
    label = words.LABEL[report.verdict]
    return f"smokegate: {label}{attested}: {words.tally(report)}: {visible(report.registry)}"


def _at_most(level: str, commands: list[str], reports: Sequence[Report]) -> list[str]:
    if len(commands) <= ANNOTATIONS:
        return commands
    more = len(commands) - ANNOTATIONS + 1
    how = words.see_all(reports[0]) if len(reports) == 1 else "smokegate check --format text --verbose"
    text = f"{words.count(more, 'more ' + level)}, not shown as annotations. To see them all: {visible(how)}"
    return [*commands[: ANNOTATIONS - 1], _command(level, "smokegate", text)]


def _annotation(level: str, finding: Finding) -> str:
    text = clip(finding.message, _MESSAGE)
    if finding.fix.strip() and len(finding.fix) <= _MESSAGE:
        text += "\nfix: " + "\n".join(visible_lines(finding.fix))
    title = f"{finding.code} {finding.check}: {clip(finding.subject, 200)}"
    if not finding.path:
        return _command(level, title, text)
    # The runner takes the path as it is named in the repository; what is spelled out here will not be found there.
    where = {"file": visible(finding.path)}
    if finding.line:
        where["line"] = str(finding.line)
        where |= {"col": str(finding.column)} if finding.column else {}
    return _command(level, title, text, where)


def _command(level: str, title: str, text: str, where: dict[str, str] | None = None) -> str:
    properties = ",".join(f"{name}={_property(value)}" for name, value in {**(where or {}), "title": title}.items())
    return f"::{level} {properties}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(visible(text)).replace(":", "%3A").replace(",", "%2C")
