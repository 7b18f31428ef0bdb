"""SG503 and SG504: what a version 2 document concludes, against what its own numbers come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from smokegate.evidence.bounds import GateResult, MetricResult
from smokegate.evidence.documents import Evidence
from smokegate.evidence.ensemble import Fold, seeds_of
from smokegate.evidence.fault import MEASURE, REWRITE, Fault, Faults
from smokegate.evidence.gates import evaluate
from smokegate.evidence.numbers import TOLERANCE, deviations, finite, mean, whole
from smokegate.evidence.write import gate_block
from smokegate.policy import Bound, Gate
from smokegate.policy_mistakes import dotted
from smokegate.registry.document import Pointer

FORGED = 1e-9
"""A number that differs from its recomputation by more than this was not worked out from the raw ones."""

_ABOUT_BYTES = frozenset({"exported_plcc", "int8_drop"})
_RULE = ("difference", "difference_low")
_LIMITS = {"min": "at least", "max": "at most", "max_drop": "a drop of at most"}


def faults(evidence: Evidence, gate: Gate, name: str, result: GateResult) -> Faults:
    yield from _raw(evidence)
    yield from _concluded(evidence, gate, name)
    yield from _verdict(evidence, result)
    yield from _thresholds(evidence, gate, name, result)


# -- the raw numbers agree with themselves -----------------------------------------------------------------------------


def _raw(evidence: Evidence) -> Faults:
    seeds = seeds_of(evidence.measurements)
    rows = evidence.measurements.get("seeds")
    for index, row in enumerate(rows if isinstance(rows, list) else []):
        if isinstance(row, dict):
            place: Pointer = ("measurements", "seeds", index)
            found = next((one for one in seeds if one.number == whole(row.get("seed"))), None)
            if found is not None and [one.number for one in seeds].count(found.number) == 1:
                yield from _seed(row, found.folds, place)
            yield from _impossible_folds(row, place)
    if evidence.measurements.get("shape") == "ensemble":
        numbers = [one.number for one in seeds]
        if [whole(one) for one in _list(evidence.fields.get("seeds"))] != numbers:
            yield _differs(("seeds",), evidence.fields.get("seeds"), numbers)
    if evidence.measurements.get("metric") == "iou":
        yield from _impossible_items(evidence)


def _seed(row: Mapping[str, Any], folds: Sequence[Fold], place: Pointer) -> Faults:
    plccs = [fold.scores["plcc"] for fold in folds]
    known = [one for one in plccs if one is not None]
    complete = len(known) == len(plccs) and bool(known)
    expected: dict[str, Sequence[float | None]] = {
        "mean_plcc": [mean(plccs)],
        "std_plcc": deviations(known) if complete else [None],
        "min_plcc": [min(known) if complete else None],
        "max_plcc": [max(known) if complete else None],
        "mean_srocc": [mean(fold.scores["srocc"] for fold in folds)],
        "mean_rmse": [mean(fold.scores["rmse"] for fold in folds)],
    }
    if whole(row.get("n_folds")) != len(folds):
        yield _differs((*place, "n_folds"), row.get("n_folds"), len(folds))
    for field, values in expected.items():
        if not any(same(row.get(field), value) for value in values):
            yield _differs((*place, field), row.get(field), values[0])


def _impossible_folds(row: Mapping[str, Any], place: Pointer) -> Faults:
    for index, fold in enumerate(_list(row.get("folds"))):
        if isinstance(fold, dict):
            for score, least in (("plcc", -1), ("srocc", -1), ("rmse", 0)):
                value = finite(fold.get(score))
                most = None if score == "rmse" else 1
                if value is not None and (value < least - FORGED or (most is not None and value > most + FORGED)):
                    said = f"a {score} of {value:g} cannot be: it lies {'between -1 and 1' if most else 'above zero'}"
                    yield Fault("SG503", (*place, "folds", index, score), said, MEASURE)


def _impossible_items(evidence: Evidence) -> Faults:
    for index, item in enumerate(_list(evidence.measurements.get("items"))):
        for side in ("candidate", "incumbent"):
            value = finite(item.get(side)) if isinstance(item, dict) else None
            if value is not None and not -FORGED <= value <= 1 + FORGED:
                said = f"an IoU of {value:g} cannot be: it lies between 0 and 1"
                yield Fault("SG503", ("measurements", "items", index, side), said, MEASURE)


# -- what is concluded follows from them -------------------------------------------------------------------------------


def _concluded(evidence: Evidence, gate: Gate, name: str) -> Faults:
    """The whole gate block, worked out again with the limits that the document itself quotes."""
    quoted = quoted_gate(evidence, gate)
    expected = gate_block(quoted, name, evaluate(quoted, name, evidence))
    said = evidence.gate
    rows = expected.pop("metrics")
    for field in ("name", "shape"):
        expected.pop(field)
    yield from _unlike(said, expected, ("gate",))
    yield from _unlike_metrics(_list(said.get("metrics")), rows)


def quoted_gate(evidence: Evidence, gate: Gate) -> Gate:
    """The policy's gate with the limits that the document says it was judged by."""
    bounds: dict[str, Bound] = {}
    for row in _list(evidence.gate.get("metrics")):
        metric = row.get("name") if isinstance(row, dict) else None
        if isinstance(metric, str) and not (gate.shape == "comparison" and metric in _RULE):
            over = "each" if row.get("subject") is not None else "all"
            limits: dict[str, Any] = {limit: finite(row.get(limit)) for limit in _LIMITS}
            bounds[metric] = Bound.model_construct(**limits, over=over)
    rule = evidence.gate.get("comparison")
    fields = rule if isinstance(rule, dict) else {}
    confidence, margin = finite(fields.get("confidence")), finite(fields.get("margin"))
    return gate.model_copy(
        update={
            "bounds": bounds,
            "confidence": confidence if confidence is not None and 0 < confidence < 1 else gate.confidence,
            "margin": gate.margin if margin is None else margin,
        }
    )


def _unlike(said: Mapping[str, Any], expected: Mapping[str, Any], place: Pointer) -> Faults:
    for field, value in expected.items():
        where = (*place, field)
        if isinstance(value, dict) and isinstance(said.get(field), dict):
            yield from _unlike(said[field], value, where)
            for stray in sorted(set(said[field]) - set(value)) if field == "per_seed_plccs" else ():
                yield _stray_seed((*where, stray), stray)
        elif not same(said.get(field), value):
            yield _differs(where, said.get(field), value)


def _stray_seed(place: Pointer, key: str) -> Fault:
    message = f"`gate.per_seed_plccs` has a key {key!r}, which is no seed of the measurements as a plain number"
    return Fault("SG503", place, message, REWRITE)


def _unlike_metrics(rows: Sequence[Any], expected: Sequence[Mapping[str, Any]]) -> Faults:
    wanted = {(row["name"], row["subject"]): row for row in expected}
    seen = set()
    for index, row in enumerate(rows):
        place: Pointer = ("gate", "metrics", index)
        if not isinstance(row, dict):
            continue
        key = _key(row)
        if key not in wanted:
            yield Fault("SG503", place, f"the numbers have no {_called(key)} to conclude anything from", REWRITE)
        elif key in seen:
            yield Fault("SG503", place, f"{_called(key)} is concluded twice", REWRITE)
        else:
            seen.add(key)
            yield from _unlike(row, wanted[key], place)
    for key in wanted:
        if key not in seen:
            yield Fault("SG503", ("gate", "metrics"), f"nothing is concluded of {_called(key)}", REWRITE)


def _key(row: Mapping[str, Any]) -> tuple[str, str | None]:
    subject = row.get("subject")
    return str(row.get("name")), None if subject is None else str(subject)


def _called(key: tuple[str, str | None]) -> str:
    return f"{key[0]} of {key[1]}" if key[1] is not None else key[0]


# -- the policy's verdict ----------------------------------------------------------------------------------------------


def _verdict(evidence: Evidence, result: GateResult) -> Faults:
    """By base's bounds, whatever the document quotes. Bounds on exported bytes are told with the bytes (SG506)."""
    if result.passed:
        return
    about_bytes = [one for one in result.metrics if not one.passed and one.name in _ABOUT_BYTES]
    told = {f"{one.name} of {one.subject}" if one.subject is not None else one.name for one in about_bytes}
    for reason in result.reasons:
        if not any(reason.startswith(one) for one in told):
            claim = f"the verdict says {evidence.verdict}, and by the policy" if evidence.verdict else "by the policy"
            yield Fault("SG503", ("verdict",), f"{claim} these numbers do not pass: {reason}", MEASURE)


def _thresholds(evidence: Evidence, gate: Gate, name: str, result: GateResult) -> Faults:
    for field, ours in (("name", name), ("shape", gate.shape)):
        theirs = evidence.gate.get(field)
        if theirs != ours:
            message = f"it was judged by a gate of the {field} {theirs}, and the policy's is {ours}"
            yield Fault("SG504", ("gate", field), message, MEASURE)
    rows = {_key(row): (at, row) for at, row in enumerate(_list(evidence.gate.get("metrics"))) if isinstance(row, dict)}
    for one in result.metrics:
        at, row = rows.get((one.name, one.subject), (None, {}))
        if at is None:
            message = f"it was judged without the policy's bound on {_called((one.name, one.subject))}"
            yield Fault("SG504", ("gate", "metrics"), message, REWRITE)
        else:
            yield from _weaker(one, row, ("gate", "metrics", at))
    if gate.shape == "comparison":
        yield from _weaker_rule(evidence, gate)


def _weaker(one: MetricResult, row: Mapping[str, Any], place: Pointer) -> Faults:
    for limit, words in _LIMITS.items():
        ours, theirs = getattr(one, limit), finite(row.get(limit))
        if ours is None:
            continue
        if theirs is None or (theirs < ours - TOLERANCE if limit == "min" else theirs > ours + TOLERANCE):
            said = "no such limit" if theirs is None else f"{words} {theirs:g}"
            what = _called((one.name, one.subject))
            message = f"it was judged with {said} for {what}; the policy asks for {words} {ours:g}"
            yield Fault("SG504", (*place, limit), message, REWRITE)


def _weaker_rule(evidence: Evidence, gate: Gate) -> Faults:
    rule = evidence.gate.get("comparison")
    fields = rule if isinstance(rule, dict) else {}
    for field in ("metric", "resamples", "bootstrap_seed"):
        ours, theirs = getattr(gate, field), fields.get(field)
        if not same(theirs, ours):
            message = f"it was judged with {field} {theirs}; the policy's gate has {ours}"
            yield Fault("SG504", ("gate", "comparison", field), message, REWRITE)
    for field in ("margin", "confidence"):
        ours, number = getattr(gate, field), finite(fields.get(field))
        if number is None or number < ours - TOLERANCE:
            message = f"it was judged with a {field} of {fields.get(field)}; the policy asks for at least {ours:g}"
            yield Fault("SG504", ("gate", "comparison", field), message, REWRITE)


# -- values ------------------------------------------------------------------------------------------------------------


def same(said: object, expected: object) -> bool:
    """Numbers to a relative 1e-9; everything else to the letter, and a boolean is no number."""
    number, other = finite(said), finite(expected)
    if number is not None and other is not None:
        return abs(number - other) <= FORGED * max(1.0, abs(other))
    if isinstance(said, list) and isinstance(expected, list):
        return len(said) == len(expected) and all(map(same, said, expected))
    return type(said) is type(expected) and said == expected


def _differs(place: Pointer, said: object, expected: object) -> Fault:
    message = f"`{dotted(place)}` says {_shown(said)}, and its own numbers come to {_shown(expected)}"
    return Fault("SG503", place, message, REWRITE)


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, float):
        return f"{value:.12g}"
    return str(value)[:80]


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else []
