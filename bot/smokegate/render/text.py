"""The report for a person at a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from smokegate.judge.report import Finding, Report, Verdict
from smokegate.render import words
from smokegate.render.escape import visible, visible_lines

_RED, _GREEN, _YELLOW, _CYAN, _BOLD, _DIM = "31", "32", "33", "36", "1", "2"
_VERDICT_COLOUR = {
    Verdict.PASS: _GREEN,
    Verdict.BLOCK: _RED,
    Verdict.NEEDS_EVIDENCE: _YELLOW,
    Verdict.NEEDS_OWNER: _YELLOW,
}
_NARROWEST = 40


@dataclass(frozen=True, slots=True)
class _Page:
    colour: bool
    verbose: bool
    width: int

    def paint(self, text: str, *codes: str) -> str:
        return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if self.colour and text else text

    def wrapped(self, text: str, indent: int, mark: str = "") -> list[str]:
        """Lines of `visible` text; names are never broken, so that they can be copied."""
        return textwrap.wrap(
            text,
            max(self.width, _NARROWEST),
            initial_indent=" " * indent + mark,
            subsequent_indent=" " * (indent + len(mark)),
            break_long_words=False,
            break_on_hyphens=False,
        )


def render(reports: Sequence[Report], *, colour: bool = False, verbose: bool = False, width: int = 100) -> str:
    page = _Page(colour, verbose, width)
    if not reports:
        return f"{_verdict(page, Verdict.PASS)}  {words.NOTHING_JUDGED}\n"
    blocks = ["\n".join(_report(page, report)) for report in reports]
    if len(reports) > 1:
        blocks.insert(0, f"{_verdict(page, words.worst(reports))}  {words.verdict_tally(reports)}")
    return "\n\n".join(blocks) + "\n"


def _verdict(page: _Page, verdict: Verdict) -> str:
    return page.paint(words.LABEL[verdict], _BOLD, _VERDICT_COLOUR[verdict])


def _report(page: _Page, report: Report) -> Iterator[str]:
    attested = f" ({words.SELF_ATTESTED})" if report.self_attested else ""
    revisions = f"{visible(words.revision(report.base))}..{visible(words.revision(report.head))}"
    yield f"{_verdict(page, report.verdict)}{attested}  {words.tally(report)}  {revisions}  {visible(report.registry)}"
    if meaning := words.MEANING[report.verdict]:
        yield from page.wrapped(meaning, 0)
    if report.self_attested:
        yield from page.wrapped(words.SELF_ATTESTED_MEANS, 0)
    yield from _changes(page, report)
    yield from _findings(page, "Blocking", _RED, report.blocking)
    yield from _findings(page, "Warnings", _YELLOW, report.warnings)
    yield from _debt(page, report)
    if report.notes:
        yield from ("", page.paint("Notes", _BOLD))
        for note in report.notes:
            yield from page.wrapped(visible(note), 2, "- ")


def _changes(page: _Page, report: Report) -> Iterator[str]:
    yield from ("", page.paint("What this change does to production", _BOLD))
    if still := words.still(report.changes):
        yield f"  - {still}"
    for change in words.production_first(report.changes):
        names = ", ".join(map(visible, words.differing(change)))
        fields = f" ({names})" if names else ""
        yield from page.wrapped(words.describe(change, visible) + fields, 2, "- ")


def _findings(page: _Page, title: str, colour: str, findings: Sequence[Finding]) -> Iterator[str]:
    if findings:
        yield from ("", page.paint(f"{title} ({len(findings):,})", _BOLD, colour))
    for code, group in words.by_code(findings).items():
        yield f"  {page.paint(f'{visible(code)} {visible(group[0].check)}', _BOLD)}"
        for finding in group:
            yield from _finding(page, finding)


def _finding(page: _Page, finding: Finding) -> Iterator[str]:
    subject = visible(finding.subject)
    where = visible(words.place(finding))
    yield "    " + "  ".join(part for part in (page.paint(where, _CYAN), subject if subject != where else "") if part)
    yield from page.wrapped(visible(finding.message), 6)
    for number, line in enumerate(visible_lines(finding.fix) if finding.fix.strip() else ()):
        yield f"      {'    ' if number else page.paint('fix:', _BOLD)} {line}".rstrip()


def _debt(page: _Page, report: Report) -> Iterator[str]:
    if not report.debt:
        return
    if page.verbose:
        yield from _findings(page, "Standing: there before this change", _DIM, report.debt)
        return
    yield from ("", page.paint(f"Standing: there before this change ({len(report.debt):,})", _BOLD))
    for code, group in words.by_code(report.debt).items():
        yield f"  {visible(code)} {visible(group[0].check)}: {len(group):,}"
    yield "  --verbose lists them"
