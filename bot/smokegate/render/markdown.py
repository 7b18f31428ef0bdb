"""The report as GitHub shows it: the comment on a pull request and the step summary."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from smokegate import __version__
from smokegate.judge.report import Change, Finding, Report, Verdict
from smokegate.render import words
from smokegate.render.escape import cell_code, clip, code, comment_value, fence, prose
from smokegate.render.page import Section, Units, fill, size

COMMENT_LIMIT = 65_536
MARKER = "<!-- smokegate:verdict "
"""How the sticky comment begins its hidden line."""

_SIGN = {Verdict.PASS: "✅", Verdict.BLOCK: "⛔", Verdict.NEEDS_EVIDENCE: "🧪", Verdict.NEEDS_OWNER: "🔑"}
_NAME, _PATH, _MESSAGE, _FIX = 200, 400, 2_000, 3_000
_FIELDS = 12
_LEAST = 4_096
"""What a registry's part gets at least, where several share a page."""


def render(
    reports: Sequence[Report],
    *,
    limit: int = COMMENT_LIMIT,
    full_report: str | None = None,
    version: str = __version__,
) -> str:
    """At most `limit` bytes. `full_report` is the address of the whole report, named where this one is cut."""
    closing = marker(reports) + "\n"
    if len(reports) == 1:
        body = _part(reports[0], limit - size(closing) - 2, full_report, version)
        return f"{body or _line(reports[0])}\n\n{closing}"
    attested = sum(report.self_attested for report in reports)
    opening = f"{_headline(words.worst(reports))} · {words.verdict_tally(reports) if reports else words.NOTHING_JUDGED}"
    if attested:
        opening += f" · **{words.SELF_ATTESTED}** ({attested:,})"
    left = limit - size(opening) - size(closing) - 200
    parts = [opening]
    ordered = words.worst_first(reports)
    for index, report in enumerate(ordered):
        share = min(left, max(left // (len(ordered) - index), _LEAST))
        part = _part(report, share - len("\n\n---\n\n"), full_report, version)
        if part is None:
            break
        parts.append("---\n\n" + part)
        left -= size(parts[-1]) + 2
    if missing := len(ordered) - len(parts) + 1:
        parts.append(f"---\n\n**Left out here for length:** {words.count(missing, 'registry', 'registries')}.")
    return "\n\n".join((*parts, closing))


def marker(reports: Sequence[Report]) -> str:
    """The hidden line by which the comment is known again."""
    names = " ".join(sorted(report.registry for report in reports))
    return f"{MARKER}registry={comment_value(names)} -->"


def _headline(verdict: Verdict) -> str:
    return f"{_SIGN[verdict]} **{words.LABEL[verdict]}**"


def _line(report: Report) -> str:
    attested = f" · **{words.SELF_ATTESTED}**" if report.self_attested else ""
    return f"{_headline(report.verdict)}{attested} · {words.tally(report)} · {_code(report.registry, _PATH)}"


def _part(report: Report, budget: int, full_report: str | None, version: str) -> str | None:
    """One registry's part of the page; None where not even its frame fits."""
    top = [_line(report)]
    if meaning := words.MEANING[report.verdict]:
        top.append(meaning)
    if report.self_attested:
        top.append(words.SELF_ATTESTED_MEANS)
    bottom = _footer(report, version)
    sections = _sections(report)
    budget -= size("\n\n".join((*top, bottom))) + 2 * (len(sections) + 2)
    shown = fill(sections, budget)
    if any(number < len(section.units) for section, number in zip(sections, shown, strict=True)):
        budget -= size(_left_out(report, sections, [0] * len(sections), full_report))
        shown = fill(sections, budget)
        bottom = f"{_left_out(report, sections, shown, full_report)}\n\n{bottom}"
    if budget < 0:
        return None
    changes, notes, *findings = (
        section.text(number) if number or section.always else ""
        for section, number in zip(sections, shown, strict=True)
    )
    middle = filter(None, (changes, *findings, notes))
    return "\n\n".join((*top, *middle, bottom))


def _sections(report: Report) -> tuple[Section, ...]:
    """In the order in which they get room."""
    blocking, warnings, debt = report.blocking, report.warnings, report.debt
    return (
        _changes(report),
        Section(
            "note",
            "notes",
            Units(report.notes, _note),
            head="### Notes\n\n",
            glue="\n",
            share=0.3,
        ),
        Section(
            "blocking finding",
            "blocking findings",
            Units(_grouped(blocking), _finding),
            head=f"### Blocking ({len(blocking):,})\n\n",
        ),
        Section(
            "warning",
            "warnings",
            Units(_grouped(warnings), _finding),
            head=f"### Warnings ({len(warnings):,})\n\n",
        ),
        Section(
            "standing finding",
            "standing findings",
            Units(_grouped(debt), _standing),
            head=f"<details><summary>Standing, there before this change ({len(debt):,})</summary>\n\n",
            tail="\n\n</details>",
            glue="\n",
        ),
    )


def _grouped(findings: Sequence[Finding]) -> list[Finding]:
    return [finding for group in words.by_code(findings).values() for finding in group]


def _changes(report: Report) -> Section:
    still = words.still(report.changes)
    return Section(
        "change",
        "changes",
        Units(words.production_first(report.changes), _change),
        head="### What this change does to production\n\n| What happens | What differs |\n| --- | --- |"
        + (f"\n| {still} | |" if still else ""),
        glue="",
        share=0.4,
        always=True,
    )


def _change(change: Change) -> str:
    differing = words.differing(change)
    fields = [cell_code(clip(field, _NAME)) for field in differing[:_FIELDS]]
    if len(differing) > _FIELDS:
        fields.append(f"and {len(differing) - _FIELDS:,} more")
    return f"\n| {words.describe(change, _cell_name)} | {', '.join(fields)} |"


def _cell_name(name: str) -> str:
    return cell_code(clip(name, _NAME))


def _code(text: str, limit: int) -> str:
    return code(clip(text, limit))


def _title(finding: Finding) -> str:
    where = words.place(finding)
    names = [f"**{prose(finding.code)}** {prose(finding.check)}"]
    names += [_code(where, _PATH)] if where else []
    names += [_code(finding.subject, _NAME)] if finding.subject not in ("", where) else []
    return " · ".join(names)


def _finding(finding: Finding) -> str:
    parts = [_title(finding), prose(clip(finding.message, _MESSAGE))]
    if size(fix := fence(finding.fix[: _FIX + 1])) > _FIX:
        parts.append("The fix is too long to show here; `smokegate check --format text` prints it.")
    elif finding.fix.strip():
        parts.append(fix)
    return "\n\n".join(filter(None, parts))


def _note(note: str) -> str:
    return f"- {prose(clip(note, _MESSAGE))}"


def _standing(finding: Finding) -> str:
    return f"- {_title(finding)}: {prose(clip(finding.message, _MESSAGE))}"


def _left_out(report: Report, sections: Sequence[Section], shown: Sequence[int], full_report: str | None) -> str:
    cuts = [
        f"{len(section.units) - number:,} of {words.count(len(section.units), section.one, section.many)}"
        for section, number in zip(sections, shown, strict=True)
        if number < len(section.units)
    ]
    whole = f" [The full report]({quote(full_report, safe=':/?=&%-._~')}) has them." if full_report else ""
    return f"**Left out here for length:** {', '.join(cuts)}.{whole} To see them all:\n\n{fence(words.see_all(report))}"


def _footer(report: Report, version: str) -> str:
    names = {
        "base": words.revision(report.base),
        "head": words.revision(report.head),
        "policy": report.policy_sha256,
    }
    shown = " · ".join(f"{label} {_code(name, _NAME)}" for label, name in names.items())
    return f"*smokegate {version} · {shown}*"
