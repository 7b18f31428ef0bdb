"""What stands in the flip's pull request and commit: who asked for what, on which numbers, and who may not wave it
through alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from smokegate.evidence.documents import Evidence
from smokegate.evidence.gates import GateResult
from smokegate.github.approval import Authors
from smokegate.github.office import Office
from smokegate.github.promotion import Request
from smokegate.github.reply import link, name, names
from smokegate.render.escape import cell_code, clip
from smokegate.review.flip_desk import Flipped

WITHOUT_APP = (
    "The bot has no App of its own here: the checks of what it opens wait until somebody with write access has "
    "approved their run, on the pull request's page."
)

_MOST_ROWS = 60
_LIMIT = 60_000


@dataclass(frozen=True, slots=True)
class Told:
    request: Request
    evidence: Evidence
    result: GateResult
    flipped: Flipped
    attested: str
    tip: str
    """Of the target branch, that it was judged against."""
    wrote: Authors


def body(office: Office, told: Told) -> str:
    return "\n\n".join(_paragraphs(office, told))[:_LIMIT] + "\n"


def _paragraphs(office: Office, told: Told) -> Iterator[str]:
    request, flipped = told.request, told.flipped
    comment = f"{office.step.server_url}/{request.repository}/pull/{request.pr}#issuecomment-{request.comment}"
    yield (
        f"Takes {names(flipped.ids, 30)} of {name(request.registry)} from smoke to production. The gate "
        f"{name(request.gate)} says **PROMOTE**."
    )
    yield "### Who asked, and for what"
    yield "\n".join(
        (
            f"- {name(request.actor)} {link('asked', comment)} on #{request.pr}, at {request.asked_at}.",
            f"- It is about the head {name(request.head_sha)}, where this branch starts, judged against "
            f"{name(request.base_ref)} at {name(told.tip)}.",
            f"- {link('The run', office.step.run_url)} measured it; what it left was verified before this was opened.",
        )
    )
    yield "### On which numbers"
    yield "\n".join(_numbers(told.result))
    yield "\n".join(_evidence(told))
    yield "### What changes"
    yield "\n".join(
        f"- {'changed' if one.was is not None else 'new'}: {name(one.path)}" for one in flipped.drafts[:200]
    )
    yield "### Who may approve it"
    yield (
        f"Not alone: {names(sorted(told.wrote.logins), 40)}, who asked for this or wrote a commit of it. The verdict "
        "on this pull request stays `needs-owner` until somebody else with write access has approved this very head."
    )
    if told.wrote.unknown:
        yield f"Authors may be missing from that list: {told.wrote.unknown}."
    yield (
        f"To check it offline: `smokegate check --base {told.tip}` in a clone of this branch, and "
        f"`smokegate evidence verify` on the evidence."
    )
    if office.ours.app_id is None:
        yield WITHOUT_APP


def _numbers(result: GateResult) -> Iterator[str]:
    yield "| metric | of | value | threshold | margin |"
    yield "| --- | --- | ---: | --- | ---: |"
    for one in result.metrics[:_MOST_ROWS]:
        limits = (("≥", one.min), ("≤", one.max), ("drop ≤", one.max_drop))
        bound = ", ".join(f"{sign} {limit:g}" for sign, limit in limits if limit is not None)
        of = cell_code(clip(one.subject, 80)) if one.subject is not None else "all"
        value = "undefined" if one.value is None else f"{one.value:.6f}"
        margin = "undefined" if one.margin is None else f"{one.margin:+.6f}"
        yield f"| {cell_code(clip(one.name, 80))} | {of} | {value} | {bound} | {margin} |"


def _evidence(told: Told) -> Iterator[str]:
    corpus = told.evidence.corpus
    yield f"- Evidence: {name(told.flipped.evidence or '')}, SHA-256 {name(told.evidence.sha256)}."
    yield f"- Attested: {told.attested}."
    yield f"- Corpus: SHA-256 {name(str(corpus.get('sha256')))}, {name(str(corpus.get('rows')))} rows."
    for subject in told.evidence.subjects[:50]:
        yield f"- {name(str(subject.id))}: identity {name(str(subject.identity))}."


def message(request: Request, evidence: Evidence, flipped: Flipped, run_url: str, called: str) -> str:
    """For whoever has git alone."""
    lines = (
        f"Registry: {called} goes to production",
        "",
        f"The gate {request.gate} says PROMOTE, on evidence {flipped.evidence}",
        f"(SHA-256 {evidence.sha256}).",
        "",
        f"Asked for by {request.actor} on pull request {request.pr} of {request.repository},",
        f"comment {request.comment}, at {request.head_sha}.",
        f"Measured by {run_url}",
    )
    return "\n".join(lines)
