"""What a promotion came to: PROMOTE or HOLD, with every number, threshold and margin, a chart, and what to do next.

The verdict that is shown is the one recomputed here by the policy's gate, whatever the evidence says of itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from smokegate.evidence.documents import Evidence
from smokegate.evidence.gates import GateResult, MetricResult
from smokegate.evidence.numbers import finite, mean
from smokegate.github.comments.reply import link, name, names
from smokegate.github.flips import metric_row
from smokegate.github.flips.chart import Bars, draw
from smokegate.github.promotions.promotion import Request
from smokegate.render import words
from smokegate.render.escape import cell_code, clip, prose
from smokegate.render.page import Section, fill, size

_LIMIT = 60_000
"""Of bytes: what frames the part in its comment has room beside it."""
_CHARTS = 3
_REASON = 1_000


@dataclass(frozen=True, slots=True)
class Outcome:
    request: Request
    evidence: Evidence
    gate: str
    result: GateResult
    """Recomputed from the raw numbers."""
    attested: str
    """Who vouches for the evidence, in words."""
    run_url: str
    flip_url: str | None = None
    """Of the pull request that was opened on PROMOTE."""
    faults: Sequence[str] = ()
    """Why the evidence cannot carry a flip all the same, in words."""

    @property
    def promotes(self) -> bool:
        return self.result.passed and not self.faults


def render(outcome: Outcome, *, limit: int = _LIMIT) -> str:
    """One part of a comment, at most `limit` bytes; numbers that are left out are counted, the missed ones stay."""
    top = [_headline(outcome), _meaning(outcome)]
    bottom = [_next(outcome), _details(outcome)]
    charts = [chart for chart in map(draw, _charts(outcome)) if chart][:_CHARTS]
    sections = (
        Section("reason", "reasons", _reasons(outcome), head="### What is missing\n\n", glue="\n", share=0.3),
        Section("number", "numbers", _rows(outcome), head=_TABLE, glue="", share=0.8),
        Section("chart", "charts", charts, head="### Chart\n\n"),
    )
    budget = limit - size("\n\n".join((*top, *bottom))) - _ROOM
    shown = fill(sections, budget)
    reasons, numbers, drawn = (
        section.text(number) if number else "" for section, number in zip(sections, shown, strict=True)
    )
    left_out = [
        words.count(len(section.units) - number, f"more {section.one}")
        for section, number in zip(sections, shown, strict=True)
        if number < len(section.units)
    ]
    cut = f"**Left out here for length:** {', '.join(left_out)}." if left_out else ""
    return "\n\n".join(filter(None, (*top, reasons, numbers, drawn, cut, *bottom)))


_TABLE = f"### Numbers\n\n{metric_row.HEAD} |\n{metric_row.RULE} --- |"
_ROOM = 200
"""For the blank lines between the parts, and for what is said of those that were left out."""


def _headline(outcome: Outcome) -> str:
    sign, verdict = ("🚀", "PROMOTE") if outcome.promotes else ("✋", "HOLD")
    return f"{sign} **{verdict}** · {name(outcome.gate)} · {names(outcome.request.ids)}"


def _meaning(outcome: Outcome) -> str:
    if outcome.promotes:
        return "Every threshold of the gate is met, worked out again here from the raw numbers."
    if outcome.result.passed:
        return "The numbers meet the gate, but this evidence cannot carry them to production."
    if outcome.result.inconclusive:
        return "Inconclusive: by these items the candidate may as well be no better. That is no proof that it is worse."
    return "The gate is not met."


def _reasons(outcome: Outcome) -> list[str]:
    return [f"- {prose(clip(reason, _REASON))}" for reason in (*outcome.result.reasons, *outcome.faults)]


def _rows(outcome: Outcome) -> list[str]:
    """Those that miss come first, so that none of them is ever cut before one that is met."""
    return [_row(one) for one in sorted(outcome.result.metrics, key=lambda one: one.passed)]


def _row(one: MetricResult) -> str:
    return f"\n{metric_row.cells(one)} {'met' if one.passed else '**missed**'} |"


def _charts(outcome: Outcome) -> Iterator[Bars]:
    if sides := _sides(outcome):
        yield Bars(f"{_metric(outcome)} over the held-out items - macro: their mean, micro: pooled", sides)
    for metric, rows in groupby(outcome.result.metrics, key=lambda one: one.name):
        members = [one for one in rows if one.subject is not None]
        if members:
            bound = members[0].min if members[0].min is not None else members[0].max
            yield Bars(metric, [(metric_row.subject(one), one.value) for one in members], bound)


def _sides(outcome: Outcome) -> list[tuple[str, float | None]]:
    """Of a comparison, both sides; nothing where there is no incumbent."""
    measurements, incumbent = outcome.evidence.measurements, _incumbent(outcome)
    if measurements.get("shape") != "comparison" or incumbent is None:
        return []
    items, micro = measurements.get("items"), measurements.get("micro")
    rows = [one for one in items if isinstance(one, dict)] if isinstance(items, list) else []
    pooled = micro if isinstance(micro, dict) else {}
    both = {"incumbent": f"{incumbent} (in production)", "candidate": outcome.request.ids[0]}
    sides = [(f"{name_}, macro", mean(finite(row.get(side)) for row in rows)) for side, name_ in both.items()]
    sides += [(f"{name_}, micro", finite(pooled.get(side))) for side, name_ in both.items()]
    return [side for side in sides if side[1] is not None]


def _incumbent(outcome: Outcome) -> str | None:
    said = outcome.evidence.fields.get("incumbent")
    return str(said.get("id"))[:64] if isinstance(said, dict) else None


def _metric(outcome: Outcome) -> str:
    return str(outcome.evidence.measurements.get("metric"))[:40]


def _next(outcome: Outcome) -> str:
    return "\n\n".join(("### What to do next", "\n".join(f"- {one}" for one in _steps(outcome))))


def _steps(outcome: Outcome) -> Iterator[str]:
    request = outcome.request
    if outcome.promotes:
        flip = link("the flip pull request", outcome.flip_url) if outcome.flip_url else "the flip pull request"
        yield f"Review {flip}: it holds the registry change with this evidence beside it. Nothing is in production yet."
        yield (
            f"Somebody else approves it: neither {name(request.actor)}, who asked, nor anyone who wrote a commit here "
            "may be its only approver."
        )
        return
    if outcome.result.passed:
        yield "Mend what is missing above, then ask again: the numbers were good."
        return
    missed = sorted({one.name for one in outcome.result.metrics if not one.passed})
    trained = request.harness == "ensemble"
    if outcome.result.inconclusive:
        yield "More held-out items narrow the interval; a better candidate moves it. The gate stays as it is."
    elif missed and trained:
        yield (
            f"Bring {names(missed)} within the threshold: the ensemble was trained on the corpus that the policy "
            f"names, and more or better rows come into {name(request.base_ref)} by a pull request of their own."
        )
    elif missed:
        yield f"Bring {names(missed)} within the threshold: train on more or better data, and push that to this branch."
    yield (
        f"Then write `/promote {' '.join(request.ids[:12])}` in a new comment{'' if trained else ', on the new head'}. "
        "The thresholds are the policy's on the target branch, and no pull request is judged by its own."
    )


def _details(outcome: Outcome) -> str:
    lines = "\n".join(f"| {label} | {value} |" for label, value in _facts(outcome))
    return f"<details><summary>What this rests on</summary>\n\n| | |\n| --- | --- |\n{lines}\n\n</details>"


def _facts(outcome: Outcome) -> Iterator[tuple[str, str]]:
    request, corpus, rule = outcome.request, outcome.evidence.corpus, outcome.result.rule
    yield "asked by", f"{_cell(request.actor)}, {_cell(request.asked_at)}"
    yield "head", _cell(request.head_sha)
    yield "base", f"{_cell(request.base_ref)} at {_cell(request.base_sha)}"
    yield "registry", _cell(request.registry)
    yield "policy", _cell(request.policy_sha256)
    yield "evidence", f"sha256 {_cell(outcome.evidence.sha256)}"
    yield "attested", prose(clip(outcome.attested, 300)).replace("|", "\\|")
    yield "corpus", f"{_cell(_said(corpus.get('sha256')))}, {_said_number(corpus.get('rows'))} rows"
    yield "sources", _cells(corpus.get("sources"))
    yield "encoders", _cells(corpus.get("encoders"))
    if rule is not None and rule.low is not None and rule.high is not None:
        yield (
            "interval",
            f"{rule.confidence * 100:g} % over {rule.items:,} items: {rule.low:+.6f} to {rule.high:+.6f}, "
            f"{rule.resamples:,} resamples of seed {rule.bootstrap_seed}",
        )
    if (incumbent := _incumbent(outcome)) is not None:
        yield "compared with", _cell(incumbent)
    yield "run", link("log and artifacts", outcome.run_url)


def _cell(text: str) -> str:
    return cell_code(clip(text, 200))


def _cells(values: object) -> str:
    known = [one for one in values if isinstance(one, str)] if isinstance(values, list) else []
    more = f" and {len(known) - 12:,} more" if len(known) > 12 else ""
    return ", ".join(_cell(one[:80]) for one in known[:12]) + more or "not said"


def _said(value: object) -> str:
    return value if isinstance(value, str) else "not said"


def _said_number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else "an unknown number of"


def reasons_of(faults: Iterable[Any]) -> list[str]:
    """Of faults that the evidence has, each with its code."""
    return [f"{one.code}: {one.message}" for one in faults]
