"""`smokegate ensemble run`: what it leaves is what the judge takes."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from evidence import corpora
from forge import Forge, passes
from proofs import CORPUS
from runners.ensemble import conftest
from runners.ensemble.conftest import EPOCHS, Invoke
from runners.ensemble.small import written
from smokegate.allowlist import DEFAULT_OPS
from smokegate.commands import exported
from smokegate.evidence.documents import Evidence, read
from smokegate.evidence.examine import examine
from smokegate.evidence.models import LosoSeed, PromoteV2, misfits
from smokegate.lab.client import Lab
from smokegate.policy import BUILT_IN_GATES, Policy
from smokegate.registry.models import EnsembleManifest, SidecarDocument
from smokegate.review.flip import Asked, flip
from smokegate_runners.ensemble import network
from smokegate_runners.ensemble.plan import Fit
from smokegate_runners.ensemble.recipe import Recipe

NAME = "fr_regressor_v2_ensemble_v1"
MEMBERS = tuple(f"{NAME}_seed{seed}" for seed in range(5))
GATE = "ensemble-plcc"


def value(path: Path) -> Any:
    return json.loads(path.read_bytes())


def test_the_evidence_has_no_fault(finished: Path) -> None:
    document = value(finished / "out" / "PROMOTE.json")
    assert not list(misfits(document, PromoteV2))
    evidence = read((finished / "out" / "PROMOTE.json").read_bytes(), "PROMOTE.json")
    assert isinstance(evidence, Evidence)
    assert evidence.unknown == ()
    assert examine(evidence, BUILT_IN_GATES[GATE], GATE, Policy(), []) == []
    assert [one["id"] for one in document["subjects"]] == list(MEMBERS)
    assert not (finished / "out" / "HOLD.json").exists()


def test_each_seed_has_its_file_and_they_are_the_measurements(finished: Path) -> None:
    found = [value(finished / "out" / f"loso_seed{seed}.json") for seed in range(5)]
    assert all(not list(misfits(one, LosoSeed)) for one in found)
    assert value(finished / "out" / "PROMOTE.json")["measurements"]["seeds"] == found
    for one in found:
        assert [fold["held_out"] for fold in one["folds"]] == [f"clip{at}.mp4" for at in range(5)]
        assert sum(fold["n_val"] for fold in one["folds"]) == 1200
        assert all(fold["n_val"] + fold["n_train"] == 1200 for fold in one["folds"])
        assert one["epochs"] == EPOCHS
        assert one["note"] == "not in the vocabulary, fed as `unknown`: homebrew (400 rows)"


def test_models_sidecars_and_manifest_agree(finished: Path) -> None:
    out = finished / "out"
    manifest = value(out / f"{NAME}.json")
    EnsembleManifest.model_validate(manifest)
    assert manifest["ensemble_size"] == 5 and [one["id"] for one in manifest["members"]] == list(MEMBERS)
    for member in manifest["members"]:
        data = (out / member["onnx"]).read_bytes()
        sidecar = value(out / f"{member['id']}.json")
        SidecarDocument.model_validate(sidecar)
        assert hashlib.sha256(data).hexdigest() == member["sha256"] == sidecar["sha256"]
        model = onnx.load_model_from_string(data)
        assert [(one.domain, one.version) for one in model.opset_import] == [("", 17)]
        assert {node.op_type for node in model.graph.node} <= set(DEFAULT_OPS)
        assert not any(tensor.external_data for tensor in model.graph.initializer)
        assert [one.name for one in model.graph.input] == sidecar["input_names"]
        assert [one.name for one in model.graph.output] == sidecar["output_names"]
        agreement = sidecar["training"]["export"]
        assert 0 <= agreement["max_abs_diff_relative"] <= 1e-5


def test_a_sidecar_says_how_rows_are_fed(finished: Path) -> None:
    sidecar = value(finished / "out" / f"{MEMBERS[0]}.json")
    rows = conftest.rows()
    features = np.asarray([[row[name] for name in sidecar["feature_order"]] for row in rows])
    np.testing.assert_allclose(sidecar["feature_mean"], features.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(sidecar["feature_std"], features.std(axis=0), rtol=1e-6)
    assert sidecar["onnx_has_scaler"] is True and (sidecar["cq_min"], sidecar["cq_max"]) == (20, 38)
    assert len(sidecar["codec_block_layout"]) == 14 and sidecar["encoder_vocab"][-1] == "unknown"


def test_twice_is_the_same_bytes(finished: Path, tmp_path: Path, ensemble: Invoke) -> None:
    again = tmp_path / "again"
    done = ensemble("run", "--corpus", finished / "corpus.jsonl", "--out", again, "--epochs", EPOCHS)
    assert done.return_value == 0, done.output
    for path in sorted((finished / "out").glob(f"{NAME}*")):
        assert path.read_bytes() == (again / path.name).read_bytes(), path.name
    for seed in range(5):
        mine, theirs = (value(one / f"loso_seed{seed}.json") for one in (finished / "out", again))
        assert {**mine, "wall_time_s": 0} == {**theirs, "wall_time_s": 0}


def test_what_was_finished_is_not_done_again(finished: Path, tmp_path: Path, ensemble: Invoke) -> None:
    shutil.copytree(finished / "out", tmp_path / "out")
    (tmp_path / "out" / "PROMOTE.json").unlink()
    done = ensemble("run", "--corpus", finished / "corpus.jsonl", "--out", tmp_path / "out", "--epochs", EPOCHS)
    assert done.return_value == 0 and f"after epoch {EPOCHS} of {EPOCHS}" in done.output
    before, after = (value(one / "out" / "PROMOTE.json") for one in (finished, tmp_path))
    for changing in ("generated_at_utc", "runner", "loso_dir"):
        before.pop(changing), after.pop(changing)
    assert before == after


def test_provenance_names_all_that_came_out(finished: Path) -> None:
    record = value(finished / "out" / "provenance.json")
    assert record["schema"] == "ai-run-provenance-v1"
    named = {Path(one["path"]).name: one["sha256"] for one in record["outputs"]}
    for name in ("PROMOTE.json", f"{NAME}.json", "registry_rows.json", *(f"{one}.onnx" for one in MEMBERS)):
        assert named[name] == hashlib.sha256((finished / "out" / name).read_bytes()).hexdigest()
    assert [Path(one["path"]).name for one in record["inputs"]] == ["corpus.jsonl"]
    assert "epoch 60/60" in (finished / "out" / "run.log").read_text()


def test_flip_takes_it_as_it_is_and_check_passes(finished: Path, forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Identities, digests and measurements are those that the judge finds, which measures the bytes again."""
    out = finished / "out"
    for path in sorted(out.glob(f"{NAME}*")):
        forge.write(path.name, path.read_bytes())
    forge.registry["models"] += value(out / "registry_rows.json")
    forge.write(f"/{CORPUS}", (finished / "corpus.jsonl").read_bytes())
    forge.trust()
    forge.start()
    subjects = value(out / "PROMOTE.json")["subjects"]
    assert {one["id"]: one["identity"] for one in subjects} == {one: forge.identity(one) for one in MEMBERS}
    forge.write("/out/PROMOTE.json", (out / "PROMOTE.json").read_bytes())
    forge.sign("/out/PROMOTE.json")
    monkeypatch.chdir(forge.root)
    done = flip(Asked((NAME,), Path("out/PROMOTE.json"), "."), forge.bench)
    assert not done.refused, done.report
    shutil.rmtree(forge.root / "out")
    forge.commit(save=False)
    report = forge.check()
    passes(report)
    assert report.findings == () and not [note for note in report.notes if "PROMOTE" in note]


# -- HOLD ------------------------------------------------------------------------------------------------------------


def held(folder: Path, *reasons: str) -> dict[str, Any]:
    document: dict[str, Any] = value(folder / "HOLD.json")
    assert document["verdict"] == "HOLD" and not (folder / "PROMOTE.json").exists()
    assert not list(misfits(document, PromoteV2))
    assert all(reason in document["recommendation"] for reason in reasons), document["recommendation"]
    return document


@pytest.mark.parametrize("spoilt", ["flat", "astray"])
def test_one_spoilt_seed_holds_all(
    spoilt: str, finished: Path, tmp_path: Path, ensemble: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flat: nothing it could learn with. Astray: its weights are no numbers, nor is what it gives."""
    initial = network.initial

    def seed_3_is(fit: Fit, recipe: Recipe) -> Any:
        factor = np.float32({"flat": 0.0, "astray": np.nan}[spoilt]) if fit.seed == 3 else np.float32(1)
        return tuple((weights * factor, biases * factor) for weights, biases in initial(fit, recipe))

    monkeypatch.setattr(network, "initial", seed_3_is)
    done = ensemble("run", "--corpus", finished / "corpus.jsonl", "--out", tmp_path, "--epochs", EPOCHS)
    assert (done.exception, done.return_value) == (None, 1), done.output
    document = held(tmp_path, "seed_plcc of 3", f"exported_plcc of {MEMBERS[3]}")
    assert document["gate"]["failing_seeds"] == [3]
    assert (document["subjects"][3]["measured"] is None) == (spoilt == "astray")
    assert document["subjects"][2]["measured"]["fp32"]["plcc"] > 0.95


def test_a_fold_whose_plcc_is_undefined_is_null_and_holds(tmp_path: Path, ensemble: Invoke) -> None:
    rows = [{**row, **({"vmaf": 50.0} if row["src"] == "clip2.mp4" else {})} for row in conftest.rows()]
    corpus = written(tmp_path / "corpus.jsonl", rows)
    done = ensemble("run", "--corpus", corpus, "--out", tmp_path / "out", "--epochs", 2)
    assert done.return_value == 1, done.output
    held(tmp_path / "out", "clip2.mp4")
    for seed in range(5):
        one = value(tmp_path / "out" / f"loso_seed{seed}.json")
        assert [fold["held_out"] for fold in one["folds"] if fold["plcc"] is None] == ["clip2.mp4"]
        assert (one["mean_plcc"], one["min_plcc"], one["std_plcc"]) == (None, None, None)


@pytest.mark.parametrize(("spread", "verdict"), [(0.0049, 0), (0.0051, 1)])
def test_a_spread_past_the_bound_holds(
    finished: Path, tmp_path: Path, ensemble: Invoke, monkeypatch: pytest.MonkeyPatch, *, spread: float, verdict: int
) -> None:
    """The last seed's folds are shifted until the seeds lie that far apart; the rest of the run is as it was."""
    from smokegate_runners.ensemble import loso

    documents = loso.documents

    def shifted(*given: Any, **said: Any) -> list[dict[str, Any]]:
        found = documents(*given, **said)
        means = [one["mean_plcc"] for one in found[:-1]]
        shift = max(means) - spread - found[-1]["mean_plcc"]
        for fold in found[-1]["folds"]:
            fold["plcc"] += shift
        found[-1].update(loso.over(found[-1]["folds"]))
        return found

    monkeypatch.setattr(loso, "documents", shifted)
    shutil.copytree(finished / "out", tmp_path / "out")
    done = ensemble("run", "--corpus", finished / "corpus.jsonl", "--out", tmp_path / "out", "--epochs", EPOCHS)
    assert done.return_value == verdict, done.output
    if verdict:
        document = held(tmp_path / "out", "plcc_spread")
        assert document["gate"]["plcc_spread"] == pytest.approx(spread, abs=1e-9)
        assert document["gate"]["per_seed_pass"] is True


def test_a_dry_run_never_promotes(tmp_path: Path, ensemble: Invoke) -> None:
    corpus = written(tmp_path / "corpus.jsonl", conftest.rows())
    done = ensemble("run", "--corpus", corpus, "--out", tmp_path / "out", "--dry-run")
    assert done.return_value == 1, done.output
    held(tmp_path / "out", "seed 0 is from a dry run")
    assert value(tmp_path / "out" / "loso_seed0.json")["epochs"] == 1


def test_a_promote_says_which_hold_it_follows(
    finished: Path, tmp_path: Path, ensemble: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the very same models; a HOLD of others is none of its business, and goes all the same."""
    out = shutil.copytree(finished / "out", tmp_path / "out")
    promote = value(out / "PROMOTE.json")
    again = ("run", "--corpus", finished / "corpus.jsonl", "--out", out, "--epochs", EPOCHS)
    for identity, said in (("same", True), ("other", False)):
        before = {**promote, "verdict": "HOLD", "generated_at_utc": "2026-01-02T03:04:05Z"}
        if identity == "other":
            before = {**before, "subjects": [{**one, "identity": "0" * 64} for one in promote["subjects"]]}
        (out / "HOLD.json").write_text(json.dumps(before))
        assert ensemble(*again).return_value == 0
        assert ("2026-01-02T03:04:05Z" in value(out / "PROMOTE.json")["recommendation"]) is said
        assert not (out / "HOLD.json").exists()


# -- what is asked for -----------------------------------------------------------------------------------------------


REQUEST = {"repository": "acme/models", "pr": 7, "head_sha": "1" * 40, "comment": 3, "actor": "ana", "run": 9}
Ask = Callable[..., Any]


@pytest.fixture
def ask(finished: Path, tmp_path: Path, ensemble: Invoke) -> Ask:
    def asking(request: Any, *more: object) -> Any:
        path = tmp_path / "request.json"
        path.write_text(request if isinstance(request, str) else json.dumps(request))
        corpus, out = finished / "corpus.jsonl", tmp_path / "out"
        return ensemble("run", "--corpus", corpus, "--out", out, "--dry-run", "--request", path, *more)

    return asking


@pytest.mark.parametrize("ids", [["fr_x_ensemble_v2"], [f"fr_x_ensemble_v2_seed{seed}" for seed in range(5)]])
def test_a_request_names_the_ensemble_and_stands_in_the_evidence(ask: Ask, tmp_path: Path, ids: list[str]) -> None:
    assert ask({**REQUEST, "ids": ids}).return_value == 1
    document = value(tmp_path / "out" / "HOLD.json")
    assert document["request"] == REQUEST
    assert [one["id"] for one in document["subjects"]] == [f"fr_x_ensemble_v2_seed{seed}" for seed in range(5)]


@pytest.mark.parametrize(
    ("request_", "more", "said"),
    [
        ({**REQUEST, "ids": ["a_ensemble_v1", "b_ensemble_v1"]}, (), "one ensemble is trained at a time"),
        ({**REQUEST, "ids": ["a_ensemble_v1_seed0"]}, (), "the request names a_ensemble_v1_seed0"),
        ({**REQUEST, "ids": ["a_ensemble_v1"]}, ("--name", "b_ensemble_v1"), "--name says b_ensemble_v1"),
        ({**REQUEST, "ids": ["mobile_saliency"]}, (), "which judges no ensembles"),
        ({**REQUEST, "ids": ["tiny"]}, (), "no gate of the policy"),
        ({**REQUEST, "ids": ["../x_ensemble_v1"]}, (), "is no id for an ensemble"),
        ({**REQUEST, "ids": "all"}, (), "`ids` is no list"),
        ({**REQUEST, "pr": "seven"}, (), "`pr`"),
        ({"ids": []}, (), "`repository`"),
        ("[]", (), "holds no JSON object"),
        ('{"pr": 1, "pr": 2}', (), "pr"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused_before_any_training(
    ask: Ask, tmp_path: Path, request_: Any, more: tuple[str, ...], said: str
) -> None:
    done = ask(request_, *more)
    assert said in str(done.exception), done.exception
    assert not (tmp_path / "out").exists()


def test_a_corpus_that_changes_under_a_run_is_no_evidence(
    finished: Path, tmp_path: Path, ensemble: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = shutil.copy(finished / "corpus.jsonl", tmp_path / "corpus.jsonl")
    measure = exported.Exported.measure

    def meddle(self: exported.Exported, *given: Any) -> Any:
        written(Path(corpus), corpora.rows(1200, sources=6))
        return measure(self, *given)

    monkeypatch.setattr(exported.Exported, "measure", meddle)
    done = ensemble("run", "--corpus", corpus, "--out", tmp_path / "out", "--dry-run")
    assert "is another corpus now" in str(done.exception)
    assert not list((tmp_path / "out").glob("*HOLD*")) and not list((tmp_path / "out").glob("*PROMOTE*"))


def test_the_lab_sees_the_scaler(finished: Path) -> None:
    from smokegate.judge.ports import Bytes
    from smokegate.registry.graph import Graph, Scaler

    path = finished / "out" / f"{MEMBERS[0]}.onnx"
    content = Bytes(hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size, lambda: path.open("rb"))
    with Lab(Policy().limits) as lab:
        graph = lab.inspect(content)
    assert isinstance(graph, Graph) and graph.scaler is Scaler.BAKED and graph.external == ()
