"""An entry's life for people: on a terminal, and as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from smokegate.render.escape import clip, code, prose
from smokegate.render.life import Event, Proof, Shortfall, Stage, Standing, Trail
from smokegate.render.sheet import BOLD, CYAN, GREEN, RED, YELLOW, Sheet

Quote = Callable[[str], str]
"""How a name is shown."""

UNPROVEN = (
    "Authors, committers and dates are what each commit says of itself: whoever made it chose them, and they prove "
    "nothing. Digests, evidence and signatures are worked out anew from the objects in git."
)
_SHORT = 12
_MOST = 6
_LONGEST = 400


# -- text ------------------------------------------------------------------------------------------------------------


def text(trail: Trail, *, colour: bool = False, width: int = 100) -> str:
    sheet = Sheet(colour, width)
    return "\n".join(_text(sheet, trail)) + "\n"


def _text(sheet: Sheet, trail: Trail) -> Iterator[str]:
    yield from sheet.painted_lines(_title(trail, _plain), BOLD, indent=0)
    yield from sheet.lines(UNPROVEN, 0)
    for one in trail.notes:
        yield from sheet.painted_lines(one, YELLOW, indent=0, mark="note: ")
    for stage in trail.stages:
        yield from _stage(sheet, stage)
    yield from ("", *sheet.painted_lines(_now(trail.standing, _plain), BOLD, _colour_of(trail.standing), indent=0))
    for proof in trail.standing.proofs:
        yield from _proof(sheet, proof)
    if trail.standing.in_production and not trail.standing.proofs:
        yield from sheet.painted_lines(NOTHING_NAMES_IT, RED)
    for one in trail.standing.notes:
        yield from sheet.lines(one, 2, "note: ")


def _stage(sheet: Sheet, stage: Stage) -> Iterator[str]:
    yield ""
    yield from sheet.painted_lines(f"{stage.commit[:_SHORT]}  {stage.date}  {_cut(stage.subject)}", CYAN, indent=0)
    yield from sheet.lines(_by(stage), 2)
    for event in stage.events:
        yield from sheet.painted_lines(_happened(event, _plain), BOLD, indent=2, mark="- ")
        for said in _details(event, _plain):
            yield from sheet.lines(said, 4)
    for proof in stage.proofs:
        yield from _proof(sheet, proof)
    if stage.wants_proof and not stage.proofs:
        yield from sheet.painted_lines(NOTHING_NAMED_IT, RED, indent=4)
    for one in stage.notes:
        yield from sheet.lines(one, 4, "note: ")


def _proof(sheet: Sheet, proof: Proof) -> Iterator[str]:
    yield from sheet.lines(_on(proof, _plain), 4)
    yield from sheet.painted_lines(_held(proof, _plain), GREEN if proof.holds else RED, indent=6)
    for one in proof.shortfalls[:_MOST]:
        yield from sheet.lines(f"{one.code}: {_cut(one.message)}", 6, "- ")
    if more := _more(proof.shortfalls):
        yield from sheet.lines(more, 6, "- ")


def _colour_of(standing: Standing) -> str:
    if not standing.in_production:
        return YELLOW
    return GREEN if standing.proven else RED


# -- markdown --------------------------------------------------------------------------------------------------------


def markdown(trail: Trail) -> str:
    return "\n\n".join(_markdown(trail)) + "\n"


def _markdown(trail: Trail) -> Iterator[str]:
    yield f"## {_title(trail, _span)}"
    yield f"*{UNPROVEN}*"
    yield from (f"> **Note** {prose(one)}" for one in trail.notes)
    for stage in trail.stages:
        yield f"### {_span(stage.commit[:_SHORT])} · {_span(stage.date)}"
        yield f"{prose(_cut(stage.subject))}  \n{prose(_by(stage))}"
        lines = [line for event in stage.events for line in _event_lines(event)]
        lines += [line for proof in stage.proofs for line in _proof_lines(proof)]
        lines += [f"- ❌ {NOTHING_NAMED_IT}"] if stage.wants_proof and not stage.proofs else []
        yield "\n".join([*lines, *(f"- note: {prose(one)}" for one in stage.notes)])
    yield "### Now"
    lines = [line for proof in trail.standing.proofs for line in _proof_lines(proof)]
    if trail.standing.in_production and not trail.standing.proofs:
        lines.append(f"- ❌ {NOTHING_NAMES_IT}")
    lines += [f"- note: {prose(one)}" for one in trail.standing.notes]
    yield "\n".join([f"- **{_now(trail.standing, _span)}**", *lines])


def _event_lines(event: Event) -> Iterator[str]:
    yield f"- **{_happened(event, _span)}**"
    yield from (f"  - {said}" for said in _details(event, _span))


def _proof_lines(proof: Proof) -> Iterator[str]:
    yield f"- {'✅' if proof.holds else '❌'} {_on(proof, _span)}"
    yield f"  - {_held(proof, _span)}"
    yield from (f"  - {prose(one.code)}: {prose(_cut(one.message))}" for one in proof.shortfalls[:_MOST])
    if more := _more(proof.shortfalls):
        yield f"  - {more}"


# -- wording ---------------------------------------------------------------------------------------------------------

NOTHING_NAMED_IT = "no evidence in that commit's tree named it"
NOTHING_NAMES_IT = "no evidence in the tree names these bytes"


def _title(trail: Trail, quote: Quote) -> str:
    earlier = [quote(one) for one in trail.ids if one != trail.asked]
    also = f", also known as {', '.join(earlier)}" if earlier else ""
    return f"{quote(trail.asked)}{also} in {quote(trail.registry)}, up to {quote(trail.head[:_SHORT])}"


def _by(stage: Stage) -> str:
    """Said once where author and committer are one."""
    if stage.author == stage.committer:
        return f"by {_cut(stage.author)}, committed {stage.committed}"
    return f"by {_cut(stage.author)}, committed by {_cut(stage.committer)}, {stage.committed}"


def _happened(event: Event, quote: Quote) -> str:
    match event.what:
        case "added":
            return f"added as {event.stage_after}"
        case "restored":
            return f"restored as {event.stage_after}"
        case "known":
            return f"known here first, as {event.stage_after}"
        case "renamed":
            return f"renamed from {quote(event.was or '')} to {quote(event.id)}"
        case "flipped":
            return "flipped: smoke to production"
        case "demoted":
            return "demoted: production to smoke"
        case "retired" | "removed":
            return f"{event.what} from {event.stage_before}"
        case _:
            where = event.stage_after if event.stage_before == event.stage_after else "on its way"
            return f"changed in {where}" if event.parts else f"edited in {where}: what it computes stays the same"


def _details(event: Event, quote: Quote) -> Iterator[str]:
    before, after = event.identity_before, event.identity_after
    if before and after and before != after and event.what in {"changed", "flipped", "renamed"}:
        yield f"identity {quote(before[:_SHORT])} to {quote(after[:_SHORT])}"
    elif one := after or before:
        bytes_ = event.bytes_after or event.bytes_before
        if event.what not in {"changed", "demoted"}:
            yield f"bytes {quote(bytes_ or 'unknown')}, identity {quote(one[:_SHORT])}"
    if event.parts:
        yield f"what differs: {', '.join(map(quote, event.parts))}"
        if event.bytes_before != event.bytes_after:
            yield f"bytes {quote(event.bytes_before or 'unknown')}"
            yield f"then {quote(event.bytes_after or 'unknown')}"
    elif event.what == "changed" and event.fields:
        yield f"fields: {', '.join(map(quote, event.fields[:12]))}"
    if event.reason:
        yield f"because: {quote(_cut(event.reason))}"
    if event.superseded_by:
        yield f"superseded by {quote(event.superseded_by)}"
    yield from event.notes


def _on(proof: Proof, quote: Quote) -> str:
    gate = f", gate {quote(proof.gate)}" if proof.gate else ""
    written = f", written {quote(proof.written)}" if proof.written else ""
    return (
        f"evidence {quote(proof.path)}, sha256 {quote(proof.sha256[:_SHORT])}, version {proof.version}, "
        f"{quote(proof.verdict or 'no verdict')}{gate}{written}, names it as {quote(proof.named_as)}"
    )


def _held(proof: Proof, quote: Quote) -> str:
    by = f"re-verified by {quote(proof.policy)} (sha256 {quote(proof.policy_sha256[:_SHORT])})"
    return f"{by}: {'ok' if proof.holds else 'FAILED'}, {attested(proof, quote)}"


def attested(proof: Proof, quote: Quote) -> str:
    if proof.pinned:
        return "pinned by the policy"
    if proof.signed_by is not None:
        return f"signed by {quote(proof.signed_by)}"
    return "self-attested: nobody signed it, and the policy allows that" if proof.holds else "not attested"


def _now(standing: Standing, quote: Quote) -> str:
    if standing.stage is None:
        return f"In production now: no, {quote(standing.id)} is not in the registry"
    if not standing.in_production:
        return f"In production now: no, {quote(standing.id)} is in {standing.stage}"
    said = f"In production now: yes, {quote(standing.id)}, bytes {quote(standing.sha256 or 'unknown')}"
    best = next(iter(sorted(standing.proofs, key=lambda one: not one.holds)), None)
    if best is None:
        return f"{said}, on no evidence"
    verified = "ok" if standing.proven else f"FAILED by {', '.join(map(quote, standing.failed_by))}"
    late = standing.went_up_unproven if standing.proven else None
    then = f"; but nothing held when it went up, in {quote(late[:_SHORT])}" if late else ""
    return f"{said}, on {quote(best.path)}, {attested(best, quote)}, re-verified: {verified}{then}"


def _more(shortfalls: tuple[Shortfall, ...]) -> str:
    rest = len(shortfalls) - _MOST
    return f"and {rest} more; --format json has them all" if rest > 0 else ""


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} [...]"


def _plain(name: str) -> str:
    return name


def _span(name: str) -> str:
    return code(clip(name, _LONGEST))
