"""The verdict as a check run: conclusion, title, page, and annotations on the lines at fault.

Conclusions: `pass` is success and nothing else is. `block` is a failure; `needs-evidence` and `needs-owner` are
`action_required`, which a required check does not let through either, and which says that somebody has to act: a
`/promote`, or an owner's approval. Neutral and skipped are never used, as GitHub lets both merge.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from types import MappingProxyType
from typing import Any

from smokegate.judge.report import Finding, Report, Verdict
from smokegate.render import markdown, words
from smokegate.render.escape import clip, prose, visible, visible_lines
from smokegate.render.page import size

PAGE = 50
"""Annotations that GitHub takes in one request."""
TEXT_LIMIT = 65_535

CONCLUSION: Mapping[Verdict, str] = MappingProxyType(
    {
        Verdict.PASS: "success",
        Verdict.BLOCK: "failure",
        Verdict.NEEDS_EVIDENCE: "action_required",
        Verdict.NEEDS_OWNER: "action_required",
    }
)

_TITLE, _MESSAGE = 200, 3_000
_LAST_LINE = 2**31 - 1


@dataclass(frozen=True, slots=True)
class CheckRun:
    name: str
    head_sha: str
    external_id: str
    conclusion: str
    title: str
    summary: str
    pages: tuple[tuple[Mapping[str, Any], ...], ...] = ()
    """Annotations, a request's worth each."""
    details_url: str | None = None

    @property
    def mark(self) -> str:
        """By which this very verdict is known again on GitHub."""
        return mark(self.external_id, self.conclusion, self.title)

    def created(self) -> dict[str, Any]:
        """The fields of the first request: complete, with the first page of annotations."""
        fields: dict[str, Any] = {
            "name": self.name,
            "head_sha": self.head_sha,
            "external_id": self.external_id,
            "status": "completed",
            "conclusion": self.conclusion,
            "output": self._output(0),
        }
        return {**fields, "details_url": self.details_url} if self.details_url else fields

    def further(self) -> Iterator[dict[str, Any]]:
        """The fields of the requests that append what is left."""
        for index in range(1, len(self.pages)):
            yield {"output": self._output(index)}

    def _output(self, index: int) -> dict[str, Any]:
        output: dict[str, Any] = {"title": self.title, "summary": self.summary}
        if index < len(self.pages):
            output["annotations"] = [dict(one) for one in self.pages[index]]
        return output


def mark(external_id: str, conclusion: str | None, title: str) -> str:
    return f"{external_id} {conclusion} {title}"


def check_run(
    reports: Sequence[Report],
    *,
    name: str,
    head_sha: str,
    external_id: str,
    most_annotations: int,
    details_url: str | None = None,
    full_report: str | None = None,
) -> CheckRun:
    places = sum(1 for report in reports for one in report.findings if one.path)
    shown = list(islice(_annotations(reports), most_annotations))
    left_out = ""
    if len(shown) < places:
        left_out = f"\n\n{len(shown):,} of {places:,} places are annotated, the worst ones.\n"
    summary = markdown.render(reports, limit=TEXT_LIMIT - size(left_out), full_report=full_report) + left_out
    return CheckRun(
        name=name,
        head_sha=head_sha,
        external_id=external_id,
        conclusion=CONCLUSION[words.worst(reports)] if reports else CONCLUSION[Verdict.BLOCK],
        title=_title(reports),
        summary=summary,
        pages=tuple(tuple(shown[at : at + PAGE]) for at in range(0, len(shown), PAGE)),
        details_url=details_url,
    )


def untouched(*, name: str, head_sha: str, external_id: str) -> CheckRun:
    """A pull request that touches no registry passes, and nobody is bothered."""
    summary = "This pull request changes nothing that a registry rests on."
    return CheckRun(name, head_sha, external_id, CONCLUSION[Verdict.PASS], "No registry is touched", summary)


def cannot_judge(
    why: str, *, name: str, head_sha: str, external_id: str, fix: str | None = None, details_url: str | None = None
) -> CheckRun:
    """What could not be judged is not green."""
    summary = f"This could not be judged, so it does not pass.\n\n{prose(clip(why, _MESSAGE))}"
    if fix:
        summary += f"\n\nfix: {prose(clip(fix, _MESSAGE))}"
    conclusion = CONCLUSION[Verdict.BLOCK]
    return CheckRun(name, head_sha, external_id, conclusion, "Cannot be judged", summary, details_url=details_url)


def _title(reports: Sequence[Report]) -> str:
    if not reports:
        return "Cannot be judged: no registry"
    tally = words.tally(reports[0]) if len(reports) == 1 else words.verdict_tally(reports)
    attested = f" ({words.SELF_ATTESTED})" if any(report.self_attested for report in reports) else ""
    return f"{words.LABEL[words.worst(reports)]}{attested}: {tally}"


def _annotations(reports: Sequence[Report]) -> Iterator[dict[str, Any]]:
    """The worst first, each level over all registries; written only as far as they are asked for."""
    levels: Iterable[tuple[str, Iterable[Finding]]] = (
        ("failure", chain.from_iterable(report.blocking for report in reports)),
        ("warning", chain.from_iterable(report.warnings for report in reports)),
        ("notice", chain.from_iterable(report.debt for report in reports)),
    )
    for level, findings in levels:
        yield from (_annotation(level, finding) for finding in findings if finding.path)


def _annotation(level: str, finding: Finding) -> dict[str, Any]:
    line = min(max(finding.line or 1, 1), _LAST_LINE)
    message = clip(finding.message, _MESSAGE) or finding.check
    if finding.fix.strip() and len(finding.fix) <= _MESSAGE:
        message += "\nfix: " + "\n".join(visible_lines(finding.fix))
    return {
        # As it is named in the repository, or GitHub finds no file; what is spelled out here it will not find anyway.
        "path": visible(finding.path),
        "start_line": line,
        "end_line": line,
        "annotation_level": level,
        "title": visible(f"{finding.code} {finding.check}: {clip(finding.subject, _TITLE)}")[:255],
        "message": message,
    }
