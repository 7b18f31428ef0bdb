"""SG501 to SG509: what evidence must be, of a real change in a real repository."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import fitted
import flips
import onnx_models
import proofs
from evidence import specimens
from evidence.test_examine import GONE, HARMLESS, excused, leaves, named, put, tampered
from forge import Forge, codes, only, passes, quiet, sha256
from smokegate.evidence import write
from smokegate.judge.report import Report, Verdict
from smokegate.registry.sidecar import Sidecar

PAIR = flips.ENSEMBLE[:2]
V1 = Path(__file__).parents[1] / "data" / "evidence" / "v1"


def pair(forge: Forge, **policy: Any) -> dict[str, Any]:
    """Two fitted models on their way up, with all the proof that it takes."""
    table = flips.fitted_ensemble(forge, PAIR, gates=flips.PAIR, **policy)
    forge.evidence(*PAIR, table=table)
    forge.commit("evidence")
    found: dict[str, Any] = forge.read_json("PROMOTE.json")
    return found


def says(report: Report, code: str, words: str) -> None:
    said = [f.message for f in report.blocking if f.code == code]
    assert any(words in message for message in said), [(f.code, f.message) for f in report.findings]


def test_five_fitted_models_go_up_on_what_was_measured_of_them(forge: Forge) -> None:
    table = flips.fitted_ensemble(forge)
    forge.evidence(*flips.ENSEMBLE, table=table)
    report = forge.judged()
    quiet(report)
    assert not report.self_attested and not report.notes


# -- tampering, by enumeration -----------------------------------------------------------------------------------------

_LIES_HERE = ("corpus.path", "subjects.*.measured.*.srocc", "subjects.*.measured.*.rmse", "subjects.*.measured.int8")
UNSEEN = {
    **{field: why for field, why in HARMLESS.items() if not field.startswith(_LIES_HERE)},
    "corpus.path": "wherever it says the corpus lies, the judge finds it by its digest",
    "corpus.encoders": "named twice is named, and the policy's minimum still counts",
    "subjects.*.measured.int8": "no twin: an absent one and a null one say the same",
}


def test_any_field_of_unsigned_evidence(forge: Forge) -> None:
    """Nobody signed it, and the policy allows that: still no number can be another one."""
    sound = pair(forge, unattested="allow")
    unseen: dict[str, list[Any]] = defaultdict(list)
    with forge.supposing() as judged:
        passes(judged({"PROMOTE.json.dsse.json": None}))
        for path, value in leaves(sound):
            for other in list(tampered(value))[:3]:
                data = write.to_bytes(put(sound, path, other))
                report = judged({"PROMOTE.json": data, "PROMOTE.json.dsse.json": None})
                if report.verdict is Verdict.PASS and not excused(named(path), UNSEEN):
                    unseen[named(path)].append(other)
    assert dict(unseen) == {}


def test_any_field_of_signed_evidence(forge: Forge) -> None:
    sound = pair(forge)
    with forge.supposing() as judged:
        passes(judged({}))
        for path, value in leaves(sound):
            data = write.to_bytes(put(sound, path, next(iter(tampered(value)))))
            assert {"SG403", "SG501", "SG508"} & set(codes(judged({"PROMOTE.json": data}))), named(path)


def test_any_field_of_the_registry_entry(forge: Forge) -> None:
    pair(forge)
    """But for the licence (SG602 warns), and leaving out what the graph says by itself (SG407 warns)."""
    with forge.supposing() as judged:
        for field, value in forge.entry(PAIR[0]).items():
            for other in tampered(value):
                registry = json.loads(json.dumps(forge.registry))
                changed = put(registry["models"][0], (field,), other)
                if field == "license" or (field, other) == ("opset", GONE):
                    continue
                registry["models"][0] = changed
                report = judged({"registry.json": json.dumps(registry).encode()})
                assert report.verdict is not Verdict.PASS, (field, other)


@pytest.mark.parametrize("field", ["quant_mode", "int8_sha256", "external_data", "supersedes", "kind"])
def test_any_field_that_it_might_gain(forge: Forge, field: str) -> None:
    pair(forge)
    gained = {"quant_mode": "static", "int8_sha256": "0" * 64, "kind": "nr", "supersedes": PAIR[1]}
    pins = [{"path": "w.bin", "sha256": "0" * 64, "size": 4}]
    registry = json.loads(json.dumps(forge.registry))
    registry["models"][0][field] = pins if field == "external_data" else gained[field]
    with forge.supposing() as judged:
        found = judged({"registry.json": json.dumps(registry).encode()})
    if field == "supersedes":
        assert any(f.code == "SG408" for f in found.warnings)  # one word of one side promotes nobody in an ensemble
    else:
        assert found.verdict is not Verdict.PASS


def test_any_byte_of_the_model(forge: Forge) -> None:
    """With the digests beside it mended, so that only the evidence knows."""
    pair(forge)
    name, data = f"{PAIR[0]}.onnx", forge.path(f"{PAIR[0]}.onnx").read_bytes()
    with forge.supposing() as judged:
        for at in range(0, len(data), max(1, len(data) // 40)):
            other = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
            assert codes(judged({name: other})), at
            registry = json.loads(json.dumps(forge.registry))
            registry["models"][0]["sha256"] = sha256(other)
            sidecar = {**forge.read_json(f"{PAIR[0]}.json"), "sha256": sha256(other)}
            mended = {"registry.json": json.dumps(registry), f"{PAIR[0]}.json": json.dumps(sidecar)}
            report = judged({name: other, **{key: text.encode() for key, text in mended.items()}})
            assert {"SG403", "SG301"} & set(codes(report)), at


def test_any_byte_of_the_weights_outside(forge: Forge) -> None:
    graph, weights = onnx_models.with_external(1)
    pins = [{"path": "weights.bin", "sha256": sha256(weights), "size": len(weights)}]
    forge.add("a_saliency_v1", graph, external_data=pins)
    forge.write("weights.bin", weights)
    forge.trust()
    forge.start()
    flips.flip(forge, "a_saliency_v1")
    forge.evidence("a_saliency_v1")
    passes(forge.judged())
    with forge.supposing() as judged:
        for at in range(0, len(weights), max(1, len(weights) // 40)):
            other = weights[:at] + bytes([weights[at] ^ 1]) + weights[at + 1 :]
            assert {"SG204", "SG403"} & set(codes(judged({"weights.bin": other}))), at
            registry = json.loads(json.dumps(forge.registry))
            registry["models"][0]["external_data"][0]["sha256"] = sha256(other)
            report = judged({"weights.bin": other, "registry.json": json.dumps(registry).encode()})
            assert "SG403" in codes(report), at


def test_any_run_time_field_of_the_sidecar(forge: Forge) -> None:
    pair(forge)
    sound = forge.read_json(f"{PAIR[0]}.json")
    gained = {"feature_order": ["a", "b"], "feature_mean": [1.0], "feature_std": [2.0], "cq_min": 1, "cq_max": 9}
    assert set(Sidecar(sound).runtime()) <= set(sound)
    with forge.supposing() as judged:
        for field, value in {**gained, "encoder_vocab": ["x", "unknown"], "onnx_has_scaler": True}.items():
            report = judged({f"{PAIR[0]}.json": json.dumps({**sound, field: value}).encode()})
            assert "SG403" in codes(report), field
        for field in Sidecar(sound).runtime():
            without = {key: value for key, value in sound.items() if key != field}
            assert "SG403" in codes(judged({f"{PAIR[0]}.json": json.dumps(without).encode()})), field


LOOSER: list[dict[str, Any]] = [
    {"unattested": "allow"},
    {"signatures": {}},
    {"remeasure_tolerance": 0.5},
    {"corpora": {"min_rows": 1}},
    {"corpora": {"min_rows": 100, "digests": ["0" * 64]}},
    {"gates": {"ensemble-plcc": {**flips.PAIR["ensemble-plcc"], "bounds": {"mean_plcc": {"min": 0.5}}}}},
    {"gates": {"ensemble-plcc": {**flips.PAIR["ensemble-plcc"], "seeds": [0]}}},
    {"checks": {"SG503": "off"}},
    {"evidence": ["proofs/*.json"]},
    {"legacy_evidence": [{"id": PAIR[0], "identity": "0" * 64, "evidence_sha256": "0" * 64}]},
]


@pytest.mark.parametrize("looser", LOOSER, ids=lambda looser: next(iter(looser)))
def test_a_looser_policy_in_the_same_change(forge: Forge, looser: dict[str, Any]) -> None:
    pair(forge)
    policy = {**forge.read_json("/.smokegate.yml"), **looser}
    with forge.supposing() as judged:
        assert codes(judged({"/.smokegate.yml": json.dumps(policy).encode()})) == ["SG701"]


# -- what it is about --------------------------------------------------------------------------------------------------


def test_four_of_five_covered(forge: Forge) -> None:
    flips.ensemble(forge)
    forge.evidence(*flips.ENSEMBLE[:4])
    report = forge.judged()
    assert {"SG403", "SG509"} <= set(codes(report))
    says(report, "SG509", f"does not cover `{flips.ENSEMBLE[4]}`")
    forge.entry(flips.ENSEMBLE[4])["smoke"] = True
    report = forge.judged()
    assert {"SG409", "SG509"} <= set(codes(report))


def test_a_spread_over_four_of_five_seeds(forge: Forge) -> None:
    flips.ensemble(forge)
    gate = specimens.ENSEMBLE.model_copy(update={"seeds": (0, 1, 2, 3)})
    four = proofs.measurements(gate, flips.ENSEMBLE, against=False)
    forge.evidence(*flips.ENSEMBLE, measurements=four, verdict="PROMOTE")
    says(forge.judged(), "SG509", "of the seeds 0, 1, 2, 3, and the policy names 0, 1, 2, 3, 4")


def copied_from_another_model(value: dict[str, Any]) -> None:
    value["subjects"][0].update(sha256="1" * 64, identity="2" * 64)


def copied_from_another_id(value: dict[str, Any]) -> None:
    value["subjects"][0].update(id="saliency_v0")


def a_hold_renamed(value: dict[str, Any]) -> None:
    value["verdict"] = "HOLD"


@pytest.mark.parametrize("edit", [copied_from_another_model, copied_from_another_id, a_hold_renamed])
def test_what_speaks_of_something_else_names_nothing(forge: Forge, edit: Callable[[dict[str, Any]], None]) -> None:
    flips.saliency(forge)
    forge.evidence("saliency_v1")
    flips.rewrite(forge, edit)
    only(forge.judged(), "SG403")


def test_passed_over_failing_numbers(forge: Forge) -> None:
    flips.ensemble(forge)
    folds = [specimens.fold(source, 0.93) for source in specimens.SOURCES]
    rows = [specimens.loso(seed, folds) for seed in range(5)]
    forge.evidence(*flips.ENSEMBLE, measurements={"shape": "ensemble", "seeds": rows})
    assert forge.read_json("PROMOTE.json")["verdict"] == "HOLD"
    flips.rewrite(forge, lambda value: (value.update(verdict="PROMOTE"), value["gate"].update(passed=True)))
    says(forge.judged(), "SG503", "mean_plcc is 0.93, less than 0.95")


# -- notes -------------------------------------------------------------------------------------------------------------


def test_fields_that_nobody_knows_are_mentioned(forge: Forge) -> None:
    flips.saliency(forge)
    forge.evidence("saliency_v1")
    flips.rewrite(forge, lambda value: (value.update(mood="good"), value["gate"].update(weather="fair")))
    report = forge.judged()
    passes(report)
    (note,) = report.notes
    assert "mood" in note and "gate.weather" in note and "count for nothing" in note


def test_a_promote_that_follows_a_hold_says_so(forge: Forge) -> None:
    flips.saliency(forge)
    forge.evidence("saliency_v1")
    forge.write_json("HOLD.json", {**forge.read_json("PROMOTE.json"), "verdict": "HOLD"})
    report = forge.judged()
    passes(report)
    (note,) = report.notes
    assert "HOLD.json" in note and "saliency_v1" in note
    forge.write_json("HOLD.json", {"verdict": "HOLD", "subjects": [{"id": "saliency_v1", "identity": "0" * 64}]})
    assert not forge.judged().notes


# -- an ensemble is all of its members ---------------------------------------------------------------------------------


def replaced(forge: Forge, entry_id: str, data: bytes) -> None:
    forge.write(f"{entry_id}.onnx", data)
    forge.write_json(f"{entry_id}.json", forge.sidecar(data, scaler=False))
    forge.entry(entry_id)["sha256"] = sha256(data)
    forge.commit()


def test_one_member_replaced_is_measured_with_the_others_as_they_are(forge: Forge) -> None:
    one, other = PAIR
    table = flips.fitted_ensemble(forge, PAIR, gates=flips.PAIR)
    forge.evidence(one, other, table=table)
    forge.start()
    replaced(forge, one, fitted.model(table, 77))
    forge.evidence(one, other, table=table, name="evidence/second.json")
    passes(forge.judged())

    def retrain(document: dict[str, Any]) -> None:
        document["subjects"][1].update(sha256="c" * 64, identity="d" * 64)

    flips.rewrite(forge, retrain, "evidence/second.json")
    says(forge.judged(), "SG506", f"is about another model (dddddddddddd…) than `{other}` now is")


def test_ensembles_that_flip_as_one_have_evidence_each_of_its_own(forge: Forge) -> None:
    others = tuple(entry_id.replace("_v1_", "_v2_") for entry_id in PAIR)
    table = flips.fitted_ensemble(forge, (*PAIR, *others), gates=flips.PAIR, groups={"both": ["fr_ensemble_*"]})
    forge.evidence(*PAIR, table=table, name="evidence/one.json")
    forge.evidence(*others, table=table, name="evidence/other.json")
    passes(forge.judged())
    forge.delete("evidence/other.json")
    says(forge.judged(), "SG403", "no passing evidence names its identity")


@pytest.mark.parametrize("there", [True, False])
def test_an_ensemble_of_which_one_alone_goes_up(forge: Forge, there: bool) -> None:
    """The other is a phantom, or of an ensemble that stays in smoke."""
    one, other = "fr_ensemble_v1_seed0", "fr_ensemble_v2_seed1"
    table = flips.fitted_ensemble(forge, (one, other), gates=flips.PAIR)
    forge.evidence(one, other, table=table)
    if there:
        forge.entry(other)["smoke"] = True
    else:
        forge.drop(other)
    lack = "is not in production" if there else "the registry does not have"
    says(forge.judged(), "SG509", f"an ensemble with `{other}`, which {lack}")


def test_exported_bytes_reach_what_is_asked_of_the_folds_where_the_gate_forgot_them(forge: Forge) -> None:
    bounds = {"mean_plcc": {"min": 0.9}, "seed_plcc": {"min": 0.95, "over": "each"}}
    gate = {"match": ["fr_ensemble_*"], "group": True, "shape": "ensemble", "seeds": [0, 1], "bounds": bounds}
    for entry_id in PAIR:
        forge.add(entry_id)
    forge.trust(gates={"mine": gate})
    forge.start()
    flips.flip(forge, *PAIR)
    forge.evidence(*PAIR)
    passes(forge.judged())
    forge.evidence(*PAIR, measured={PAIR[1]: {"fp32": specimens.measured(0.94), "int8": None}})
    says(forge.judged(), "SG506", f"`{PAIR[1]}` as exported reaches a PLCC of 0.940000, less than the 0.95")


def test_one_model_under_two_ids_is_one_seed(forge: Forge) -> None:
    one, other = PAIR
    table = flips.fitted_ensemble(forge, PAIR, gates=flips.PAIR)
    replaced(forge, other, forge.path(f"{one}.onnx").read_bytes())
    forge.evidence(one, other, table=table)
    says(forge.judged(), "SG506", f"`{other}` and `{one}` are the same model")


@pytest.mark.parametrize(("own", "sound"), [(1.0, False), (31.0, True)])
def test_no_stranger_lifts_a_mean(forge: Forge, own: float, sound: bool) -> None:
    """One file may speak of several entries, of which one goes up alone: on its own numbers."""
    for entry_id in ("team_a", "team_b"):
        forge.add(entry_id)
    forge.trust(gates={"mine": {"match": ["team_*"], "bounds": {"psnr": {"min": 30}}}})
    forge.start()
    flips.flip(forge, "team_a", "team_b")
    entries = {"team_a": {"psnr": own}, "team_b": {"psnr": 100.0}}
    said = {"shape": "metrics", "entries": entries, "incumbent": None}
    forge.evidence("team_a", "team_b", measurements=said)
    passes(forge.judged())
    forge.entry("team_b")["smoke"] = True
    if sound:
        passes(forge.judged())
    else:
        says(forge.judged(), "SG506", "do not go to production, it does not pass: psnr")


# -- what a comparison is with -----------------------------------------------------------------------------------------


def incumbent(forge: Forge, entry_id: str, seed: int, **fields: Any) -> None:
    forge.add(entry_id, onnx_models.saliency(seed), kind="filter", smoke=False, **fields)


def test_a_comparison_is_with_what_is_in_use(forge: Forge) -> None:
    incumbent(forge, "saliency_v0", 7)
    flips.saliency(forge)
    forge.evidence("saliency_v1")
    assert forge.read_json("PROMOTE.json")["incumbent"]["id"] == "saliency_v0"
    passes(forge.judged())
    forge.evidence(
        "saliency_v1", incumbent=None, measurements=proofs.measurements(specimens.SALIENCY, [], against=False)
    )
    says(forge.judged(), "SG506", "is compared with none, and in production is `saliency_v0`")


def test_and_with_nothing_where_nothing_is_in_use(forge: Forge) -> None:
    """A straw man would take the place of the gate's own `min`."""
    flips.saliency(forge)
    straw = {"id": "saliency_v0", "sha256": "a" * 64, "identity": "b" * 64}
    items = [{**item, "candidate": 0.3, "incumbent": 0.1} for item in specimens.items()]
    said = {"shape": "comparison", "metric": "iou", "items": items, "micro": {"candidate": 0.3, "incumbent": 0.1}}
    forge.evidence("saliency_v1", incumbent=straw, measurements=said)
    says(forge.judged(), "SG506", "compared with a model that is not in production")


def test_nor_may_a_drop_be_against_a_straw_man(forge: Forge) -> None:
    forge.add("team_a")
    forge.trust(gates={"mine": {"match": ["team_*"], "bounds": {"psnr": {"max_drop": 0.1}}}})
    forge.start()
    flips.flip(forge, "team_a")
    straw = {"id": "team_0", "sha256": "a" * 64, "identity": "b" * 64}
    said = {"shape": "metrics", "entries": {"team_a": {"psnr": 1.0}}, "incumbent": {"psnr": 0.9}}
    forge.evidence("team_a", incumbent=straw, measurements=said)
    says(forge.judged(), "SG506", "compared with a model that is not in production")


def test_and_not_with_what_was_superseded_long_ago(forge: Forge) -> None:
    incumbent(forge, "saliency_va", 6, superseded_by="saliency_vb")
    incumbent(forge, "saliency_vb", 7, supersedes="saliency_va")
    flips.saliency(forge)
    sha, identity = forge.entry("saliency_va")["sha256"], forge.identity("saliency_va")
    forge.entry("saliency_v1")["supersedes"] = "saliency_va"
    forge.commit()
    forge.evidence("saliency_v1", incumbent={"id": "saliency_va", "sha256": sha, "identity": identity})
    says(forge.judged(), "SG506", "in production is `saliency_vb`")
    forge.evidence("saliency_v1")
    passes(forge.judged())


def test_of_several_in_use_it_may_be_any(forge: Forge) -> None:
    incumbent(forge, "saliency_va", 6)
    incumbent(forge, "saliency_vb", 7)
    flips.saliency(forge)
    for name in ("saliency_va", "saliency_vb"):
        said = {"id": name, "sha256": forge.entry(name)["sha256"], "identity": forge.identity(name)}
        forge.evidence("saliency_v1", incumbent=said)
        passes(forge.judged())


def test_taking_over_is_compared_with_whom_it_takes_over_from_though_it_changes_too(forge: Forge) -> None:
    """Its own former self may be the easier one to beat."""
    incumbent(forge, "saliency_v0", 7)
    incumbent(forge, "saliency_v1", 1)
    forge.trust()
    forge.start()
    forge.write("saliency_v1.onnx", onnx_models.saliency(2))
    forge.write_json("saliency_v1.json", forge.sidecar(onnx_models.saliency(2), scaler=False))
    forge.entry("saliency_v1").update(sha256=sha256(onnx_models.saliency(2)), supersedes="saliency_v0")
    former = {"id": "saliency_v1", "sha256": sha256(onnx_models.saliency(1)), "identity": forge.identity("saliency_v1")}
    forge.commit()
    forge.evidence("saliency_v1", incumbent=former)
    says(forge.judged(), "SG506", "in production is `saliency_v0`")


# -- going back --------------------------------------------------------------------------------------------------------


def twice_promoted(forge: Forge) -> dict[str, bytes]:
    """saliency_v1 went up, then changed; both times with evidence. The files of the first time are the answer."""
    flips.saliency(forge)
    forge.evidence("saliency_v1", name="evidence/first.json")
    forge.start()
    first = {name: forge.path(name).read_bytes() for name in ("registry.json", "saliency_v1.onnx", "saliency_v1.json")}
    forge.write("saliency_v1.onnx", onnx_models.saliency(2))
    forge.write_json("saliency_v1.json", forge.sidecar(onnx_models.saliency(2), scaler=False))
    forge.entry("saliency_v1")["sha256"] = sha256(onnx_models.saliency(2))
    forge.commit()
    forge.evidence("saliency_v1", name="evidence/second.json")
    passes(forge.judged())
    forge.start()
    return first


def test_back_to_what_was_in_production_on_the_evidence_of_its_day(forge: Forge) -> None:
    for name, data in twice_promoted(forge).items():
        forge.write(name, data)
    forge.commit(save=False)
    passes(forge.check())


def test_back_and_over_another_is_a_comparison_with_that_one(forge: Forge) -> None:
    """What it was in its day it may be again; what it never was wants its own evidence."""
    flips.saliency(forge)
    forge.evidence("saliency_v1")
    forge.start()
    forge.entry("saliency_v1").update(smoke=True, notes="drifts")
    incumbent(forge, "saliency_v0", 7)
    forge.start()
    flips.flip(forge, "saliency_v1")
    passes(forge.check())
    forge.entry("saliency_v1")["supersedes"] = "saliency_v0"
    says(forge.judged(), "SG506", "in production is `saliency_v0`")


def test_the_same_bytes_under_another_id_do_not(forge: Forge) -> None:
    first = twice_promoted(forge)
    forge.add("saliency_v9", first["saliency_v1.onnx"], kind="filter", smoke=False)
    only(forge.judged(), "SG405")


def test_what_was_proved_and_never_in_production_is_compared_with_what_is_in_use_now(forge: Forge) -> None:
    """Evidence laid by in one change, for a flip when the incumbent has become a better one."""
    forge.add("saliency_v1", onnx_models.saliency(1), kind="filter")
    forge.trust()
    forge.start()
    forge.evidence("saliency_v1", name="evidence/laid_by.json")
    incumbent(forge, "saliency_v0", 7)
    forge.start()
    flips.flip(forge, "saliency_v1")
    says(forge.check(), "SG506", "in production is `saliency_v0`")


# -- version 1 ---------------------------------------------------------------------------------------------------------


def old(forge: Forge, specimen: str = "promote_corpus_digest", **policy: Any) -> str:
    """Its identity: one entry goes up on evidence of version 1."""
    entry_id = flips.ENSEMBLE[0]
    forge.add(entry_id)
    forge.write("PROMOTE.json", (V1 / f"{specimen}.json").read_bytes())
    forge.trust(**policy)
    forge.start()
    flips.flip(forge, entry_id)
    return forge.identity(entry_id)


def test_version_1_passes_where_base_pins_it(forge: Forge, tmp_path: Path) -> None:
    digest = sha256((V1 / "promote_corpus_digest.json").read_bytes())
    identity = old(Forge(tmp_path / "rehearsal", forge.bench))
    pin = {"id": flips.ENSEMBLE[0], "identity": identity, "evidence_sha256": digest}
    assert old(forge, legacy_evidence=[pin]) == identity
    report = forge.check()
    passes(report)
    assert not report.self_attested


@pytest.mark.parametrize("field", ["id", "identity", "evidence_sha256"])
def test_and_where_all_three_are_right(forge: Forge, tmp_path: Path, field: str) -> None:
    digest = sha256((V1 / "promote_corpus_digest.json").read_bytes())
    identity = old(Forge(tmp_path / "rehearsal", forge.bench))
    other = {"id": "another", "identity": "0" * 64, "evidence_sha256": "0" * 64}
    pin = {"id": flips.ENSEMBLE[0], "identity": identity, "evidence_sha256": digest}
    old(forge, legacy_evidence=[{**pin, field: other[field]}])
    says(forge.check(), "SG507", "only where base's policy pins the three together")


def test_unpinned_it_says_what_it_lacks(forge: Forge) -> None:
    old(forge, unattested="allow")
    report = forge.check()
    finding = only(report, "SG507")
    assert report.verdict is Verdict.NEEDS_EVIDENCE
    assert "which model bytes it is about" in finding.message and "legacy_evidence" in finding.fix


def test_so_it_does_where_the_entry_names_it_among_others(forge: Forge) -> None:
    old(forge)
    forge.write_json("evidence/other.json", {"schema_version": 2, "verdict": "PROMOTE", "subjects": []})
    only(forge.judged(), "SG403")
    forge.entry(flips.ENSEMBLE[0])["evidence"] = "PROMOTE.json"
    assert {"SG507", "SG508"} == set(codes(forge.judged()))


def test_version_1_without_a_corpus_is_hollow_as_well(forge: Forge) -> None:
    old(forge, "promote_corpus_absent", unattested="allow")
    assert {"SG505", "SG507"} == set(codes(forge.check()))


def test_version_true_is_none(forge: Forge) -> None:
    old(forge)
    forge.write_json("PROMOTE.json", {**forge.read_json("PROMOTE.json"), "schema_version": True})
    assert "SG403" in codes(forge.judged())


def test_evidence_deeper_than_the_document_that_we_write_is_judged_and_no_bug_of_ours(forge: Forge) -> None:
    deep: Any = 1
    for _ in range(50):
        deep = [deep]
    flips.saliency(forge)
    forge.evidence("saliency_v1", request={"deep": deep})
    assert codes(forge.judged())
