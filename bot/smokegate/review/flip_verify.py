"""Whether evidence carries entries to production, asked of the judge's own checks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from smokegate.evidence.documents import Evidence, EvidenceFault, read
from smokegate.evidence.examine import examine
from smokegate.judge.change import RegistryChange
from smokegate.judge.docket import docket
from smokegate.judge.dossier import gate_for
from smokegate.judge.incumbents import wanted
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem
from smokegate.judge.report import Finding, Severity
from smokegate.judge.side import MIB
from smokegate.judge.table import BY_CODE
from smokegate.policy import Level
from smokegate.registry.document import JsonDocument

CODES = ("SG403", "SG404", "SG405", "SG409", *(f"SG{number}" for number in range(501, 511)))
"""What speaks of evidence, and of who flips with whom."""
_NO_GATE = (
    "no gate of the policy judges it, so no evidence can speak for it",
    "add a gate that matches it under `gates` in the policy, in a pull request of its own",
)


def refusals(change: RegistryChange, law: Law, going: Collection[str], evidence: str) -> list[Finding]:
    """What `check` would block these entries for, on a tree where no other evidence speaks for them."""
    found = [finding for code in CODES for finding in _found(code, change, law, going, evidence)]
    told = {key for exhibit in docket(change, law).exhibits if exhibit.path == evidence for key in exhibit.keys}
    return found or [finding for key in sorted({*going} - told) for finding in _unasked(change, law, key, evidence)]


def _unasked(change: RegistryChange, law: Law, key: str, path: str) -> Iterator[Finding]:
    """Of what the judge lets pass without evidence (a row that is restored, a check that is off), the file that is
    given as evidence must speak all the same: records are made of it."""
    entry = change.head.entries[key]
    name = gate_for(law, entry)
    if name is None:
        yield _finding("SG403", Problem(key, change.head.registry_path, *_NO_GATE, cause=()), change)
        return
    limits = law.policy.limits
    data = change.head.tree.read(path, limits.document_mib * MIB)
    evidence = read(data, path, max_bytes=limits.document_mib * MIB, max_depth=limits.document_depth)
    if isinstance(evidence, Evidence):
        about = wanted(change.head, entry, change.head.identity(entry))
        for fault in examine(evidence, law.policy.gates[name], name, law.policy, [about]):
            if law.policy.checks.get(fault.code) in {None, Level.BLOCK}:
                message = f"`{path}`: {fault.message}"
                problem = Problem(fault.subject or path, path, message, fault.fix, (), pointer=fault.pointer)
                yield _finding(fault.code, problem, change)


def _found(code: str, change: RegistryChange, law: Law, going: Collection[str], evidence: str) -> Iterator[Finding]:
    check, level = BY_CODE[code], law.policy.checks.get(code)
    if check.change is None or level in {Level.OFF, Level.WARN}:
        return
    for problem in check.change(change, law):
        ours = problem.path == evidence or not set(problem.entries).isdisjoint(going)
        blocks = level is Level.BLOCK or (problem.severity or check.severity) is Severity.BLOCK
        if ours and blocks:
            yield _finding(code, problem, change)


def _finding(code: str, problem: Problem, change: RegistryChange) -> Finding:
    document = change.head.document(problem.path) if problem.pointer is not None else None
    line, column = problem.line, problem.column
    if isinstance(document, JsonDocument) and problem.pointer is not None:
        line, column = document.where(problem.pointer)
    return Finding(
        code=code,
        check=BY_CODE[code].name,
        severity=Severity.BLOCK,
        introduced=True,
        subject=problem.subject,
        path=problem.path,
        line=line,
        column=column,
        message=problem.message,
        fix=problem.fix.replace("{base}", change.base.tree.label),
    )


def unreadable(fault: EvidenceFault, path: str) -> Finding:
    return Finding(
        code="SG501",
        check=BY_CODE["SG501"].name,
        severity=Severity.BLOCK,
        introduced=True,
        subject=path,
        path=path,
        line=fault.line,
        column=fault.column,
        message=fault.message,
        fix="have it written anew from the measurements: smokegate gate LOSO_DIR --corpus FILE",
    )


def newly_blocking(after: Iterable[Finding], before: Iterable[Finding]) -> list[Finding]:
    """What blocks now and did not before: brought in by what was written in between."""
    known = {(f.code, f.subject, f.path, f.message) for f in before if f.blocks}
    return [f for f in after if f.blocks and (f.code, f.subject, f.path, f.message) not in known]
