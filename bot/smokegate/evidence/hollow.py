"""SG505: numbers without a corpus behind them, or with one that shows too little."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from smokegate.evidence.documents import Evidence
from smokegate.evidence.ensemble import seeds_of
from smokegate.evidence.fault import MEASURE, REWRITE, Fault, Faults
from smokegate.evidence.numbers import finite, whole
from smokegate.policy import Policy
from smokegate.registry.document import Pointer

_DIGEST = re.compile(r"[0-9a-f]{64}")


def faults(evidence: Evidence, policy: Policy) -> Faults:
    yield from absent(evidence)
    if evidence.corpus.get("present") is True:  # of one that was not there, the rest says nothing more
        for field, message in _refused(evidence, policy):
            yield Fault("SG505", ("corpus", field), message, MEASURE)
        yield from _folds(evidence)
    for place, what in _undefined(evidence):
        yield Fault("SG505", place, f"{what} is undefined", MEASURE)


def absent(evidence: Evidence) -> Faults:
    if evidence.corpus.get("present") is not True:
        message = "the corpus was not there when these numbers were written, so nothing says what they were measured on"
        yield Fault("SG505", ("corpus", "present"), message, MEASURE)
    digest = evidence.corpus.get("sha256")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        message = "the corpus has no digest, so nobody can tell which one it was"
        yield Fault("SG505", ("corpus", "sha256"), message, MEASURE)


def _refused(evidence: Evidence, policy: Policy) -> Iterator[tuple[str, str]]:
    """Accepted by name, or by all three minima."""
    if evidence.corpus.get("sha256") in policy.corpora.digests:
        return
    rows = whole(evidence.corpus.get("rows"))
    counts = {
        "rows": (rows, policy.corpora.min_rows),
        "sources": (_distinct(evidence.corpus.get("sources")), policy.corpora.min_sources),
        "encoders": (_distinct(evidence.corpus.get("encoders")), policy.corpora.min_encoders),
    }
    for field, (count, least) in counts.items():
        if count is None or count < least:
            said = f"{count:,}" if count is not None else "an unknown number of"
            yield field, f"the corpus has {said} {field}; the policy asks for {least:,}, or for its digest to be named"


def _distinct(names: object) -> int | None:
    return len({one for one in names if isinstance(one, str)}) if isinstance(names, list) else None


def _folds(evidence: Evidence) -> Faults:
    """Leaving out one source at a time leaves out every source, in every seed."""
    if evidence.measurements.get("shape") != "ensemble":
        return
    names = evidence.corpus.get("sources")
    sources = sorted(str(one) for one in names) if isinstance(names, list) else []
    if len(set(sources)) < len(sources):
        yield Fault("SG505", ("corpus", "sources"), "the corpus names a source twice", REWRITE)
    for seed in seeds_of(evidence.measurements):
        missing, extra = sorted(set(sources) - set(seed.sources)), sorted(set(seed.sources) - set(sources))
        twice = len(seed.sources) - len(set(seed.sources))
        said = [
            *([f"leaves out {', '.join(missing[:5])}"] if missing else []),
            *([f"has {', '.join(extra[:5])}, which the corpus has not"] if extra else []),
            *(["holds a source out twice"] if twice else []),
        ]
        if said:
            message = f"the folds of seed {seed.number} are not the corpus's sources: it {'; it '.join(said)}"
            yield Fault("SG505", ("measurements", "seeds"), message, MEASURE)


def _undefined(evidence: Evidence) -> Iterator[tuple[Pointer, str]]:
    """Raw numbers that are not numbers, with what they would be."""
    for index, row in enumerate(_list(evidence.measurements.get("seeds"))):
        for at, fold in enumerate(_list(row.get("folds")) if isinstance(row, dict) else []):
            for score in ("plcc", "srocc", "rmse"):
                if isinstance(fold, dict) and finite(fold.get(score)) is None:
                    place: Pointer = ("measurements", "seeds", index, "folds", at, score)
                    yield place, f"the {score} of seed {row.get('seed')} with {fold.get('held_out')} held out"
    for subject in evidence.subjects:
        for precision in ("fp32", "int8"):
            measured = subject.measured(precision) or {}
            for score in measured.keys() & {"plcc", "srocc", "rmse"}:
                if finite(measured[score]) is None:
                    place = ("subjects", subject.index, "measured", precision, score)
                    yield place, f"the {score} measured of {subject.id} ({precision})"


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else []
