from __future__ import annotations

import copy
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from evidence.specimens import (
    ENSEMBLE,
    GATES,
    IDS,
    POLICY,
    SALIENCY,
    SOUND,
    SOURCES,
    SPEED,
    comparison,
    corpus,
    digest,
    document,
    ensemble,
    evidence,
    fold,
    items,
    loso,
    measured,
    metrics,
    seeds,
    subject,
    wanted_incumbent,
    wanted_of,
)
from smokegate.evidence.documents import Evidence, read
from smokegate.evidence.examine import Fault, examine
from smokegate.evidence.fault import Wanted
from smokegate.evidence.legacy import lacks
from smokegate.policy import Bound, Gate, Policy

Steps = tuple[str | int, ...]
FROZEN = Path(__file__).parents[1] / "data" / "evidence" / "v1"
GONE = object()


def faults(shape: str, said: Mapping[str, Any], sound: Mapping[str, Any] | None = None) -> list[Fault]:
    gate, name = GATES[shape]
    sound = sound or SOUND[shape]()
    return examine(evidence(said), gate, name, POLICY, wanted_of(sound), incumbent=wanted_incumbent(sound))


def codes(found: list[Fault]) -> set[str]:
    return {one.code for one in found}


@pytest.mark.parametrize("shape", SOUND)
def test_sound_evidence_has_no_faults(shape: str) -> None:
    assert faults(shape, SOUND[shape]()) == []


# -- tampering with every field, by enumeration ------------------------------------------------------------------------

TWO_SEEDS = ENSEMBLE.model_copy(update={"seeds": (0, 1)})
NARROW = SALIENCY.model_copy(update={"resamples": 1000})
SPECIMENS: dict[str, tuple[Gate, str, dict[str, Any]]] = {
    "ensemble": (
        TWO_SEEDS,
        "ensemble-plcc",
        document(
            TWO_SEEDS,
            "ensemble-plcc",
            {"shape": "ensemble", "seeds": seeds(2)},
            subjects=[subject(name, seed) for seed, name in enumerate(IDS[:2])],
        ),
    ),
    "comparison": (
        NARROW,
        "saliency-iou",
        document(
            NARROW,
            "saliency-iou",
            {
                "shape": "comparison",
                "metric": "iou",
                "items": items(6),
                "micro": {"candidate": 0.66, "incumbent": 0.61},
            },
            subjects=[subject("saliency_v2")],
            incumbent=comparison()["incumbent"],
        ),
    ),
    "metrics": (SPEED, "speed", metrics()),
}
_NOTE = "says who, where or why, and enters no number: a signature covers it (SG508)"
_AGAIN = "enters no bound; measuring again finds it out (SG510), and a signature covers it (SG508)"
_SIZE = "the digest beside it says which bytes are meant"
HARMLESS = {
    "loso_dir": _NOTE,
    "recommendation": _NOTE,
    "adr": _NOTE,
    "parent_adr": _NOTE,
    "generated_at_utc": _NOTE,
    "policy_sha256": "base's policy judges, whichever one was there when this was written",
    "gate.comparison": "left out says the same as null, where nothing was compared",
    "corpus.corpus_root": _NOTE,
    "corpus.path": "where the corpus is looked for; its digest says whether it is the one (SG510)",
    "corpus.format": "the digest is over content, in whichever format",
    "corpus.sha256": "another digest is another corpus: measuring again finds it out (SG510)",
    "corpus.ref_count": _NOTE,
    "corpus.dis_count": _NOTE,
    "corpus.encoders.*": _AGAIN,
    "subjects.*.external_data.*.size": _SIZE,
    "subjects.*.measured.*.srocc": _AGAIN,
    "subjects.*.measured.*.rmse": _AGAIN,
    "subjects.*.measured.int8.plcc": _AGAIN,
    "measurements.seeds.*.corpus": _NOTE,
    "measurements.seeds.*.folds.*.n_train": _NOTE,
    "measurements.seeds.*.folds.*.n_val": _NOTE,
    **{
        f"measurements.seeds.*.{field}": _NOTE
        for field in (
            *("epochs", "batch_size", "lr", "weight_decay", "num_codecs", "encoder_vocab_version", "wall_time_s"),
        )
    },
    "runner": _NOTE,
    "request": _NOTE,
}
ONLY_IN = {
    "ensemble": {},
    "comparison": {
        "corpus.sources.*": "no folds to hold them to; the policy's minimum still does",
        "subjects.*.seed": "not an ensemble's",
        "subjects.*.measured.fp32.plcc": _AGAIN,
        "measurements.items.*.id": "which item it is, is the corpus's business",
        "measurements.items.*.weight": "pooling cannot be done again from items",
        "measurements.micro": "informs, unless the gate bounds it",
    },
    "metrics": {
        "corpus.sources.*": "no folds to hold them to; the policy's minimum still does",
        "subjects.*.seed": "not an ensemble's",
        "subjects.*.measured.fp32.plcc": _AGAIN,
        "measurements.incumbent.latency_ms": "the gate bounds no drop of it",
    },
}


def leaves(value: Any, path: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in children:
        yield (*path, step), inner
        yield from leaves(inner, (*path, step))


def tampered(value: Any) -> Iterator[Any]:
    yield GONE
    yield from (other for other in _others(value) if type(other) is not type(value) or other != value)


def _others(value: Any) -> list[Any]:
    match value:
        case bool():
            return [None, not value, int(value), "true"]
        case float():
            return [None, value + 1e-3, value - 1e-3, value + 1e-8 * max(1, abs(value)), -value, str(value), True]
        case int():
            return [None, value + 1, value - 1, str(value), True, float(value) + 0.5]
        case str():
            return [None, "f" * 64 if len(value) == 64 else f"{value}x", 1, ""]
        case list():
            return [None, [], [*value, *value[:1]], [*value[:-1]]]
        case dict():
            return [None, {}]
    return [1, "x"]


def put(said: Mapping[str, Any], path: Steps, value: Any) -> dict[str, Any]:
    changed: Any = copy.deepcopy(dict(said))
    holder = changed
    for step in path[:-1]:
        holder = holder[step]
    if value is GONE:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return dict(changed)


def named(path: Steps) -> str:
    return ".".join("*" if isinstance(step, int) else step for step in path)


def excused(name: str, table: Mapping[str, str]) -> str | None:
    """The row of the table that the field, or what holds it, is named by."""
    parts = name.split(".")
    for row in table:
        pattern = row.split(".")
        if len(pattern) <= len(parts) and all(p in {"*", part} for p, part in zip(pattern, parts, strict=False)):
            return row
    return None


@pytest.mark.parametrize("shape", SPECIMENS)
def test_tampering_with_any_field_is_told(shape: str) -> None:
    gate, name, sound = SPECIMENS[shape]
    wanted, incumbent = wanted_of(sound), wanted_incumbent(sound)
    assert examine(evidence(sound), gate, name, POLICY, wanted, incumbent=incumbent) == []
    table = {**HARMLESS, **ONLY_IN[shape]}
    unseen: dict[str, list[Any]] = defaultdict(list)
    passed = set()
    for path, value in leaves(sound):
        for other in tampered(value):
            if not examine(evidence(put(sound, path, other)), gate, name, POLICY, wanted, incumbent=incumbent):
                row = excused(named(path), table)
                unseen[named(path)] += [] if row else [other]
                passed.add(row)
    assert {field: values for field, values in unseen.items() if values} == _reordered(shape)
    assert set(ONLY_IN[shape]) - passed == set()


def _reordered(shape: str) -> dict[str, Any]:
    """Lists whose tampering leaves every fact: a source or encoder named twice counts once."""
    twice = {"corpus.encoders": [["h264_nvenc", "h264_nvenc"]]}
    if shape == "ensemble":
        return twice
    names = sorted(SOURCES)
    return {"corpus.sources": [[*names, names[0]], names[:-1]], **twice}


STRANGE: list[Any] = [None, True, 0, -1, 1e300, 10**30, "x", "", [], {}, [None], [[]], {"a": None}, [{}]]


@pytest.mark.parametrize("shape", SPECIMENS)
def test_nothing_that_a_document_holds_stops_the_examiner(shape: str) -> None:
    gate, name, sound = SPECIMENS[shape]
    wanted = wanted_of(sound)
    few = {path: None for path, _ in leaves(sound) if not any(isinstance(step, int) and step > 0 for step in path)}
    for path in few:
        for strange in STRANGE:
            for one in examine(evidence(put(sound, path, strange)), gate, name, POLICY, wanted):
                assert one.code.startswith("SG50") and one.message and one.fix


# -- what is wrong, in words -------------------------------------------------------------------------------------------


def tamper(shape: str, path: Steps, value: Any) -> list[Fault]:
    return faults(shape, put(SOUND[shape](), path, value))


@pytest.mark.parametrize(
    ("path", "value", "code", "words"),
    [
        (("schema_version",), 3, "SG501", "is of schema_version `3`; versions 1 and 2 are read"),
        (("corpus", "sha256"), "xyz", "SG501", "`corpus.sha256` should "),
        (("subjects", 0, "identity"), GONE, "SG501", "`subjects[0].identity` is missing"),
        (("measurements", "seeds", 0, "folds", 0, "plcc"), "0.99", "SG501", "should be a valid number"),
        (("measurements", "shape"), "other", "SG501", "`measurements"),
        (("verdict",), "HOLD", "SG502", "the verdict is `HOLD`, and only PROMOTE promotes"),
        (("measurements", "seeds", 2, "note"), "dry-run", "SG502", "the numbers of seed 2 are of a dry run"),
        (("note",), "dry-run", "SG502", "of a dry run"),
        (("gate", "mean_plcc"), 0.999, "SG503", "`gate.mean_plcc` says 0.999, and its own numbers come to 0.97"),
        (("gate", "per_seed_plccs", "00"), 0.97, "SG503", "has a key '00', which is no seed"),
        (("gate", "per_seed_plccs", " 0"), 0.97, "SG503", "has a key ' 0', which is no seed"),
        (("measurements", "seeds", 0, "mean_plcc"), 0.99, "SG503", "`measurements.seeds[0].mean_plcc` says 0.99"),
        (("measurements", "seeds", 0, "folds", 0, "plcc"), 1.5, "SG503", "a plcc of 1.5 cannot be"),
        (("gate", "mean_plcc_threshold"), 0.9, "SG503", "says 0.9"),
        (("gate", "metrics", 0, "min"), 0.9, "SG504", "at least 0.9 for mean_plcc; the policy asks for at least 0.95"),
        (("gate", "metrics", 1, "max"), 0.5, "SG504", "at most 0.5 for plcc_spread; the policy asks for at most 0.005"),
        (("gate", "metrics", 1, "max"), GONE, "SG504", "no such limit for plcc_spread"),
        (("gate", "name"), "easy", "SG504", "judged by a gate of the name easy, and the policy's is ensemble-plcc"),
        (("corpus", "present"), False, "SG505", "the corpus was not there"),
        (("corpus", "sha256"), None, "SG505", "the corpus has no digest"),
        (("corpus", "rows"), 999, "SG505", "the corpus has 999 rows; the policy asks for 1,000"),
        (("corpus", "encoders"), [], "SG505", "the corpus has 0 encoders"),
        (("corpus", "sources"), [*SOURCES, "Extra"], "SG505", "folds of seed 0 are not the corpus's sources"),
        (("measurements", "seeds", 1, "folds", 0, "plcc"), None, "SG505", "the plcc of seed 1 with BigBuckBunny"),
        (("subjects", 0, "identity"), "0" * 64, "SG506", "is about another model (000000000000…) than"),
        (("subjects", 0, "sha256"), "0" * 64, "SG506", "is about another sha256"),
        (("subjects", 0, "int8_sha256"), "0" * 64, "SG506", "is about another int8_sha256"),
        (("subjects", 0, "external_data", 0, "sha256"), "0" * 64, "SG506", "other external data"),
        (("subjects", 0, "external_data"), [], "SG506", "other external data"),
        (("subjects", 0, "onnx"), "other.onnx", "SG506", "lies at"),
        (("subjects", 0, "measured"), None, "SG506", "were not measured"),
        (("subjects", 0, "measured", "fp32"), measured(0.4), "SG506", "exported_plcc is 0.400000"),
        (("subjects", 0, "measured", "fp32", "rows"), 100, "SG506", "measured on 100 rows, and the corpus has 1200"),
        (("subjects", 0, "measured", "int8"), measured(0.6), "SG506", "loses 0.381000 of PLCC; its budget is 0.01"),
        (("subjects", 0, "measured", "int8"), None, "SG506", "the int8 twin of `fr_v1_ensemble_v2_seed0` was not"),
        (("subjects", 3), GONE, "SG509", "does not cover `fr_v1_ensemble_v2_seed3`"),
        (("subjects",), [], "SG509", "names no model bytes at all"),
        (("subjects", 1, "seed"), 0, "SG509", "2 subjects of seed 0"),
        (("measurements", "seeds", 4), GONE, "SG509", "of the seeds 0, 1, 2, 3, and the policy names 0, 1, 2, 3, 4"),
    ],
)
def test_a_fault_says_what_is_wrong(path: Steps, value: Any, code: str, words: str) -> None:
    found = tamper("ensemble", path, value)
    assert [one for one in found if one.code == code and words in one.message], [
        (one.code, one.message) for one in found
    ]


def test_a_fault_points_to_its_line() -> None:
    said = put(ensemble(), ("gate", "mean_plcc"), 0.999)
    (one,) = [one for one in faults("ensemble", said) if one.pointer == ("gate", "mean_plcc")]
    found = evidence(said)
    line, _ = found.document.where(one.pointer)
    assert '"mean_plcc": 0.999' in found.document.text.splitlines()[line - 1]


def test_a_hold_that_calls_itself_promote() -> None:
    rows = [*seeds()[:4], loso(4, [fold(source, 0.93) for source in SOURCES])]
    held = ensemble(seeds=rows)
    assert held["verdict"] == "HOLD"
    found = faults("ensemble", {**held, "verdict": "PROMOTE"}, held)
    assert "SG503" in codes(found)
    assert "seed_plcc of 4 is 0.93, less than 0.95" in " ".join(one.message for one in found)
    claimed = {**held, "verdict": "PROMOTE", "gate": {**held["gate"], "passed": True}}
    assert ("gate", "passed") in {one.pointer for one in faults("ensemble", claimed, held)}


def test_thresholds_lowered_throughout_the_document_do_not_help() -> None:
    easy = ENSEMBLE.model_copy(
        update={"bounds": {**ENSEMBLE.bounds, "mean_plcc": Bound(min=0.5), "seed_plcc": Bound(min=0.5, over="each")}}
    )
    rows = [loso(seed, [fold(source, 0.8) for source in SOURCES]) for seed in range(5)]
    subjects = [subject(name, seed) for seed, name in enumerate(IDS)]
    said = document(easy, "ensemble-plcc", {"shape": "ensemble", "seeds": rows}, subjects=subjects)
    assert said["verdict"] == "PROMOTE"
    assert {"SG503", "SG504"} <= codes(faults("ensemble", said, said))


def test_a_gate_without_one_of_the_bounds_is_weaker() -> None:
    bounds = {name: one for name, one in ENSEMBLE.bounds.items() if name != "plcc_spread"}
    easy = ENSEMBLE.model_copy(update={"bounds": bounds})
    subjects = [subject(name, seed) for seed, name in enumerate(IDS)]
    said = document(easy, "ensemble-plcc", {"shape": "ensemble", "seeds": seeds()}, subjects=subjects)
    (one,) = faults("ensemble", said, said)
    assert one.code == "SG504" and "without the policy's bound on plcc_spread" in one.message


def test_stricter_thresholds_than_the_policys_are_fine() -> None:
    strict = ENSEMBLE.model_copy(update={"bounds": {**ENSEMBLE.bounds, "mean_plcc": Bound(min=0.96)}})
    subjects = [subject(name, seed) for seed, name in enumerate(IDS)]
    said = document(strict, "ensemble-plcc", {"shape": "ensemble", "seeds": seeds()}, subjects=subjects)
    assert faults("ensemble", said, said) == []


def test_one_easy_source_cannot_promote() -> None:
    rows = [loso(seed, [fold("a", 0.99)]) for seed in range(5)]
    said = ensemble(seeds=rows, corpus=corpus(sources=["a"]))
    assert said["verdict"] == "PROMOTE"
    (one,) = faults("ensemble", said)
    assert one.code == "SG505" and "has 1 sources; the policy asks for 5" in one.message
    named = Policy.model_validate({"corpora": {"digests": (said["corpus"]["sha256"],)}})
    assert examine(evidence(said), ENSEMBLE, "ensemble-plcc", named, wanted_of(said)) == []


def test_a_named_corpus_is_still_no_hollow_one() -> None:
    named = Policy.model_validate({"corpora": {"digests": (digest("corpus"),)}})
    said = ensemble(corpus=corpus(present=False, sources=[]))
    found = examine(evidence(said), ENSEMBLE, "ensemble-plcc", named, wanted_of(said))
    assert codes(found) == {"SG505"}


def test_evidence_of_another_model_proves_nothing() -> None:
    copied = [Wanted("fr_v9", digest("fr_v9"), digest("bytes"))]
    found = examine(evidence(ensemble()), ENSEMBLE, "ensemble-plcc", POLICY, copied)
    assert [(one.code, one.subject) for one in found] == [("SG509", "fr_v9")]
    renamed = [
        Wanted("fr_v9", one.identity, one.sha256, one.int8_sha256, one.external) for one in wanted_of(ensemble())
    ]
    (first, *_) = examine(evidence(ensemble()), ENSEMBLE, "ensemble-plcc", POLICY, renamed)
    assert "as `fr_v1_ensemble_v2_seed0`, which is another entry" in first.message


def test_a_subject_named_twice() -> None:
    said = ensemble()
    found = faults("ensemble", {**said, "subjects": [*said["subjects"], said["subjects"][0]]}, said)
    assert "names `fr_v1_ensemble_v2_seed0` 2 times" in [one.message for one in found]


def test_a_twin_that_appears_later_was_not_measured() -> None:
    said = ensemble(subjects=[subject(name, seed, int8_sha256=None) for seed, name in enumerate(IDS)])
    wanted = [Wanted(**{**_fields(one), "int8_sha256": digest("twin")}) for one in wanted_of(said)]
    assert "SG506" in codes(examine(evidence(said), ENSEMBLE, "ensemble-plcc", POLICY, wanted))


def _fields(one: Wanted) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__slots__}


@pytest.mark.parametrize(
    ("path", "value", "code", "words"),
    [
        (("gate", "comparison", "confidence"), 0.6, "SG504", "a confidence of 0.6; the policy asks for at least 0.95"),
        (("gate", "comparison", "bootstrap_seed"), 7, "SG504", "bootstrap_seed 7; the policy's gate has 0"),
        (("gate", "comparison", "resamples"), 10**9, "SG504", "resamples 1000000000; the policy's gate has 10000"),
        (("gate", "comparison", "low"), 0.2, "SG503", "`gate.comparison.low` says 0.2"),
        (("measurements", "items", 0, "candidate"), 1.4, "SG503", "an IoU of 1.4 cannot be"),
        (("measurements", "items", 0, "candidate"), 0.9, "SG503", "its own numbers come to"),
        (("incumbent",), None, "SG506", "compared with something that the evidence does not name"),
        (("incumbent", "identity"), digest("saliency_v2 identity"), "SG506", "compared with itself"),
        (("incumbent", "identity"), digest("other"), "SG506", "and in production is `saliency_v1`"),
    ],
)
def test_a_comparison_says_what_is_wrong(path: Steps, value: Any, code: str, words: str) -> None:
    found = tamper("comparison", path, value)
    assert [one for one in found if one.code == code and words in one.message], [
        (one.code, one.message) for one in found
    ]


def test_leaving_the_incumbent_out_does_not_help() -> None:
    sound = comparison()
    alone = comparison(items=items(incumbent=False))
    assert alone["verdict"] == "PROMOTE" and alone["incumbent"] is None
    assert examine(evidence(alone), SALIENCY, "saliency-iou", POLICY, wanted_of(alone)) == []
    found = faults("comparison", alone, sound)
    assert codes(found) == {"SG506"} and "in production is `saliency_v1`" in found[0].message


def test_an_inconclusive_comparison_says_so() -> None:
    rows = [{"id": str(at), "candidate": 0.6 + 0.1 * (at % 2), "incumbent": 0.65, "weight": 1} for at in range(40)]
    said = comparison(items=rows)
    assert said["verdict"] == "HOLD" and "inconclusive" in said["recommendation"]
    found = faults("comparison", {**said, "verdict": "PROMOTE"}, said)
    assert "inconclusive" in " ".join(one.message for one in found if one.code == "SG503")


# -- version 1 ---------------------------------------------------------------------------------------------------------


def frozen(name: str, **gate: Any) -> Evidence:
    value = json.loads((FROZEN / f"{name}.json").read_bytes())
    value["gate"] |= gate
    data = json.dumps(value).encode() if gate else (FROZEN / f"{name}.json").read_bytes()
    found = read(data, "PROMOTE.json")
    assert isinstance(found, Evidence)
    return found


ENTRY = Wanted(IDS[0], digest("identity"), digest("bytes"))


def pinning(found: Evidence, **fields: str) -> Policy:
    pin = {"id": ENTRY.id, "identity": ENTRY.identity, "evidence_sha256": found.sha256, **fields}
    return Policy.model_validate({"legacy_evidence": (pin,)})


def legacy(found: Evidence, policy: Policy) -> list[Fault]:
    return examine(found, ENSEMBLE, "ensemble-plcc", policy, [ENTRY])


def test_version_1_says_what_it_lacks() -> None:
    found = frozen("promote_corpus_absent")
    assert codes(legacy(found, POLICY)) == {"SG505", "SG507"}
    (one,) = [one for one in legacy(found, POLICY) if one.code == "SG507"]
    for lack in ("which model bytes it is about", "the numbers of each fold", "a corpus that was there"):
        assert lack in one.message and lack in lacks(found)
    assert f"evidence_sha256: {found.sha256}" in one.fix and ENTRY.identity in one.fix


@pytest.mark.parametrize("name", ["promote_corpus_absent", "promote_corpus_digest", "promote_unknown_fields"])
def test_version_1_passes_where_it_is_pinned(name: str) -> None:
    found = frozen(name)
    assert legacy(found, pinning(found)) == []


@pytest.mark.parametrize("field", ["id", "identity", "evidence_sha256"])
def test_a_pin_is_all_three_together(field: str) -> None:
    found = frozen("promote_corpus_digest")
    policy = pinning(found, **{field: "other" if field == "id" else "0" * 64})
    assert codes(legacy(found, policy)) == {"SG507"}


@pytest.mark.parametrize(
    ("gate", "code"),
    [
        ({"mean_plcc": 0.999}, "SG503"),
        ({"plcc_spread": 0.0001}, "SG503"),
        ({"per_seed_pass": False}, "SG503"),
        ({"passed": False}, "SG503"),
        ({"failing_seeds": [1]}, "SG503"),
        ({"mean_plcc_threshold": 0.9}, "SG504"),
        ({"plcc_spread_max": 0.5}, "SG504"),
        ({"per_seed_min": None}, "SG504"),
        ({"per_seed_plccs": {"0": 0.99, "1": 0.99, "2": 0.99, "3": 0.99}}, "SG509"),
        ({"per_seed_plccs": {"0": 0.99, "1": 0.99, "2": 0.99, "3": 0.99, "04": 0.99}}, "SG503"),
        ({"per_seed_plccs": {"0": 0.97, "1": 0.97, "2": 0.97, "3": 0.97, "4": "0.97"}}, "SG501"),
        ({"per_seed_plccs": {"0": 1.2, "1": 1.2, "2": 1.2, "3": 1.2, "4": 1.2}}, "SG503"),
        ({"per_seed_plccs": {}}, "SG509"),
    ],
)
def test_a_pin_does_not_excuse_version_1_from_its_own_numbers(gate: dict[str, Any], code: str) -> None:
    found = frozen("promote_corpus_digest", **gate)
    assert code in codes(legacy(found, pinning(found)))


def test_a_hold_of_version_1_stays_one() -> None:
    found = frozen("hold_spread")
    told = legacy(found, pinning(found))
    assert codes(told) == {"SG502", "SG503"}
    assert "plcc_spread is 0.0447, more than 0.005" in " ".join(one.message for one in told)


def test_version_1_is_for_ensembles() -> None:
    found = frozen("promote_corpus_digest")
    assert "SG504" in codes(examine(found, SALIENCY, "saliency-iou", pinning(found), [ENTRY]))
