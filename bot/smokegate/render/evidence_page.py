"""One evidence document on one screen: who asked, about which bytes, on what numbers, and whether it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from smokegate.evidence import ensemble
from smokegate.evidence.documents import Evidence, Subject
from smokegate.evidence.gates import MetricResult
from smokegate.evidence.numbers import finite, mean
from smokegate.render.examined import Shown
from smokegate.render.sheet import BOLD, GREEN, RED, YELLOW, Sheet

_DIGEST = 12
_LONGEST = 300
_MOST_FAULTS = 20
_MOST_NAMES = 12
_SCORES = ("plcc", "srocc", "rmse")


def render(shown: Shown, *, colour: bool = False, width: int = 100) -> str:
    sheet = Sheet(colour, width)
    parts = (_verdict, _asked, _bytes, _corpus, _bounds, _numbers, _faults, _silent)
    return "\n".join(line for part in parts for line in part(sheet, shown)) + "\n"


def _verdict(sheet: Sheet, shown: Shown) -> Iterator[str]:
    evidence = shown.evidence
    said = _said(evidence.verdict) or "no verdict"
    paint = {"PROMOTE": GREEN, "HOLD": YELLOW}.get(said, RED)
    title = f"{said}  {_said(evidence.gate.get('name')) or 'unnamed gate'}  {shown.file}"
    yield from sheet.painted_lines(title, BOLD, paint if shown.agrees is not False else RED, indent=0)
    yield from sheet.facts(
        [
            ("version", f"{_said(evidence.fields.get('schema_version')) or 'none'}"),
            ("sha256", evidence.sha256),
            ("policy", f"{shown.policy}, sha256 {shown.policy_sha256[:_DIGEST]}{_other_policy(shown)}"),
        ]
    )
    yield from sheet.painted_lines(_recomputed(shown), GREEN if shown.agrees else RED)
    for line, good in attestation_lines(shown):
        yield from sheet.painted_lines(line, GREEN if good else YELLOW)
    text = _said(evidence.fields.get("recommendation"))
    yield from sheet.lines(f"it says: {text}") if text else []


def _other_policy(shown: Shown) -> str:
    said = shown.evidence.fields.get("policy_sha256")
    if not isinstance(said, str) or said == shown.policy_sha256:
        return ""
    return f"; it was written under another one, {_short(said)}"


def _recomputed(shown: Shown) -> str:
    if shown.result is None:
        if shown.contradictions:
            return f"recomputed: does not agree: {shown.contradictions[0].message}"
        if shown.gate is None:
            return "recomputed: no gate of the policy judges this, so nothing can be said of its verdict"
        return "recomputed: what it says agrees with itself; there are no raw numbers to work it out from"
    if shown.agrees:
        bound = "every bound of the policy is met" if shown.result.passed else "; ".join(shown.result.reasons)
        return f"recomputed: agrees: {bound}"
    if shown.evidence.verdict != shown.recomputed:
        why = f": {'; '.join(shown.result.reasons[:3])}" if shown.result.reasons else ""
        return f"recomputed: DOES NOT AGREE: the numbers come to {shown.recomputed}{why}"
    return f"recomputed: DOES NOT AGREE with itself: {shown.contradictions[0].message}"


def attestation_lines(shown: Shown) -> Iterator[tuple[str, bool]]:
    for one in shown.signatures:
        if one.by is not None:
            renamed = f" (it was called {one.signed_as} then)" if one.signed_as not in {None, _base(shown.file)} else ""
            yield f"attested: signed by {one.by}, in {one.file}{renamed}", True
        elif one.refused is not None:
            yield f"signature REFUSED: {one.file}: {one.refused}", False
        else:
            yield f"signature not judged: {one.file}: {one.unjudged}", False
    if shown.pinned_for:
        yield f"pinned: the policy accepts these very bytes for {', '.join(shown.pinned_for)}", True
    elif not shown.signatures:
        allowed = "the policy allows that (self-attested)" if shown.unattested_allowed else "the policy refuses that"
        yield f"unsigned: nobody vouches for it, and {allowed}", False


def _asked(sheet: Sheet, shown: Shown) -> Iterator[str]:
    fields = shown.evidence.fields
    request, runner = _object(fields.get("request")), _object(fields.get("runner"))
    packages = ", ".join(
        f"{name} {_said(version)}" for name, version in sorted(_object(runner.get("packages")).items())
    )
    took = runner.get("wall_time_s")
    yield from sheet.heading("Who asked, on which commit, when")
    yield from sheet.facts(
        [
            ("asked by", _joined((request.get("actor"), request.get("repository"), *_numbered(request))) or "not said"),
            ("head", _said(request.get("head_sha")) or "not said"),
            ("runner", _said(runner.get("commit")) or "not said"),
            ("on", _joined(runner.get(name) for name in ("host_class", "gpu", "driver", "execution_provider"))),
            ("with", _joined((packages, f"{_number(took, 1)} s" if took is not None else ""))),
            ("written", _said(fields.get("generated_at_utc")) or "not said"),
            ("decision", _joined((fields.get("adr"), fields.get("parent_adr")))),
        ]
    )


def _numbered(request: Mapping[str, Any]) -> Iterator[str]:
    for field, words in (("pr", "pull request"), ("comment", "comment"), ("run", "run")):
        if said := _said(request.get(field)):
            yield f"{words} {said}"


def _bytes(sheet: Sheet, shown: Shown) -> Iterator[str]:
    subjects = shown.evidence.subjects
    yield from sheet.heading(f"Which bytes ({len(subjects)})")
    if not subjects:
        yield from sheet.lines("none: it names no model bytes; it counts only where a policy pins it (legacy_evidence)")
        return
    rows = [["id", "sha256", "identity", "int8", "seed", "onnx"], *map(_subject, subjects)]
    yield from sheet.table(rows)
    for one in subjects:
        for path, digest in sorted(one.external.items()):
            yield from sheet.lines(f"with {path}, sha256 {_short(digest)}", 4)
    incumbent = shown.evidence.incumbent
    if incumbent is not None:
        digest, identity = (_short(incumbent.get(field)) for field in ("sha256", "identity"))
        yield from sheet.lines(f"against {_said(incumbent.get('id'))}, sha256 {digest}, identity {identity}")


def _subject(one: Subject) -> list[str]:
    digests = (_short(value) for value in (one.sha256, one.identity, one.int8_sha256))
    place = "<id>.onnx" if one.onnx is not None and one.onnx == f"{one.id}.onnx" else _said(one.onnx)
    return [_said(one.raw.get("id")) or "none", *digests, _said(one.raw.get("seed")), place]


def _corpus(sheet: Sheet, shown: Shown) -> Iterator[str]:
    corpus = shown.evidence.corpus
    there = corpus.get("present") is True
    rows, form = _said(corpus.get("rows")), _said(corpus.get("format"))
    yield from sheet.heading("Which corpus")
    yield from sheet.facts(
        [
            ("digest", _said(corpus.get("sha256")) or "none: nobody can tell which corpus it was"),
            ("present", "" if there else "no: the corpus was not there when this was written"),
            ("path", _said(corpus.get("path")) or _said(corpus.get("corpus_root"))),
            ("rows", f"{rows}{f' ({form})' if form else ''}" if rows else ""),
            ("clips", _clips(corpus)),
            ("sources", _names(corpus.get("sources"))),
            ("encoders", _names(corpus.get("encoders"))),
        ]
    )


def _clips(corpus: Mapping[str, Any]) -> str:
    counted = [(corpus.get("ref_count"), "references"), (corpus.get("dis_count"), "distorted")]
    return ", ".join(f"{_said(count)} {what}" for count, what in counted if count is not None)


def _bounds(sheet: Sheet, shown: Shown) -> Iterator[str]:
    yield from sheet.heading(f"Thresholds of the policy's gate{f' {shown.gate_name}' if shown.gate_name else ''}")
    if shown.result is None:
        yield from sheet.lines("not applied: there is nothing to apply them to")
        yield from _quoted(sheet, shown.evidence)
        return
    metrics = shown.result.metrics
    rows = [["metric", "of", "value", "bound", "margin", ""]]
    rows += [
        [one.name, one.subject or "", _number(one.value), _bound(one), _margin(one), "met" if one.passed else "MISSED"]
        for one in metrics
    ]
    yield from sheet.table(rows, [None if one.passed else RED for one in metrics])
    if shown.result.rule is not None and shown.gate is not None and shown.result.rule.low is not None:
        rule = shown.result.rule
        yield from sheet.lines(
            f"difference of {rule.metric} over {rule.items} items, {rule.confidence * 100:g}% interval "
            f"{_number(rule.low)} to {_number(rule.high)}, {rule.resamples:,} resamples of seed {rule.bootstrap_seed}"
            f"{': inconclusive' if rule.inconclusive else ''}"
        )


def _quoted(sheet: Sheet, evidence: Evidence) -> Iterator[str]:
    """The gate as the document has it, worked out by nobody."""
    rows = _quoted_1(evidence.gate) if evidence.version == 1 else _quoted_2(evidence.gate)
    if rows:
        yield from sheet.table([["it says", "of", "value", "bound", ""], *rows])


def _quoted_1(gate: Mapping[str, Any]) -> list[list[str]]:
    over_all = (("mean_plcc", "mean_plcc_threshold", ">="), ("plcc_spread", "plcc_spread_max", "<="))
    rows = [
        [name, "", _number(gate.get(name)), f"{sign} {_number(gate.get(limit))}", _met(gate, f"{name}_pass")]
        for name, limit, sign in over_all
    ]
    least = _number(gate.get("per_seed_min"))
    seeds = _object(gate.get("per_seed_plccs"))
    return rows + [["seed_plcc", key, _number(value), f">= {least}", ""] for key, value in seeds.items()]


def _quoted_2(gate: Mapping[str, Any]) -> list[list[str]]:
    rows = [row for row in _list(gate.get("metrics")) if isinstance(row, dict)]
    signs = (("min", ">="), ("max", "<="), ("max_drop", "drop <="))
    return [
        [
            _said(row.get("name")),
            _said(row.get("subject")),
            _number(row.get("value")),
            ", ".join(f"{sign} {_number(row[limit])}" for limit, sign in signs if row.get(limit) is not None),
            _met(row, "passed"),
        ]
        for row in rows
    ]


def _met(gate: Mapping[str, Any], field: str) -> str:
    return {True: "met", False: "MISSED"}.get(gate[field], "") if isinstance(gate.get(field), bool) else ""


def _bound(one: MetricResult) -> str:
    limits = ((">=", one.min), ("<=", one.max), ("drop <=", one.max_drop))
    return ", ".join(f"{sign} {limit:g}" for sign, limit in limits if limit is not None)


def _margin(one: MetricResult) -> str:
    return "" if one.margin is None else f"{one.margin:+.6f}"


def _numbers(sheet: Sheet, shown: Shown) -> Iterator[str]:
    evidence = shown.evidence
    yield from _measured(sheet, evidence.subjects)
    match evidence.measurements.get("shape"):
        case "ensemble":
            yield from _seeds(sheet, evidence)
        case "comparison":
            yield from _compared(sheet, evidence)
        case "metrics":
            yield from _metrics(sheet, evidence)


def _measured(sheet: Sheet, subjects: Sequence[Subject]) -> Iterator[str]:
    if not any(one.measured("fp32") or one.measured("int8") for one in subjects):
        if subjects:
            yield from sheet.heading("Measured of the shipped bytes: nothing")
        return
    twins = any(one.int8_sha256 is not None or one.measured("int8") for one in subjects)
    head = ["id", "rows", *_SCORES, *([f"int8 {score}" for score in _SCORES] if twins else [])]
    yield from sheet.heading("Measured of the shipped bytes, on the whole corpus")
    yield from sheet.table([head, *(_measured_row(one, twins) for one in subjects)])


def _measured_row(one: Subject, twins: bool) -> list[str]:
    full, twin = one.measured("fp32"), one.measured("int8")
    row = [_said(one.raw.get("id")) or "none", _said((full or twin or {}).get("rows"))]
    for measured in (full, twin) if twins else (full,):
        row += [_number(measured.get(score)) for score in _SCORES] if measured else ["none", "none", "none"]
    return row


def _seeds(sheet: Sheet, evidence: Evidence) -> Iterator[str]:
    seeds = ensemble.seeds_of(evidence.measurements)
    yield from sheet.heading("Numbers: PLCC with each source held out, per seed")
    for seed in seeds:
        plccs = [fold.scores["plcc"] for fold in seed.folds]
        folds = "  ".join(f"{fold.held_out[:40]} {_number(fold.scores['plcc'], 4)}" for fold in seed.folds)
        said = " DRY RUN" if seed.dry else ""
        mark = f"seed {seed.number}  mean {_number(mean(plccs))}{said}  "
        yield from sheet.lines(folds or "no folds", 2, mark)


def _compared(sheet: Sheet, evidence: Evidence) -> Iterator[str]:
    rows = [one for one in _list(evidence.measurements.get("items")) if isinstance(one, dict)]
    sides = {side: [finite(one.get(side)) for one in rows] for side in ("candidate", "incumbent")}
    micro = _object(evidence.measurements.get("micro"))
    metric = _said(evidence.measurements.get("metric"))
    yield from sheet.heading(f"Numbers: {metric} of {len(rows):,} items")
    table = [["", "macro", "micro", "least", "most"]]
    for side, values in sides.items():
        known = [value for value in values if value is not None]
        if known or side == "candidate":
            least, most = (min(known), max(known)) if known else (None, None)
            table.append([side, *map(_number, (mean(values), micro.get(side), least, most))])
    yield from sheet.table(table)
    wins = sum(
        one is not None and two is not None and one > two
        for one, two in zip(sides["candidate"], sides["incumbent"], strict=True)
    )
    if any(one is not None for one in sides["incumbent"]):
        yield from sheet.lines(f"the candidate is better on {wins:,} of {len(rows):,} items")


def _metrics(sheet: Sheet, evidence: Evidence) -> Iterator[str]:
    entries = {name: _object(row) for name, row in _object(evidence.measurements.get("entries")).items()}
    against = _object(evidence.measurements.get("incumbent"))
    yield from sheet.heading("Numbers")
    columns = [*entries.items(), *([("(incumbent)", against)] if against else [])]
    for name, row in columns:
        said = "  ".join(f"{metric[:40]} {_number(value)}" for metric, value in row.items())
        yield from sheet.lines(said or "none", 2, f"{name[:64]}  ")


def _faults(sheet: Sheet, shown: Shown) -> Iterator[str]:
    found = shown.in_the_way
    if not found:
        return
    title = "What is in the way" if shown.evidence.verdict == "PROMOTE" else "What it gets wrong"
    yield from sheet.heading(f"{title} ({len(found)})")
    for one in found[:_MOST_FAULTS]:
        yield from sheet.lines(f"{one.message}", 2, f"{one.code}  ")
    if len(found) > _MOST_FAULTS:
        yield from sheet.lines(f"and {len(found) - _MOST_FAULTS} more; --format json has them all")


def _silent(sheet: Sheet, shown: Shown) -> Iterator[str]:
    """What no version knows, and what version 1 cannot say."""
    evidence = shown.evidence
    if shown.lacks:
        yield from sheet.heading("What version 1 does not say")
        yield from (line for lack in shown.lacks for line in sheet.lines(lack, 2, "- "))
    if evidence.unknown:
        yield from sheet.heading("Unknown fields, kept and ignored")
        yield from sheet.lines(_names(evidence.unknown, 40))


# -- words -----------------------------------------------------------------------------------------------------------


def _said(value: object) -> str:
    """A value of the document in words, of bounded length; nothing for what is absent or no single value."""
    if value is None or isinstance(value, dict | list):
        return ""
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} [...]"


def _number(value: object, digits: int = 6) -> str:
    number = finite(value)
    if number is None:
        return "undefined" if value is None else f"no number ({_said(value)[:20] or type(value).__name__})"
    return f"{number:.{digits}f}" if abs(number) < 1e9 else f"{number:.{digits}g}"


def _short(value: object, whole: bool = False) -> str:
    text = _said(value)
    return text if whole or len(text) <= _DIGEST else f"{text[:_DIGEST]}…"


def _joined(values: Any) -> str:
    return ", ".join(filter(None, map(_said, values)))


def _names(names: object, most: int = _MOST_NAMES) -> str:
    known = [_said(one) for one in _list(names)]
    more = f" and {len(known) - most:,} more" if len(known) > most else ""
    return f"{len(known):,}: {', '.join(one[:80] for one in known[:most])}{more}" if known else ""


def _base(path: str) -> str:
    return path.rpartition("/")[2]


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else []
