"""The ensemble shape: folds of every seed, and what the exported bytes gave on the whole corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from smokegate.evidence.bounds import Numbers
from smokegate.evidence.documents import Subject
from smokegate.evidence.numbers import finite, mean, spread, whole

_FEWEST = 3
"""One row has no correlation, and two have always a perfect one."""
SCORES = ("plcc", "srocc", "rmse")


@dataclass(frozen=True, slots=True)
class Fold:
    held_out: str
    scores: Mapping[str, float | None]
    rows: int | None = None
    """On how many it was scored, where that is said."""


@dataclass(frozen=True, slots=True)
class Seed:
    number: int
    folds: tuple[Fold, ...]
    dry: bool

    @property
    def sources(self) -> list[str]:
        return [fold.held_out for fold in self.folds]

    def mean(self, score: str, sources: frozenset[str]) -> float | None:
        """Undefined unless every source is held out once, each with a number."""
        complete = sorted(self.sources) == sorted(sources)
        return mean(fold.scores[score] for fold in self.folds) if complete else None


def numbers(measurements: Mapping[str, Any], wanted: Sequence[int], subjects: Sequence[Subject]) -> Numbers:
    seeds, faults = _seeds(measurements.get("seeds"))
    faults += _seed_faults(seeds, wanted)
    complete = not faults
    sources = frozenset(source for seed in seeds for source in seed.sources)
    faults += [fault for seed in seeds for fault in _fold_faults(seed, sources)]
    means = {score: {str(seed.number): seed.mean(score, sources) for seed in seeds} for score in SCORES}
    overall = {score: mean(means[score].values()) if complete else None for score in SCORES}
    exported = {_name(one): _exported(one, "fp32") for one in subjects}
    return Numbers(
        single={
            "mean_plcc": overall["plcc"],
            "plcc_spread": spread(means["plcc"].values()) if complete else None,
            "mean_srocc": overall["srocc"],
            "mean_rmse": overall["rmse"],
        },
        members={
            "seed_plcc": means["plcc"],
            "fold_plcc": {f"seed {s.number}, {f.held_out}": f.scores["plcc"] for s in seeds for f in s.folds},
            "exported_plcc": exported,
            "int8_drop": {_name(one): drop(one) for one in subjects if one.int8_sha256 is not None},
        },
        unasked=_unasked(subjects),
        faults=tuple(faults),
    )


def _unasked(subjects: Sequence[Subject]) -> frozenset[str]:
    """Without subjects the numbers are about no bytes at all, which whoever reads the evidence must hold against it."""
    names = set() if subjects else {"exported_plcc"}
    return frozenset(names if any(one.int8_sha256 for one in subjects) else names | {"int8_drop"})


def seeds_of(measurements: Mapping[str, Any]) -> list[Seed]:
    return _seeds(measurements.get("seeds"))[0]


def _seeds(rows: object) -> tuple[list[Seed], list[str]]:
    """Those that can be read, and what is wrong with the rest."""
    if not isinstance(rows, list) or not rows:
        return [], ["there are no numbers of any seed"]
    seeds, faults = [], []
    for index, row in enumerate(rows):
        number = whole(row.get("seed")) if isinstance(row, dict) else None
        if number is None:
            faults.append(f"item {index} of the measurements says no seed")
            continue
        folds = row.get("folds")
        read = [_fold(fold) for fold in (folds if isinstance(folds, list) else [])]
        faults += [f"a fold of seed {number} does not say what it held out" for fold in read if fold is None]
        seeds.append(Seed(number, tuple(fold for fold in read if fold), is_dry(row)))
    return seeds, faults


def _fold(row: object) -> Fold | None:
    if not isinstance(row, dict) or not isinstance(row.get("held_out"), str):
        return None
    return Fold(row["held_out"], {score: finite(row.get(score)) for score in SCORES}, whole(row.get("n_val")))


def is_dry(row: Mapping[str, Any]) -> bool:
    note = row.get("note")
    return isinstance(note, str) and "dryrun" in "".join(one for one in note.lower() if one.isalpha())


def _seed_faults(seeds: Sequence[Seed], wanted: Sequence[int]) -> Iterator[str]:
    there = Counter(seed.number for seed in seeds)
    for number in sorted({*wanted, *there}):
        if number not in there:
            yield f"seed {number} is missing"
        elif number not in wanted:
            yield f"seed {number} is not one that the gate names"
        elif there[number] > 1:
            yield f"seed {number} is there {there[number]} times"


def _fold_faults(seed: Seed, sources: frozenset[str]) -> Iterator[str]:
    if seed.dry:
        yield f"seed {seed.number} is from a dry run"
    if not seed.folds:
        yield f"seed {seed.number} has no folds"
        return
    there = Counter(seed.sources)
    for source in sorted(sources - set(there)):
        yield f"seed {seed.number} has no fold for {source}"
    for source, times in sorted(there.items()):
        if times > 1:
            yield f"seed {seed.number} holds out {source} {times} times"
    for fold in seed.folds:
        if fold.scores["plcc"] is None:
            yield f"the PLCC of seed {seed.number} with {fold.held_out} held out is undefined"
        elif fold.rows is not None and fold.rows < _FEWEST:
            few = f"{fold.rows} row{'' if fold.rows == 1 else 's'}, which can show nothing"
            yield f"the PLCC of seed {seed.number} with {fold.held_out} held out is of {few}"


def _name(subject: Subject) -> str:
    return subject.id if subject.id is not None else f"subjects[{subject.index}]"


def _exported(subject: Subject, precision: str) -> float | None:
    return finite((subject.measured(precision) or {}).get("plcc"))


def drop(subject: Subject) -> float | None:
    """How much less the int8 twin reaches than the model itself."""
    full, twin = _exported(subject, "fp32"), _exported(subject, "int8")
    return None if full is None or twin is None else finite(full - twin)
