"""What stands around the reports: on the check run's page, and in the comment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from smokegate.github.comments import sticky
from smokegate.github.verdicts.check_run import TEXT_LIMIT, CheckRun
from smokegate.github.verdicts.ruling import ADVISORY, Ruling
from smokegate.github.verdicts.verdict import Judged
from smokegate.render import markdown
from smokegate.render.escape import clip, code, fence, prose
from smokegate.render.page import size

_MESSAGE = 3_000
_PARAGRAPH = 1_000
_OTHERS = 20
_SUMMARY = 1_000_000


def crowned(check: CheckRun, one: Ruling, rulings: Sequence[Ruling], *, advisory: bool) -> CheckRun:
    """The page with what the reports themselves cannot know above it."""
    above = _above(one, *_company(one, rulings), advisory=advisory)
    if not above:
        return check
    room = TEXT_LIMIT - size(above)
    summary = check.summary
    if size(summary) > room:
        summary = markdown.render(one.judged.reports, limit=room, full_report=check.details_url)
    return replace(check, summary=above + summary)


def _above(one: Ruling, *more: str, advisory: bool) -> str:
    """A policy may name thousands of owners, and what is too long for GitHub is not published at all."""
    said = [text if len(text) <= _PARAGRAPH else f"{text[:_PARAGRAPH]} [...]" for text in one.said[:_OTHERS]]
    return "".join(f"{text}\n\n" for text in (*([ADVISORY] if advisory else []), *said, *more))


def _company(one: Ruling, rulings: Sequence[Ruling]) -> list[str]:
    """This head in several pull requests: the check can show one verdict, and shows the worst."""
    others = [other.judged.asked for other in rulings if other is not one]
    if not others:
        return []
    shown, *named = (f"#{asked.number} into {code(asked.base_ref)}" for asked in (one.judged.asked, *others[:_OTHERS]))
    return [f"This head is in several pull requests. Shown is the worst, {shown}; also: {', '.join(named)}."]


def comment(one: Ruling, before: sticky.State | None, run_url: str, *, advisory: bool, check: str) -> str:
    above = _above(one, advisory=advisory)
    head = one.judged.asked.head
    if one.judged.cannot is not None:
        return above + _cannot(one.judged.cannot, run_url) + sticky.write_state(sticky.unjudged(head, check)) + "\n"
    limit = markdown.COMMENT_LIMIT - size(above)
    return above + sticky.body(one.judged.reports, head, before, check=check, limit=limit, full_report=run_url)


def _cannot(why: str, run_url: str) -> str:
    message, _, fix = why.partition("\n  fix: ")
    parts = [f"⚠️ **{sticky.CANNOT}**, so it does not pass", prose(clip(message, _MESSAGE))]
    if fix:
        parts.append(fence(clip(fix, _MESSAGE)))
    return "\n\n".join((*parts, f"[The run]({run_url})", markdown.marker(()))) + "\n"


def summary(judged: Sequence[Judged]) -> str:
    """For the step's own page, where nobody has approved anything yet."""
    parts = []
    for one in judged:
        number = f"#{one.asked.number}" if one.asked.number else "The merge queue"
        parts.append(f"## {number} into {code(one.asked.base_ref)}\n")
        if one.cannot is not None:
            parts.append(f"**{sticky.CANNOT}**\n\n{fence(clip(one.cannot, _MESSAGE))}\n")
        elif one.touches:
            parts.append(markdown.render(one.reports, limit=_SUMMARY // max(1, len(judged))))
        else:
            parts.append("It changes nothing that a registry rests on.\n")
    return "\n".join(parts) or "No open pull request has this head any more.\n"
