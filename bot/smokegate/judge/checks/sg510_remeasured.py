"""SG510: where the corpus lies in the tree, the judge measures the subjects again and gets the same numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smokegate.judge.change import RegistryChange
from smokegate.judge.docket import docket
from smokegate.judge.exhibit import Exhibit
from smokegate.judge.law import Law
from smokegate.judge.needs import Need
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.report import Severity
from smokegate.registry.document import Pointer

if TYPE_CHECKING:
    from smokegate.evidence.corpus import CorpusTable
    from smokegate.judge.measuring import Corpora

_FIX = "run the gate's harness on these very bytes and commit what it writes; numbers are not written by hand"
_LONGEST_NAME = 60


def change(change: RegistryChange, law: Law) -> Problems:
    # what is wrong already, or of version 1, which says nothing of the bytes, needs no measuring
    exhibits = [one for one in docket(change, law).exhibits if one.evidence.version != 1 and not one.faults]
    if not exhibits:
        return
    from smokegate.judge.measuring import Corpora  # noqa: PLC0415

    corpora = Corpora(change)
    for exhibit in exhibits:
        if law.policy.gates[exhibit.gate].shape == "ensemble":
            yield from _exhibit(change, law, exhibit, corpora)
        else:
            yield _unmeasured(exhibit, "its items lie outside the registry, and only their results are here")


def _exhibit(change: RegistryChange, law: Law, exhibit: Exhibit, corpora: Corpora) -> Problems:
    from smokegate.judge.measuring import contradicted  # noqa: PLC0415

    digest, named = exhibit.evidence.corpus.get("sha256"), exhibit.evidence.corpus.get("path")
    found = corpora.find(digest if isinstance(digest, str) else "", named if isinstance(named, str) else None)
    if isinstance(found, str):
        yield _unmeasured(exhibit, found)
        return
    yield from _another(exhibit, found)
    if found.digest not in law.policy.corpora.digests and not corpora.at_base(found.digest):
        yield _brought(exhibit, found)
    tolerance = law.policy.remeasure_tolerance
    for need in exhibit.needs:
        for subject in [one for one in exhibit.evidence.subjects if one.id == need.entry.id]:
            for precision in ("fp32", "int8"):
                claimed = subject.measured(precision) or {}
                if said := contradicted(change.head, need.entry, precision, found, claimed, tolerance=tolerance):
                    yield _differs(exhibit, need, ("subjects", subject.index, "measured", precision), said)


def _another(exhibit: Exhibit, found: CorpusTable) -> Problems:
    """What is said of the corpus, by which the policy accepts it and its folds are counted, is what it holds."""
    said = exhibit.evidence.corpus
    for field, ours in (("rows", found.rows), ("sources", list(found.sources)), ("encoders", list(found.encoders))):
        theirs = said.get(field)
        held = sorted(map(str, theirs)) if isinstance(theirs, list) else theirs
        if held != ours:
            yield Problem(
                subject=exhibit.path,
                path=exhibit.path,
                pointer=("corpus", field),
                message=f"`{exhibit.path}`: the corpus that it names has {_counted(ours)} {field}, and it says "
                f"{_counted(held)}{_strangers(held, ours)}",
                fix=_FIX,
                cause=(),
                concerns=exhibit.keys,
            )


def _brought(exhibit: Exhibit, found: CorpusTable) -> Problem:
    """Whoever picks the rows picks what a model gives on them: measuring again shows only that the two agree.

    So somebody has to vouch: a signer whom base trusts, or an owner who named the corpus.
    """
    return Problem(
        subject=exhibit.path,
        path=exhibit.path,
        pointer=("corpus", "sha256"),
        message=f"`{exhibit.path}`: the corpus that it was measured on comes with this very change",
        fix="bring the corpus in a pull request of its own, or have an owner name it under `corpora.digests` in the "
        f"policy: {found.digest}",
        cause=(),
        concerns=exhibit.keys,
        severity=Severity.WARN if exhibit.signing.by else None,
    )


def _counted(value: object) -> str:
    return f"{len(value):,}" if isinstance(value, list) else f"{value:,}" if isinstance(value, int) else "nothing"


def _strangers(said: object, ours: object) -> str:
    """Whom one of two lists of names has alone."""
    if not isinstance(said, list) or not isinstance(ours, list):
        return ""
    alone = [name[:_LONGEST_NAME] for name in sorted(set(said) ^ set(ours))]
    return f" (they differ in {', '.join(alone[:5])}{', ...' if len(alone) > 5 else ''})"


def _differs(exhibit: Exhibit, need: Need, pointer: Pointer, what: str) -> Problem:
    return Problem(
        subject=need.step.key,
        path=exhibit.path,
        pointer=pointer,
        message=f"`{exhibit.path}`: {what}",
        fix=_FIX,
        cause=(),
        concerns=exhibit.keys,
    )


def _unmeasured(exhibit: Exhibit, why: str) -> Problem:
    return Problem(
        subject=exhibit.path,
        path=exhibit.path,
        pointer=("corpus",),
        message=f"`{exhibit.path}`: not re-measured: {why}",
        fix="keep the corpus in the repository, as JSONL or parquet, to have the judge measure again by itself",
        cause=(),
        concerns=exhibit.keys,
        severity=Severity.WARN,
    )
