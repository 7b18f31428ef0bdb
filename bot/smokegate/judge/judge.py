"""The judge: a function from two sides and the law to a report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from smokegate.judge.change import RegistryChange, Step
from smokegate.judge.check import AsksEntry, AsksSide, Check, Cure, Depth, Hardens
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem
from smokegate.judge.report import Finding, Report, Severity, Verdict
from smokegate.judge.side import Side
from smokegate.judge.table import BY_CODE, CHECKS
from smokegate.policy import Level
from smokegate.registry.document import JsonDocument

_QUIET_FIELDS = frozenset(
    {"notes", "description", "license", "license_url", "sigstore_bundle", "release_url", "superseded_by", "evidence"}
)
"""Fields that no deep check reads."""
_QUIET_FILES = frozenset({"card", "evidence"})


@dataclass(frozen=True, slots=True)
class _Judged:
    """A problem with the judge's word on whether the change brought it in."""

    check: Check
    problem: Problem
    introduced: bool


def judge(change: RegistryChange, law: Law) -> Report:
    judged = [j for check in CHECKS if _level(check, law) is not Level.OFF for j in _ask(check, change, law)]
    findings = sorted((_finding(j, change, law) for j in judged), key=_order)
    return Report(
        verdict=verdict(findings),
        base=change.base.tree.label,
        head=change.head.tree.label,
        registry=change.head.registry_path,
        policy_sha256=law.policy_sha256,
        changes=tuple(change.changes()),
        findings=tuple(findings),
        notes=tuple(change.notes),
        entries_before=len(change.base.entries),
        entries_after=len(change.head.entries),
    )


def verdict(findings: Iterable[Finding]) -> Verdict:
    blocking = {f.code for f in findings if f.blocks}
    if not blocking:
        return Verdict.PASS
    cures = {BY_CODE[code].cure for code in blocking}
    if cures == {Cure.OWNER}:
        return Verdict.NEEDS_OWNER
    return Verdict.NEEDS_EVIDENCE if cures == {Cure.EVIDENCE} else Verdict.BLOCK


def _level(check: Check, law: Law) -> Level | None:
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
        introduced = unreadable or _mark(problem) not in standing or _any_fresh(problem, change)
        yield _Judged(check, problem, introduced)


def _ask_entries(check: Check, ask: AsksEntry, change: RegistryChange, law: Law) -> Iterator[_Judged]:
    for key, entry in change.head.entries.items():
        step = change.steps.get(key)
        if check.depth is Depth.DEEP and not law.deep and not (step and is_deep(step)):
            continue
        found = list(ask(change.head, entry, law))
        if found:
            standing = _standing(ask, step, change.base, law)
            yield from (_Judged(check, p, standing is not None and _mark(p) not in standing) for p in found)


def is_deep(step: Step) -> bool:
    """Whether anything that a deep check reads differs."""
    if step.fresh or step.demoted:
        return True
    return bool(set(step.fields) - _QUIET_FIELDS or set(step.files) - _QUIET_FILES)


def _standing(ask: AsksEntry, step: Step | None, base: Side, law: Law) -> set[tuple[str, str]] | None:
    """What base, asked the same, gives for the same causes. None: the entry is untouched, so all of it stands."""
    if step is None:
        return None
    if step.fresh or step.before is None:
        return set()
    return {_mark(p) for p in ask(base, step.before, law)}


def _mark(problem: Problem) -> tuple[str, str]:
    return problem.subject, repr(problem.cause)


def _any_fresh(problem: Problem, change: RegistryChange) -> bool:
    return any(step.fresh for key in problem.entries if (step := change.steps.get(key)))


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
        fix=problem.fix.replace("{base}", change.base.tree.label),
    )


def _severity(judged: _Judged, change: RegistryChange, law: Law) -> Severity:
    """The policy's word for the check; on top of it, what is milder hardens for an entry on its way up."""
    check, problem = judged.check, judged.problem
    level = _level(check, law)
    own = check.severity if level is None else Severity(level.value)
    milder = own if problem.severity is None or level is not None else problem.severity
    if check.hardens is Hardens.NEVER or milder is Severity.BLOCK:
        return milder
    steps = [step for key in problem.entries if (step := change.steps.get(key))]
    if check.hardens is Hardens.FRESH:
        return own if any(step.fresh for step in steps) else milder
    return Severity.BLOCK if any(step.fresh_production for step in steps) else milder


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
