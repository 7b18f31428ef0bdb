"""SG506 and SG509: the numbers are about the very models that go to production, and about all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from smokegate.evidence.bounds import GateResult
from smokegate.evidence.documents import Evidence, Subject
from smokegate.evidence.ensemble import drop, seeds_of
from smokegate.evidence.fault import MEASURE, Fault, Faults, Wanted, short
from smokegate.evidence.numbers import TOLERANCE, finite, whole
from smokegate.policy import Gate

_UNOPPOSED = (
    "it is compared with a model that is not in production; nothing that the gate judges is, so the candidate's own "
    "numbers decide, and no incumbent's"
)
_NO_BYTES = "the evidence names no model bytes at all"


def faults(
    evidence: Evidence,
    gate: Gate,
    result: GateResult,
    wanted: Sequence[Wanted],
    incumbent: Wanted | None,
    *,
    unopposed: bool = False,
) -> Faults:
    for name, times in Counter(one.id for one in evidence.subjects).items():
        if times > 1:
            yield Fault("SG506", ("subjects",), f"names `{name}` {times} times", MEASURE, name)
    if not wanted and not evidence.subjects:
        yield Fault("SG509", ("subjects",), _NO_BYTES, MEASURE)
    for entry in wanted:
        yield from _names(evidence, entry)
    for subject in evidence.subjects:
        yield from _measured(evidence, gate, result, subject)
    if gate.shape == "ensemble":
        yield from _seeds(evidence, gate)
    if gate.shape == "comparison" and len(evidence.subjects) > 1:
        yield Fault("SG506", ("subjects",), "one comparison has one candidate, and this names several", MEASURE)
    if gate.shape != "ensemble":
        yield from _compared(evidence, wanted, incumbent)
        if unopposed and (evidence.incumbent is not None or _has_incumbent(evidence)):
            yield Fault("SG506", ("incumbent",), _UNOPPOSED, MEASURE)


def _names(evidence: Evidence, entry: Wanted) -> Faults:
    mine = [one for one in evidence.subjects if one.id == entry.id]
    if not mine:
        alike = [one.id for one in evidence.subjects if one.identity == entry.identity]
        also = f"; it names the same model as `{alike[0]}`, which is another entry" if alike else ""
        said = f"the evidence does not cover `{entry.id}`{also}" if evidence.subjects else _NO_BYTES
        yield Fault("SG509", ("subjects",), said, MEASURE, entry.id)
        return
    for subject in mine:
        yield from _is(subject, entry)
        yield from _twin(subject, entry)


def _is(subject: Subject, entry: Wanted) -> Faults:
    place = ("subjects", subject.index)
    for field, theirs, ours in (
        ("identity", subject.identity, entry.identity),
        ("sha256", subject.sha256, entry.sha256),
        ("int8_sha256", subject.int8_sha256, entry.int8_sha256),
    ):
        if theirs != ours:
            what = "another model" if field == "identity" else f"another {field}"
            message = f"the evidence is about {what} ({short(theirs)}) than `{entry.id}` now is ({short(ours)})"
            yield Fault("SG506", (*place, field), message, MEASURE, entry.id)
    if entry.onnx is not None and subject.onnx != entry.onnx:
        message = f"the evidence is about a model at {subject.onnx}, and `{entry.id}` lies at {entry.onnx}"
        yield Fault("SG506", (*place, "onnx"), message, MEASURE, entry.id)
    rows = subject.raw.get("external_data")
    if isinstance(rows, list) and len(rows) != len(subject.external):
        message = f"the evidence names a file of external data of `{entry.id}` twice, or not at all"
        yield Fault("SG506", (*place, "external_data"), message, MEASURE, entry.id)
    if subject.external != dict(entry.external):
        differing = sorted(
            path
            for path in {*subject.external, *entry.external}
            if subject.external.get(path) != entry.external.get(path)
        )
        message = f"the evidence is about other external data than `{entry.id}` has: {', '.join(differing)}"
        yield Fault("SG506", (*place, "external_data"), message, MEASURE, entry.id)


def _twin(subject: Subject, entry: Wanted) -> Faults:
    if entry.int8_sha256 is None:
        return
    lost = drop(subject)
    place = ("subjects", subject.index, "measured", "int8")
    if lost is None:
        message = f"the int8 twin of `{entry.id}` was not measured beside the model itself"
        yield Fault("SG506", place, message, MEASURE, entry.id)
    elif lost > entry.int8_budget + TOLERANCE:
        message = f"the int8 twin of `{entry.id}` loses {lost:.6f} of PLCC; its budget is {entry.int8_budget:g}"
        yield Fault("SG506", (*place, "plcc"), message, MEASURE, entry.id)


def _measured(evidence: Evidence, gate: Gate, result: GateResult, subject: Subject) -> Faults:
    place = ("subjects", subject.index, "measured")
    if gate.shape == "ensemble" and subject.measured("fp32") is None:
        message = f"the bytes of `{subject.id}` were not measured: folds score models that are not shipped"
        yield Fault("SG506", place, message, MEASURE, subject.id)
        return
    for precision in ("fp32", "int8"):
        measured = subject.measured(precision)
        if measured is None:
            continue
        rows, all_rows = whole(measured.get("rows")), whole(evidence.corpus.get("rows"))
        if rows is None or rows != all_rows:
            message = f"`{subject.id}` ({precision}) was measured on {rows} rows, and the corpus has {all_rows}"
            yield Fault("SG506", (*place, precision, "rows"), message, MEASURE, subject.id)
        plcc = finite(measured.get("plcc"))
        if plcc is not None and abs(plcc) > 1 + TOLERANCE:
            message = f"a PLCC of {plcc:g} cannot be, as measured of `{subject.id}` ({precision})"
            yield Fault("SG506", (*place, precision, "plcc"), message, MEASURE, subject.id)
    yield from _unbounded(gate, subject)
    for one in result.of("exported_plcc") + result.of("int8_drop"):
        if not one.passed and one.subject in {subject.id, None}:
            said = f"{one.value:.6f}" if one.value is not None else "undefined"
            message = f"`{subject.id}` does not meet the gate as exported: {one.name} is {said}"
            yield Fault("SG506", place, message, MEASURE, subject.id)


def _unbounded(gate: Gate, subject: Subject) -> Faults:
    """Where a team's gate asks nothing of the exported bytes: what it asks of the models that are not shipped."""
    if gate.shape != "ensemble" or "exported_plcc" in gate.bounds:
        return
    asked = [bound.min for name in ("seed_plcc", "mean_plcc") if (bound := gate.bounds.get(name))]
    least = max((one for one in asked if one is not None), default=None)
    plcc = finite((subject.measured("fp32") or {}).get("plcc"))
    if least is not None and plcc is not None and plcc < least - TOLERANCE:
        message = f"`{subject.id}` as exported reaches a PLCC of {plcc:.6f}, less than the {least:g} asked of its seed"
        place = ("subjects", subject.index, "measured", "fp32", "plcc")
        yield Fault("SG506", place, message, MEASURE, subject.id)


def _seeds(evidence: Evidence, gate: Gate) -> Faults:
    numbers = [one.number for one in seeds_of(evidence.measurements)]
    if sorted(numbers) != sorted(gate.seeds):
        yield Fault(
            "SG509",
            ("measurements", "seeds"),
            f"the numbers are of the seeds {_listed(numbers)}, and the policy names {_listed(gate.seeds)}",
            MEASURE,
        )
    if not evidence.subjects:
        return
    yield from _twice_over(evidence)
    there = Counter(one.seed for one in evidence.subjects)
    for seed in sorted(gate.seeds):
        if there[seed] != 1:
            message = f"{there[seed] or 'no'} subject{'s' if there[seed] > 1 else ''} of seed {seed}: each seed has one"
            yield Fault("SG509", ("subjects",), message, MEASURE)
    for one in evidence.subjects:
        if one.seed not in gate.seeds:
            message = f"`{one.id}` is of seed {one.seed}, and the policy names {_listed(gate.seeds)}"
            yield Fault("SG509", ("subjects", one.index, "seed"), message, MEASURE, one.id)


def _twice_over(evidence: Evidence) -> Faults:
    """Another seed gives another model: one model under two ids makes an ensemble of fewer."""
    first: dict[tuple[object, ...], Subject] = {}
    for one in evidence.subjects:
        weights = (one.sha256, *sorted(map(str, one.external.values())))
        other = first.setdefault(weights, one)
        if other is not one and other.id != one.id:
            message = f"`{one.id}` and `{other.id}` are the same model, so one of their seeds is not there"
            yield Fault("SG506", ("subjects", one.index, "sha256"), message, MEASURE, one.id)


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, sorted(numbers))) or "none"


def _compared(evidence: Evidence, wanted: Sequence[Wanted], incumbent: Wanted | None) -> Faults:
    """What numbers of an incumbent there are, are of the one that is named; and that is the one in production."""
    named, against = evidence.incumbent, _has_incumbent(evidence)
    if against and named is None:
        message = "the candidate is compared with something that the evidence does not name"
        yield Fault("SG506", ("incumbent",), message, MEASURE)
    if named is not None and not against:
        yield Fault("SG506", ("incumbent",), "an incumbent is named, and there are no numbers of it", MEASURE)
    if named is not None and named.get("identity") in [entry.identity for entry in wanted]:
        yield Fault("SG506", ("incumbent", "identity"), "the candidate is compared with itself", MEASURE)
    if incumbent is None:
        return
    for field, ours in (("id", incumbent.id), ("identity", incumbent.identity), ("sha256", incumbent.sha256)):
        theirs = (named or {}).get(field)
        if theirs != ours:
            message = (
                f"it is compared with {short(theirs)}, and in production is `{incumbent.id}` ({field} {short(ours)})"
            )
            yield Fault("SG506", ("incumbent", field), message, MEASURE)


def _has_incumbent(evidence: Evidence) -> bool:
    if evidence.measurements.get("shape") == "metrics":
        return bool(evidence.measurements.get("incumbent"))
    items = evidence.measurements.get("items")
    rows = items if isinstance(items, list) else []
    return any(isinstance(item, dict) and item.get("incumbent") is not None for item in rows)
