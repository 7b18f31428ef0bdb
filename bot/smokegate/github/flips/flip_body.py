"""What stands in the flip's pull request and commit: who asked for what, on which numbers, and who may not wave it
through alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from smokegate.evidence.documents import Evidence
from smokegate.evidence.gates import GateResult
from smokegate.github.comments.reply import link, name, names
from smokegate.github.flips import metric_row
from smokegate.github.promotions.office import Office
from smokegate.github.promotions.promotion import Request
from smokegate.github.verdicts.approval import Authors
from smokegate.judge.shell import word
from smokegate.render.escape import clip, fence, prose
from smokegate.render.page import Section, fill, size
from smokegate.review.flip_desk import Flipped
from smokegate.review.replacement import Draft

WITHOUT_APP = (
    "The bot has no App of its own here: the checks of what it opens wait until somebody with write access has "
    "approved their run, on the pull request's page."
)

NOT_ALONE = "The flip does not pass by itself yet: its page says what else of this pull request is in the way."

_MOST_ROWS = 60
_MOST_FINDINGS = 10
_PLAIN = re.compile(r"[\w./-]+", re.ASCII)
_LIMIT = 60_000
"""Of bytes; GitHub takes 65,536 characters."""


@dataclass(frozen=True, slots=True)
class Told:
    request: Request
    evidence: Evidence
    result: GateResult
    flipped: Flipped
    attested: str
    tip: str
    """Of the target branch, that it was judged against."""
    branch: str
    """Where the flip is proposed from."""
    wrote: Authors


def body(office: Office, told: Told) -> str:
    """What changes comes last and is counted where it is too much: all else stands whole."""
    said = "\n\n".join(_paragraphs(office, told))
    files = Section("file", "files", [_changed(one, told) for one in told.flipped.drafts], glue="\n")
    (shown,) = fill([files], _LIMIT - size(said))
    more = len(files.units) - shown
    counted = [f"- and {more:,} more"] if more else []
    return "\n\n".join((said, "### What changes", "\n".join((*files.units[:shown], *counted)))) + "\n"


def _changed(draft: Draft, told: Told) -> str:
    kept = " (in git-lfs)" if draft.path in told.flipped.objects else ""
    return f"- {'changed' if draft.was is not None else 'new'}: {name(draft.path)}{kept}"


def _paragraphs(office: Office, told: Told) -> Iterator[str]:
    request, flipped = told.request, told.flipped
    comment = f"{office.step.server_url}/{request.repository}/pull/{request.pr}#issuecomment-{request.comment}"
    yield (
        f"Takes {names(flipped.ids, 30)} of {name(request.registry)} from smoke to production. The gate "
        f"{name(request.gate)} says **PROMOTE**."
    )
    if in_the_way := flipped.report.blocking:
        yield "### What is still in the way"
        yield "\n".join(
            f"- {one.code}, {name(one.subject)}: {prose(clip(one.message, 300))}" for one in in_the_way[:_MOST_FINDINGS]
        ) + _and_more(len(in_the_way))
        yield (
            f"It comes with {_pull(request)}, whose other changes do not pass yet. Mend them there and ask again; or, "
            "where they only want evidence, write `/promote` here."
        )
    yield "### Who asked, and for what"
    yield "\n".join(
        (
            f"- {name(request.actor)} {link('asked', comment)} on {_pull(request)}, at {request.asked_at}.",
            f"- It is about the head {name(request.head_sha)}, where this branch starts, judged against "
            f"{name(request.base_ref)} at {name(told.tip)}. Commits that {_pull(request)} gets later make it stale.",
            f"- {link('The run', office.step.run_url)} measured it; what it left was verified before this was opened.",
        )
    )
    yield "### On which numbers"
    yield "\n".join(_numbers(told.result))
    yield "\n".join(_evidence(told))
    yield "### Who may approve it"
    yield (
        f"Not alone: {names(told.wrote.people, 40)}, who asked for this or wrote a commit of it. The verdict "
        "on this pull request stays `needs-owner` until somebody else with write access has approved this very head."
    )
    if told.wrote.unknown:
        yield f"Until this is mended nobody can: {prose(told.wrote.unknown)}."
    yield "### To check it offline"
    yield fence("\n".join(_commands(told)), "sh")
    if office.ours.app_id is None:
        yield WITHOUT_APP


def _pull(request: Request) -> str:
    return f"#{request.pr}"


def _and_more(number: int) -> str:
    return f"\n- and {number - _MOST_FINDINGS:,} more" if number > _MOST_FINDINGS else ""


def _numbers(result: GateResult) -> Iterator[str]:
    yield metric_row.HEAD
    yield metric_row.RULE
    for one in result.metrics[:_MOST_ROWS]:
        yield metric_row.cells(one)


def _evidence(told: Told) -> Iterator[str]:
    corpus = told.evidence.corpus
    yield f"- Evidence: {name(told.flipped.evidence or '')}, SHA-256 {name(told.evidence.sha256)}."
    yield f"- Attested: {told.attested}."
    yield f"- Corpus: SHA-256 {name(str(corpus.get('sha256')))}, {name(str(corpus.get('rows')))} rows."
    incumbent = told.evidence.fields.get("incumbent")
    if isinstance(incumbent, dict):
        digest = name(str(incumbent.get("sha256")))
        yield f"- Compared with {name(str(incumbent.get('id')))}, model SHA-256 {digest}."
    for subject in told.evidence.subjects[:50]:
        yield (
            f"- {name(str(subject.id))}: model SHA-256 {name(str(subject.sha256))}, identity "
            f"{name(str(subject.identity))}."
        )


def _commands(told: Told) -> Iterator[str]:
    registry = f"--registry {word(told.request.registry)}"
    yield f"git fetch origin {word(told.branch)} && git checkout FETCH_HEAD"
    yield f"smokegate check {registry} --base {told.tip} --head HEAD"
    yield f"smokegate evidence verify {registry} {word(told.flipped.evidence or '')}"


def message(request: Request, evidence: Evidence, flipped: Flipped, run_url: str, called: str) -> str:
    """For whoever has git alone. Of names, those that say nothing to GitHub: it obeys a message that `fixes #1`."""
    place = flipped.evidence or ""
    lines = (
        f"Registry: {called} goes to production",
        "",
        f"The gate {request.gate} says PROMOTE, on evidence{f' {place}' if _PLAIN.fullmatch(place) else ''}",
        f"(SHA-256 {evidence.sha256}).",
        "",
        f"Asked for by {request.actor} on pull request {request.pr} of {request.repository},",
        f"comment {request.comment}, at {request.head_sha}.",
        f"Measured by {run_url}",
    )
    return "\n".join(lines)
