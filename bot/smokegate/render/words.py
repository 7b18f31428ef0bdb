"""The wording that all renderers share: what a verdict means, and what a change does to production."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence

from smokegate.judge.report import Change, Finding, Report, Verdict, What
from smokegate.render.escape import visible

Quote = Callable[[str], str]
"""How a renderer shows a name."""

LABEL = {
    Verdict.PASS: "PASS",
    Verdict.BLOCK: "BLOCK",
    Verdict.NEEDS_EVIDENCE: "NEEDS EVIDENCE",
    Verdict.NEEDS_OWNER: "NEEDS OWNER",
}

MEANING = {
    Verdict.PASS: "",
    Verdict.BLOCK: "",
    Verdict.NEEDS_EVIDENCE: "Only evidence is missing: a harness run on these bytes can lift every block below.",
    Verdict.NEEDS_OWNER: "Only an approval is missing: by an owner who neither wrote this change nor asked for it.",
}

SELF_ATTESTED = "self-attested"
SELF_ATTESTED_MEANS = "Self-attested: the evidence bears no trusted signature; the policy on base allows that."
NOTHING_JUDGED = "no registry was judged"

_WORST_FIRST = (Verdict.BLOCK, Verdict.NEEDS_EVIDENCE, Verdict.NEEDS_OWNER, Verdict.PASS)
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REVISION = re.compile(r"[0-9a-f]{7,64}")


def worst(reports: Sequence[Report]) -> Verdict:
    return min((report.verdict for report in reports), key=_WORST_FIRST.index, default=Verdict.PASS)


def worst_first(reports: Sequence[Report]) -> list[Report]:
    return sorted(reports, key=lambda report: _WORST_FIRST.index(report.verdict))


def count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def tally(report: Report) -> str:
    return ", ".join(
        (
            f"{len(report.blocking):,} blocking" if report.blocking else "nothing blocks",
            count(len(report.warnings), "warning"),
            f"{len(report.debt):,} standing",
        )
    )


def verdict_tally(reports: Sequence[Report]) -> str:
    """How many registries got which verdict, worst first."""
    verdicts = [report.verdict for report in reports]
    numbers = [f"{verdicts.count(verdict):,} {LABEL[verdict]}" for verdict in _WORST_FIRST if verdict in verdicts]
    return f"{count(len(verdicts), 'registry', 'registries')}: {', '.join(numbers)}"


def revision(name: str) -> str:
    return name[:12] if _SHA.fullmatch(name) else name


def place(finding: Finding) -> str:
    numbers = (str(number) for number in (finding.line, finding.column if finding.line else None) if number)
    return ":".join((finding.path, *numbers))


def see_all(report: Report) -> str:
    """The command that says everything that a shortened report leaves out."""
    words = ["smokegate", "check", "--format", "text", "--verbose"]
    for option, name in (("--base", report.base), ("--head", report.head)):
        if _REVISION.fullmatch(name):
            words += [option, name]
    if len(report.registry) <= 300:
        words += ["--registry", visible(report.registry)]
    return shlex.join(words)


def by_code(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    groups: dict[str, list[Finding]] = {}
    for finding in sorted(findings, key=lambda finding: finding.code):
        groups.setdefault(finding.code, []).append(finding)
    return groups


def in_production(change: Change) -> bool:
    """Whether what production runs is another thing after this change."""
    if change.what is What.CHANGED:
        return change.stage_before == change.stage_after == "production" and change.identity_changed
    return _was_or_is_production(change)


def _was_or_is_production(change: Change) -> bool:
    return change.what in (What.FLIPPED, What.DEMOTED) or "production" in (change.stage_before, change.stage_after)


_CONTENT = frozenset(("bytes", "external_data", "int8"))


_FATE = {What.ADDED: "new file {}", What.REMOVED: "file {} is removed", What.CHANGED: "file {} is edited"}


def production_first(changes: Sequence[Change]) -> list[Change]:
    return sorted(changes, key=lambda change: (not in_production(change), not _was_or_is_production(change)))


def still(changes: Sequence[Change]) -> str | None:
    """What to say when production is left alone."""
    if not any(_was_or_is_production(change) for change in changes):
        return "nothing changes in production"
    return None if any(map(in_production, changes)) else "what production runs stays the same"


def describe(change: Change, quote: Quote) -> str:
    name = quote(change.id)
    if is_file(change):
        return _FATE.get(change.what, "file {}").format(name)
    match change.what:
        case What.FLIPPED:
            return f"{name} goes to production"
        case What.DEMOTED:
            return f"{name} leaves production: back to smoke"
        case What.ADDED:
            return f"new {_entry(change.stage_after)} {name}"
        case What.REMOVED | What.RETIRED:
            return _gone(change, name)
        case What.RENAMED:
            before = f" of {quote(change.was)}" if change.was is not None else ""
            where = ", in production" if change.stage_after == "production" else ""
            return f"{name} is the new name{before}{where}"
        case What.CHANGED:
            return _edited(change, name)


def differing(change: Change) -> tuple[str, ...]:
    """The fields worth naming: of a file that belongs to no entry, the file is all there is to say."""
    return () if is_file(change) else change.fields


def is_file(change: Change) -> bool:
    """A governed file that belongs to no entry: the policy, a retirement record, loose evidence."""
    return change.fields == ("file",)


def _entry(stage: str | None) -> str:
    return f"{stage} entry" if stage in ("smoke", "production") else "entry"


def _gone(change: Change, name: str) -> str:
    if change.stage_before == "production":
        return f"{name} leaves production: {change.what.value}"
    return f"{_entry(change.stage_before)} {name} is {change.what.value}"


def _edited(change: Change, name: str) -> str:
    content = not _CONTENT.isdisjoint(change.fields)
    if in_production(change):
        return f"production bytes of {name} change" if content else f"what {name} computes in production changes"
    if change.stage_before == change.stage_after == "production":
        return f"{name} is edited; what it computes in production stays the same"
    if (change.stage_before, change.stage_after) == ("smoke", "production"):
        return f"{'bytes of ' if content else ''}{name} change{'' if content else 's'} on the way to production"
    return f"{_entry(change.stage_after)} {name} is edited"
