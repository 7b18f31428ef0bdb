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
    from smokegate.judge.measuring import Corpora


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
    tolerance = law.policy.remeasure_tolerance
    for need in exhibit.needs:
        for subject in [one for one in exhibit.evidence.subjects if one.id == need.entry.id]:
            for precision in ("fp32", "int8"):
                claimed = subject.measured(precision) or {}
                if said := contradicted(change.head, need.entry, precision, found, claimed, tolerance=tolerance):
                    yield _differs(exhibit, need, ("subjects", subject.index, "measured", precision), said)


def _differs(exhibit: Exhibit, need: Need, pointer: Pointer, what: str) -> Problem:
    return Problem(
        subject=need.step.key,
        path=exhibit.path,
        pointer=pointer,
        message=f"`{exhibit.path}`: {what}",
        fix="run the gate's harness on these very bytes and commit what it writes; numbers are not written by hand",
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
