"""The judge: a function from two sides and the law to a report."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from smokegate.judge.change import RegistryChange, Step
from smokegate.judge.check import AsksEntry, AsksSide, Check, Cure, Depth, Hardens
from smokegate.judge.docket import docket
from smokegate.judge.dossier import restored_from
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem
from smokegate.judge.report import Finding, Report, Severity, Verdict
from smokegate.judge.shell import pathspec
from smokegate.judge.table import BY_CODE, CHECKS
from smokegate.policy import Level
from smokegate.policy_file import places
from smokegate.registry.document import JsonDocument

_QUIET_FIELDS = frozenset(
    {"notes", "description", "license", "license_url", "sigstore_bundle", "release_url", "superseded_by", "evidence"}
)
"""Fields that no deep check reads."""
_QUIET_FILES = frozenset({"card", "evidence"})
_READS = "SG102"
_COMMIT = re.compile(r"[0-9a-f]{7,64}")


@dataclass(frozen=True, slots=True)
class _Judged:
    """A problem with the judge's word on whether the change brought it in."""

    check: Check
    problem: Problem
    introduced: bool


def judge(change: RegistryChange, law: Law) -> Report:
    judged = [j for check in CHECKS if _level(check, change, law) is not Level.OFF for j in _ask(check, change, law)]
    findings = sorted((_finding(j, change, law) for j in judged), key=_order)
    return Report(
        verdict=verdict(findings),
        base=change.base.tree.label,
        head=change.head.tree.label,
        registry=change.head.registry_path,
        policy_sha256=law.policy_sha256,
        changes=tuple(change.changes({*places(change.head.registry_path), law.schema_path})),
        findings=tuple(findings),
        notes=(*change.notes, *docket(change, law).notes),
        self_attested=docket(change, law).self_attested,
        entries_before=len(change.base.entries),
        entries_after=len(change.head.entries),
    )


def verdict(findings: Iterable[Finding]) -> Verdict:
    blocking = [f for f in findings if f.blocks]
    if not blocking:
        return Verdict.PASS
    cures = {BY_CODE[f.code].cure if f.curable else None for f in blocking}
    if cures == {Cure.OWNER}:
        return Verdict.NEEDS_OWNER
    return Verdict.NEEDS_EVIDENCE if cures == {Cure.EVIDENCE} else Verdict.BLOCK


def _level(check: Check, change: RegistryChange, law: Law) -> Level | None:
    """The policy's word, where it has one: but no word of it lets a registry pass that nobody could read."""
    if check.code == _READS and not change.head_is_readable:
        return None
    return law.policy.checks.get(check.code)


# -- asking ----------------------------------------------------------------------------------------------------------


def _ask(check: Check, change: RegistryChange, law: Law) -> Iterator[_Judged]:
    if check.side is not None:
        yield from _ask_side(check, check.side, change, law)
    if check.entry is not None and change.head_is_readable:
        yield from _ask_entries(check, check.entry, change, law)
    if check.change is not None:
        yield from (_Judged(check, problem, True) for problem in check.change(change, law))


def _ask_side(check: Check, ask: AsksSide, change: RegistryChange, law: Law) -> Iterator[_Judged]:
    found = list(ask(change.head, law))
    if not found:
        return
    standing = {_mark(p) for p in ask(change.base, law)}
    for problem in found:
        unreadable = problem.path == change.head.registry_path and not change.head_is_readable
        known = _mark(problem) in standing or _came_back(problem, ask, change, law)
        yield _Judged(check, problem, unreadable or not known or _any_fresh(problem, change, law))


def _came_back(problem: Problem, ask: AsksSide, change: RegistryChange, law: Law) -> bool:
    """Whether it is the old fault of a row that is restored with it."""
    steps = [change.steps.get(key) for key in problem.entries]
    pasts = [restored_from(change, step, law) for step in steps if step and step.added]
    return any(_mark(problem) in {_mark(p) for p in ask(past.side, law)} for past in pasts if past)


def _ask_entries(check: Check, ask: AsksEntry, change: RegistryChange, law: Law) -> Iterator[_Judged]:
    for key, entry in change.head.entries.items():
        step = change.steps.get(key)
        if check.depth is Depth.DEEP and not law.deep and not (step and is_deep(step)):
            continue
        found = list(ask(change.head, entry, law))
        if found:
            standing = _standing(ask, key, change, law)
            yield from (_Judged(check, p, _mark(p) not in standing) for p in found)


def is_deep(step: Step) -> bool:
    """Whether anything that a deep check reads differs."""
    if step.fresh or step.demoted:
        return True
    return bool(set(step.fields) - _QUIET_FIELDS or set(step.files) - _QUIET_FILES)


def _standing(ask: AsksEntry, key: str, change: RegistryChange, law: Law) -> set[tuple[str, str]]:
    """What was found for the same causes before: at base, or where history last had a row that is restored.

    Base is asked for untouched entries too: what is said of them may be drawn from what is not theirs.
    """
    step = change.steps.get(key)
    if step is not None and step.fresh:
        past = restored_from(change, step, law)
        return {_mark(p) for p in ask(past.side, past.entry, law)} if past else set()
    before = step.before if step else change.base.entries.get(key)
    if before is None:
        return set()
    return {_mark(p, now=key, then=before.key) for p in ask(change.base, before, law)}


def _mark(problem: Problem, *, now: str = "", then: str = "") -> tuple[str, str]:
    """What makes two problems one; `now` is the name that the entry called `then` goes by at head."""
    return now if problem.subject == then else problem.subject, repr(problem.cause)


def _any_fresh(problem: Problem, change: RegistryChange, law: Law) -> bool:
    steps = (change.steps.get(key) for key in problem.entries)
    return any(_is_fresh(step, change, law) for step in steps if step)


def _is_fresh(step: Step, change: RegistryChange, law: Law) -> bool:
    """A row that is restored is not new."""
    return step.fresh and restored_from(change, step, law) is None


# -- findings --------------------------------------------------------------------------------------------------------


def _finding(judged: _Judged, change: RegistryChange, law: Law) -> Finding:
    check, problem = judged.check, judged.problem
    line, column = _place(problem, change)
    return Finding(
        code=check.code,
        check=check.name,
        severity=_severity(judged, change, law),
        introduced=judged.introduced,
        subject=problem.subject,
        path=problem.path,
        line=line,
        column=column,
        message=problem.message,
        fix=_fix(problem, change),
        curable=problem.curable,
    )


def _fix(problem: Problem, change: RegistryChange) -> str:
    base = change.base.tree.label
    fix = problem.fix.replace("{base}", base)
    path = problem.restores
    if path is None or not _COMMIT.fullmatch(base):
        return fix
    before = change.base.key(path)
    if before is None or before == change.head.key(path):
        return fix
    return f"{fix}; if base's file is meant: git checkout {base} -- {pathspec(path)}"


def _severity(judged: _Judged, change: RegistryChange, law: Law) -> Severity:
    """The policy's word for the check; on top of it, what is milder hardens for an entry on its way up."""
    check, problem = judged.check, judged.problem
    level = _level(check, change, law)
    own = check.severity if level is None else Severity(level.value)
    milder = own if problem.severity is None or level is not None else problem.severity
    if check.hardens is Hardens.NEVER or milder is Severity.BLOCK:
        return milder
    steps = [step for key in problem.entries if (step := change.steps.get(key))]
    if check.hardens is Hardens.FRESH:
        return own if any(_is_fresh(step, change, law) for step in steps) else milder
    rising = (step for step in steps if step.fresh_production)
    return Severity.BLOCK if any(_is_fresh(step, change, law) for step in rising) else milder


def _place(problem: Problem, change: RegistryChange) -> tuple[int | None, int | None]:
    if problem.pointer is None:
        return problem.line, problem.column
    document = change.head.document(problem.path)
    if not isinstance(document, JsonDocument):
        return problem.line, problem.column
    return document.where(problem.pointer)


def _order(finding: Finding) -> tuple[object, ...]:
    return (
        not finding.introduced,
        finding.severity is Severity.WARN,
        finding.path,
        finding.line or 0,
        finding.code,
        finding.subject,
        finding.message,
    )
