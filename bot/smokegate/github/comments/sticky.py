"""The one comment that carries the verdict: which one it is, what it says, and what it said before.

The comment is known by its marker and by its author together: anybody may write the marker. What it said before lies
in a hidden line, which whoever may edit comments may change: it feeds one sentence, and saves a look at check runs. No
verdict depends on it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from smokegate.github.api.port import Comment, Viewer
from smokegate.judge.report import Finding, Report, Verdict
from smokegate.render import markdown, words
from smokegate.render.escape import code
from smokegate.render.page import size

CANNOT = "CANNOT BE JUDGED"
SINCE = "*Since the last verdict: "

_STATE = "<!-- smokegate:state "
_FORM = re.compile(r"<!-- smokegate:state v1 ([A-Za-z0-9+/]{1,16384}={0,2}) -->", re.ASCII)
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)
_MARK = 10
"""Hexadecimal digits by which a finding is known again."""
_MOST_MARKS = 500
"""Past it, findings are counted and no longer told apart."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the verdict goes: into a comment of ours, or into a new one where `update` is None."""

    update: int | None
    extra: tuple[int, ...]
    """Further ones of ours, which are one too many."""
    before: State | None
    text: str = field(default="", repr=False, compare=False)
    """What it says now."""


@dataclass(frozen=True, slots=True)
class State:
    """What a comment says, as far as the next one needs to know."""

    verdict: Verdict | None
    """None where it could not be judged."""
    head: str
    blocking: int
    warnings: int
    marks: tuple[str, ...] | None
    """One for each introduced finding, sorted; None where they were too many."""
    check: str = ""
    """The check run that goes with it, by `check_run.mark`."""


def place(comments: Sequence[Comment], ours: Viewer) -> Place:
    """The oldest of ours carries on, so that links to it keep their meaning."""
    mine = sorted((one for one in comments if _is_ours(one, ours)), key=lambda one: one.id)
    if not mine:
        return Place(None, (), None)
    first, *more = mine
    return Place(first.id, tuple(one.id for one in more), read_state(first.body), first.body)


def _is_ours(comment: Comment, ours: Viewer) -> bool:
    """Our own answers quote people, so only the end counts, where nobody else's words ever stand."""
    if comment.author.login.casefold() != ours.login.casefold():
        return False
    last = [line.rstrip("\r") for line in comment.body.rstrip().split("\n")[-2:]]
    return any(line.startswith(markdown.MARKER) and line.endswith(" -->") for line in last)


def body(
    reports: Sequence[Report],
    head: str,
    before: State | None = None,
    *,
    check: str = "",
    limit: int = markdown.COMMENT_LIMIT,
    full_report: str | None = None,
) -> str:
    """The page, what changed since `before` after its first line, and the hidden lines at its end."""
    state = state_of(reports, head, check)
    hidden = write_state(state) + "\n"
    changed = since(before, state) if before else None
    room = limit - size(hidden) - (size(changed) + 2 if changed else 0)
    page = markdown.render(reports, limit=room, full_report=full_report)
    if changed:
        first, rest = page.split("\n\n", 1)
        page = f"{first}\n\n{changed}\n\n{rest}"
    return page + hidden


def state_of(reports: Sequence[Report], head: str, check: str = "") -> State:
    blocking = sum(len(report.blocking) for report in reports)
    warnings = sum(len(report.warnings) for report in reports)
    marks = None
    if blocking + warnings <= _MOST_MARKS:
        introduced = ((report, one) for report in reports for one in report.findings if one.introduced)
        marks = tuple(sorted(_mark(report, one) for report, one in islice(introduced, _MOST_MARKS)))
    return State(words.worst(reports), head, blocking, warnings, marks, check)


def unjudged(head: str, check: str) -> State:
    return State(None, head, 0, 0, None, check)


def _mark(report: Report, finding: Finding) -> str:
    """Of what is wrong with what; lines move, and words change with the bytes they speak of."""
    parts = (report.registry, finding.code, finding.subject, finding.path, str(finding.blocks))
    told = "\0".join(part.replace("\0", "\0\0") for part in parts)
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:_MARK]


def write_state(state: State) -> str:
    fields = {
        "blocking": state.blocking,
        "check": state.check,
        "head": state.head,
        "marks": None if state.marks is None else "".join(state.marks),
        "verdict": None if state.verdict is None else state.verdict.value,
        "warnings": state.warnings,
    }
    # Standard base64 has no hyphen, so nothing in it could end the HTML comment.
    return f"{_STATE}v1 {base64.b64encode(json.dumps(fields, sort_keys=True).encode()).decode()} -->"


def read_state(text: str) -> State | None:
    """None where there is none, or where it makes no sense."""
    found = _FORM.fullmatch(text.rstrip().rpartition("\n")[2])
    if found is None:
        return None
    try:
        fields = json.loads(base64.b64decode(found[1], validate=True))
        return _state(**fields)
    except (ValueError, TypeError, RecursionError):
        return None


def _state(
    *, verdict: object, head: object, blocking: object, warnings: object, marks: object, check: object = ""
) -> State:
    if not isinstance(head, str) or not _SHA.fullmatch(head) or not isinstance(check, str):
        raise ValueError("head is no commit, or check no text")
    if marks is not None and (not isinstance(marks, str) or not re.fullmatch(r"(?:[0-9a-f]{10})*", marks)):
        raise ValueError("marks are none of ours")
    split = None if marks is None else tuple(marks[at : at + _MARK] for at in range(0, len(marks), _MARK))
    named = None if verdict is None else Verdict(verdict)
    return State(named, head, _count(blocking), _count(warnings), split, check)


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 10**9:
        raise ValueError("no number of findings")
    return value


def since(before: State, now: State) -> str | None:
    """What is another now, in one line; None where nothing is."""
    parts = []
    if before.verdict is not now.verdict:
        parts.append(f"{_label(before.verdict)} → {_label(now.verdict)}")
    if before.head != now.head:
        parts.append(f"head {code(words.revision(before.head))} → {code(words.revision(now.head))}")
    if None not in (before.verdict, now.verdict):
        parts += _difference(before, now)
    return f"{SINCE}{'; '.join(parts)}.*" if parts else None


def _label(verdict: Verdict | None) -> str:
    return CANNOT if verdict is None else words.LABEL[verdict]


def _difference(before: State, now: State) -> list[str]:
    if before.marks is None or now.marks is None:
        pairs = (("blocking", before.blocking, now.blocking), ("warnings", before.warnings, now.warnings))
        return [f"{name} {was:,} → {is_:,}" for name, was, is_ in pairs if was != is_]
    gone, new = Counter(before.marks) - Counter(now.marks), Counter(now.marks) - Counter(before.marks)
    counts = ((gone.total(), "finding is gone", "findings are gone"), (new.total(), "is new", "are new"))
    return [words.count(number, one, many) for number, one, many in counts if number]
