"""A replayed history: one line per commit, then the totals."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Protocol

from smokegate.judge.report import Change, Report, Verdict, What
from smokegate.render.escape import visible
from smokegate.render.words import LABEL

_COLOURS = {Verdict.PASS: "32", Verdict.BLOCK: "31", Verdict.NEEDS_EVIDENCE: "33", Verdict.NEEDS_OWNER: "33"}
_SHORT_WORDS = {
    What.ADDED: "+",
    What.REMOVED: "-",
    What.RETIRED: "retired ",
    What.FLIPPED: "flipped ",
    What.DEMOTED: "demoted ",
    What.RENAMED: "renamed ",
    What.CHANGED: "~",
}
_MOST_SAID = 3


class Told(Protocol):
    """The commit, as the line needs it."""

    @property
    def oid(self) -> str: ...
    @property
    def short(self) -> str: ...
    @property
    def date(self) -> str: ...
    @property
    def subject(self) -> str: ...


def line(commit: Told, report: Report, *, colour: bool = False, width: int = 120) -> str:
    label = LABEL[report.verdict]
    painted = f"\x1b[{_COLOURS[report.verdict]}m{label:<14}\x1b[0m" if colour else f"{label:<14}"
    codes = Counter(f.code for f in report.blocking)
    blocked = " ".join(code if n == 1 else f"{code}x{n}" for code, n in sorted(codes.items()))
    said = "; ".join(filter(None, (blocked, _changes(report.changes))))
    text = f"{commit.short} {commit.date[:10]} {said} | {visible(commit.subject)}"
    room = max(20, width - 15)
    return f"{painted} {text if len(text) <= room else text[: room - 1] + '…'}"


def fault_line(commit: Told, fault: str, *, colour: bool = False) -> str:
    label = "CANNOT JUDGE"
    painted = f"\x1b[35m{label:<14}\x1b[0m" if colour else f"{label:<14}"
    return f"{painted} {commit.short} {commit.date[:10]} {visible(fault)} | {visible(commit.subject)}"


def totals(reports: Sequence[Report], faults: int) -> str:
    """What the whole history comes to."""
    verdicts = Counter(report.verdict for report in reports)
    counted = [f"{verdicts[v]} {LABEL[v].lower()}" for v in Verdict if verdicts[v]]
    if faults:
        counted.append(f"{faults} could not be judged")
    codes = Counter(f.code for report in reports for f in report.blocking)
    most = ", ".join(f"{code} {n}" for code, n in codes.most_common())
    return f"{len(reports) + faults} judged: {', '.join(counted) or 'nothing'}" + (
        f"; blocking: {most}" if most else ""
    )


def document(replayed: Iterable[tuple[Told, Sequence[str], str | None]]) -> str:
    """`smokegate-history-v1`: per commit the reports as `check --format json` gives them."""
    rows = [
        {
            "commit": commit.oid,
            "date": commit.date,
            "subject": commit.subject,
            "reports": [json.loads(report) for report in reports],
            **({"fault": fault} if fault else {}),
        }
        for commit, reports, fault in replayed
    ]
    return json.dumps({"schema": "smokegate-history-v1", "commits": rows}, sort_keys=True, indent=2) + "\n"


def _changes(changes: Sequence[Change]) -> str:
    shown = [f"{_SHORT_WORDS[c.what]}{visible(c.id)}" for c in changes[:_MOST_SAID]]
    rest = len(changes) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "") or "nothing in the registry changes"
