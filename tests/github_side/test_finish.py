"""What a runner left becomes an answer, and on PROMOTE one pull request that the judge lets pass."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import proofs
from forge import Forge, codes, passes, sha256
from github_side.emulator import BOT
from github_side.hub import Plan
from github_side.memory import InRepository
from github_side.promotions import (
    CORPUS,
    GATE,
    MEMBERS,
    NAME,
    POLICY,
    Town,
    dispatched,
    evidence_for,
    finished,
    founded,
    measured,
    packed,
    proposed,
    with_corpus,
)
from github_side.stub import Dispatch
from github_side.test_laying_out import Fetched
from github_side.test_promotion_faults import Killed, dying
from runners.saliency import contests
from smokegate.errors import SmokegateError
from smokegate.github.flips import signing
from smokegate.github.flips.finish import ARTIFACT
from smokegate.github.schedule.sweep import Sweeper
from smokegate.review.check import Workbench

Files = dict[str, bytes]


@pytest.fixture
def pull(town: Town) -> int:
    return proposed(town)


def left(town: Town, dispatch: Dispatch, files: Files, verdict: str = "PROMOTE", **request: Any) -> None:
    document = json.loads(files[f"{verdict}.json"])
    files = {**files, f"{verdict}.json": json.dumps(evidence_for(dispatch, document, **request)).encode()}
    town.hub.stub.upload(dispatch.run_id, ARTIFACT, packed(files))


def the_flip(town: Town) -> dict[str, Any]:
    (found,) = [one for one in town.hub.pulls.values() if one["head"]["ref"].startswith("smokegate/flip/")]
    return found


def only_pull(town: Town, pull: int) -> None:
    assert list(town.hub.pulls) == [pull]
    assert not [ref for ref in town.hub.git.refs() if ref.startswith("refs/heads/smokegate/")]


def judged(town: Town, branch: str) -> Any:
    town.forge.git("switch", "-q", branch)
    town.forge.registry = town.forge.read_json("registry.json")
    return town.forge.check()


def test_a_promote_is_proposed_on_one_branch_that_passes(town: Town, pull: int, trained: Files) -> None:
    dispatch, main, head = dispatched(town, pull), town.forge.git("rev-parse", "main"), town.head(pull)
    left(town, dispatch, trained)
    done = finished(town, dispatch)
    flip = the_flip(town)
    assert (done.verdict, done.flip, done.failed) == ("promote", flip["html_url"], False)
    assert (flip["head"]["ref"], flip["base"]["ref"], flip["user"]["login"]) == (f"smokegate/flip/{NAME}", "main", BOT)
    assert town.forge.git("rev-parse", f"smokegate/flip/{NAME}^@") == head
    assert town.forge.git("rev-parse", "main") == main
    said = town.answers(pull)[-1]
    assert "**PROMOTE**" in said and flip["html_url"] in said and "xychart-beta" in said
    for told in ("`keeper`", "`writer`", f"#{pull}", "needs-owner"):
        assert told in flip["body"]
    report = judged(town, f"smokegate/flip/{NAME}")
    passes(report)
    assert report.self_attested
    evidence = town.forge.read_json(f"{NAME}_PROMOTE.json")
    assert (evidence["request"]["actor"], evidence["request"]["pr"]) == ("keeper", pull)
    assert town.refs() == [] and town.refs("refs/smokegate/turns/") == []


def test_the_pull_request_itself_waits_for_evidence_before_and_after(town: Town, pull: int, trained: Files) -> None:
    before = judged(town, "topic")
    assert before.verdict.value == "needs-evidence" and set(codes(before)) == {"SG403"}
    dispatch = dispatched(town, pull)
    left(town, dispatch, trained)
    finished(town, dispatch)
    assert judged(town, "topic").verdict.value == "needs-evidence"


def test_where_the_target_went_on_its_tip_is_merged_in(town: Town, pull: int, trained: Files) -> None:
    dispatch, head = dispatched(town, pull), town.head(pull)
    left(town, dispatch, trained)
    town.forge.git("switch", "-q", "main")
    town.forge.registry = town.forge.read_json("registry.json")
    town.forge.add("late_v1")
    tip = town.forge.commit("somebody else's")
    finished(town, dispatch)
    assert town.forge.git("rev-parse", f"smokegate/flip/{NAME}^@").split() == [head, tip]
    town.forge.base = tip
    report = judged(town, f"smokegate/flip/{NAME}")
    passes(report)
    assert "late_v1" not in {change.id for change in report.changes}


def test_workflows_that_the_target_changed_meanwhile_are_not_written_by_the_bot(
    town: Town, pull: int, trained: Files
) -> None:
    """GitHub lets no App without the permission `workflows` name one in a tree."""
    dispatch, head = dispatched(town, pull), town.head(pull)
    left(town, dispatch, trained)
    town.forge.git("switch", "-q", "main")
    town.forge.write("/.github/workflows/other.yml", "jobs: {}\n")
    tip = town.forge.commit("somebody else's workflow", save=False)
    finished(town, dispatch)
    flip = f"smokegate/flip/{NAME}"
    assert town.forge.git("rev-parse", f"{flip}^@").split() == [head, tip]
    assert town.forge.git("show", f"{flip}:.github/workflows/other.yml") == "jobs: {}"


def test_a_hold_is_said_and_opens_nothing(forge: Forge, tmp_path: Path, bench: Workbench, trained: Files) -> None:
    with_corpus(forge)
    gate = {**POLICY["gates"][GATE], "bounds": {"mean_plcc": {"min": 0.999999}}}
    town = founded(forge, tmp_path, bench, gates={GATE: gate})
    pull = proposed(town)
    dispatch = dispatched(town, pull)
    files = {name: data for name, data in trained.items() if name != "PROMOTE.json"}
    held = json.loads(trained["PROMOTE.json"]) | {"verdict": "HOLD"}
    left(town, dispatch, {**files, "HOLD.json": json.dumps(held).encode()}, "HOLD")
    assert finished(town, dispatch).verdict == "hold"
    said = town.answers(pull)[-1]
    assert "**HOLD**" in said and "**missed**" in said and "### What to do next\n\n- Bring `" in said
    only_pull(town, pull)
    assert town.refs() == []


def test_three_deliveries_are_one_answer_and_one_flip(town: Town, pull: int, trained: Files) -> None:
    dispatch = dispatched(town, pull)
    left(town, dispatch, trained)
    for _ in range(3):
        with suppress(SmokegateError):
            finished(town, dispatch)
    assert ["**PROMOTE**" in body for body in town.answers(pull)] == [False, True]
    the_flip(town)


def test_killed_after_any_request_it_is_taken_up_where_it_stopped(town: Town, pull: int, trained: Files) -> None:
    for after in range(1, 200):
        cleared(town, pull)
        dispatch = dispatched(town, pull)
        left(town, dispatch, trained)
        with suppress(Killed):
            finished(town, dispatch, hub=dying(town, after))
            break
        proposed_then = town.hub.git.refs().get(f"refs/heads/smokegate/flip/{NAME}")
        finished(town, dispatch, attempt=2)
        assert town.refs() == [], after
        # A branch that is there is not made anew: whoever approved its head would have to look again.
        assert proposed_then in {None, town.hub.git.refs()[f"refs/heads/smokegate/flip/{NAME}"]}
        town.over(dispatch.run_id)
        town.clock.at += 1_000
        Sweeper(town.office()).sweep()  # of one that was killed with all done but its turn
        assert ["**PROMOTE**" in body for body in town.answers(pull)] == [False, True], after
        the_flip(town)
        assert town.refs("refs/smokegate/") == [], after
    assert 25 < after < 120


def test_with_every_fifth_request_gone_wrong_one_answer_and_one_flip_come_of_it(
    town: Town, pull: int, trained: Files
) -> None:
    faults = 0
    for seed in range(6):
        cleared(town, pull)
        dispatch = dispatched(town, pull)
        left(town, dispatch, trained)
        for attempt in range(1, 20):
            town.hub.plan = plan = Plan(rate=0.2, seed=100 * seed + attempt)
            with suppress(SmokegateError):
                finished(town, dispatch, attempt=attempt)
                break
        faults += len(plan.done)
        town.hub.plan = Plan()
        assert ["**PROMOTE**" in body for body in town.answers(pull)] == [False, True], seed
        the_flip(town)
        town.over(dispatch.run_id)
        town.clock.at += 1_000
        Sweeper(town.office()).sweep()  # a turn that was left
        assert town.refs("refs/smokegate/") == [] and len(town.answers(pull)) == 2, seed
    assert faults > 30


def cleared(town: Town, pull: int) -> None:
    for ref in town.refs("refs/smokegate/") + town.refs("refs/heads/smokegate/"):
        town.hub.git.move(ref, None)
    town.hub.comments.clear()
    for number in [one for one in town.hub.pulls if one != pull]:
        del town.hub.pulls[number]


def test_a_push_after_the_run_voids_it(town: Town, pull: int, trained: Files) -> None:
    dispatch = dispatched(town, pull)
    left(town, dispatch, trained)
    town.forge.commit("one more")
    assert finished(town, dispatch).verdict == "void"
    assert "**Void" in town.answers(pull)[-1] and town.refs() == []
    only_pull(town, pull)


def test_a_push_in_the_middle_of_it_voids_it(town: Town, pull: int, trained: Files) -> None:
    dispatch = dispatched(town, pull)
    left(town, dispatch, trained)
    pushed: list[bool] = []

    def push(asked: Any) -> None:
        if asked.path.endswith("/zip") and not pushed:
            pushed.append(True)
            town.forge.commit("one more")

    town.hub.before = push
    assert finished(town, dispatch).verdict == "void"
    only_pull(town, pull)


def test_retargeted_or_closed_it_is_void(town: Town, pull: int, trained: Files) -> None:
    town.forge.git("branch", "release/1", "main")
    for change, told in (({"state": "closed"}, "is closed"), ({"base": "release/1"}, "wants to go to `release/1`")):
        dispatch = dispatched(town, pull)
        left(town, dispatch, trained)
        before = json.loads(json.dumps(town.hub.pulls[pull]))
        if "base" in change:
            town.hub.pulls[pull]["base"]["ref"] = change["base"]
        else:
            town.hub.pulls[pull] |= change
        assert finished(town, dispatch).verdict == "void"
        assert told in town.answers(pull)[-1]
        town.hub.pulls[pull] = before
    only_pull(town, pull)


def test_a_base_that_lost_its_protection_is_said(town: Town, pull: int, trained: Files) -> None:
    town.forge.git("branch", "release/1", "main")
    town.hub.pulls[pull]["base"]["ref"] = "release/1"
    dispatch = dispatched(town, pull)
    left(town, dispatch, trained)
    unprotected = town.court.settings.model_copy(update={"protected_bases": []})
    town.offices["main"] = replace(town.court, settings=unprotected)
    assert finished(town, dispatch).verdict == "void"
    assert "release/1 is no protected base any more" in town.answers(pull)[-1]
    only_pull(town, pull)


def test_a_verdict_that_was_never_ours_carries_no_flip(town: Town, pull: int, trained: Files) -> None:
    """A lock and a dispatch by hand, of a head that the bot never judged."""
    dispatch = dispatched(town, pull)
    left(town, dispatch, trained)
    for check in town.hub.stub.checks.values():
        check["app"]["slug"] = "somebody-else"
    done = finished(town, dispatch)
    assert done.verdict == "void" and "no verdict of ours" in done.said
    only_pull(town, pull)


def test_stopped_in_the_very_moment_it_says_nothing_more(town: Town, pull: int, trained: Files) -> None:
    dispatch = dispatched(town, pull)
    left(town, dispatch, trained)

    def stop(asked: Any) -> None:
        if asked.verb == "POST" and asked.path.endswith("/git/refs") and "turns/promotion" in asked.data["ref"]:
            town.hub.before = lambda _: None
            town.ask(pull, "/hold")

    town.hub.before = stop
    done = finished(town, dispatch)
    assert (done.verdict, done.said, done.note) == ("", "", "answered already")
    assert len(town.answers(pull)) == 2
    only_pull(town, pull)


def test_stopped_meanwhile_it_says_nothing_more(town: Town, pull: int, trained: Files) -> None:
    dispatch = dispatched(town, pull)
    left(town, dispatch, trained)
    town.ask(pull, "/hold")
    done = finished(town, dispatch)
    assert (done.verdict, done.said) == ("", "") and "not locked for this promotion any more" in str(done.note)
    assert len(town.answers(pull)) == 2
    only_pull(town, pull)


# -- claims ------------------------------------------------------------------------------------------------------------


def altered(change: dict[str, Any]) -> Any:
    def alter(files: Files) -> Files:
        return {**files, "PROMOTE.json": json.dumps(json.loads(files["PROMOTE.json"]) | change).encode()}

    return alter


def without(name: str) -> Any:
    return lambda files: {one: data for one, data in files.items() if one != name}


def other(name: str, data: bytes) -> Any:
    return lambda files: {**files, name: data}


def called_otherwise(files: Files) -> Files:
    document = json.loads(files["PROMOTE.json"])
    document["subjects"][0]["onnx"] = "registry.onnx"
    return {**files, "registry.onnx": files[f"{MEMBERS[0]}.onnx"], "PROMOTE.json": json.dumps(document).encode()}


FORGED: list[tuple[str, Any, dict[str, Any], str]] = [
    ("another run", lambda files: files, {"run": 1}, "its evidence is about the run 1"),
    ("another head", lambda files: files, {"head_sha": "d" * 40}, "about the head"),
    ("another repository", lambda files: files, {"repository": "mallory/models"}, "about the repository"),
    ("another pull request", lambda files: files, {"pr": 1}, "about the pr 1"),
    ("another who asked", lambda files: files, {"actor": "boss"}, "about the actor"),
    ("another comment", lambda files: files, {"comment": 5}, "about the comment 5"),
    ("no number", altered({"wall_time_s": float("nan")}), {}, "NaN is not JSON"),
    ("other entries", altered({"subjects": []}), {}, "what was asked for is another thing"),
    ("its verdict turned", altered({"verdict": "HOLD"}), {}, "says HOLD"),
    ("both verdicts", other("HOLD.json", b"{}"), {}, "it has 2 verdicts"),
    ("a model put in", other(f"{MEMBERS[0]}.onnx", b"\x08\x07"), {}, "and its evidence is about"),
    ("a model left out", without(f"{MEMBERS[0]}.onnx"), {}, "it has no"),
    ("a model under another name", called_otherwise, {}, "is called 'registry.onnx'"),
    ("no manifest", without(f"{NAME}.json"), {}, "it has 0 ensemble manifests"),
    ("no sidecar", other(f"{MEMBERS[0]}.json", b"[]"), {}, "is no sidecar"),
]


@pytest.mark.parametrize("forged", FORGED, ids=[row[0] for row in FORGED])
def test_what_is_forged_is_refused_and_said(
    town: Town, pull: int, trained: Files, forged: tuple[str, Any, dict[str, Any], str]
) -> None:
    _, alter, said, told = forged
    dispatch = dispatched(town, pull)
    left(town, dispatch, alter(trained), **said)
    done = finished(town, dispatch)
    assert done.failed and done.verdict == "void" and told in done.said, done.said
    assert "**Refused" in town.answers(pull)[-1] and town.refs() == []
    only_pull(town, pull)


@pytest.mark.parametrize("in_lfs", [False, True])
def test_numbers_that_were_made_up_are_measured_again(
    forge: Forge, tmp_path: Path, bench: Workbench, trained: Files, in_lfs: bool
) -> None:
    """Where the corpus lies in the tree: the judge gets other numbers, so nothing is opened."""
    with_corpus(forge)
    rows = forge.path(f"/{CORPUS}").read_bytes()
    if in_lfs:
        forge.to_lfs(f"/{CORPUS}", at_hand=False)
    town = founded(forge, tmp_path, bench)
    has_in_lfs(town, rows)
    pull = proposed(town)
    dispatch = dispatched(town, pull)
    document = json.loads(trained["PROMOTE.json"])
    for subject in document["subjects"]:
        subject["measured"]["fp32"]["plcc"] = 0.9999
    for metric in document["gate"]["metrics"]:
        if metric["name"] == "exported_plcc":
            metric |= {"value": 0.9999, "margin": 0.9999 - metric["min"]}
    left(town, dispatch, {**trained, "PROMOTE.json": json.dumps(document).encode()})
    assert finished(town, dispatch).verdict == "hold"
    assert "SG510" in town.answers(pull)[-1] and "cannot carry them to production" in town.answers(pull)[-1]
    only_pull(town, pull)


def has_in_lfs(town: Town, *objects: bytes) -> None:
    """The LFS server, of which a job that starts anew has nothing yet."""
    fetched = Fetched(town.court.store.folder, {sha256(one): one for one in objects})
    town.offices["main"] = replace(town.court, lfs=fetched)  # type: ignore[arg-type]


@pytest.mark.parametrize("in_lfs", [False, True])
def test_a_candidate_that_beats_the_incumbent_goes_up_in_its_place(
    forge: Forge, tmp_path: Path, bench: Workbench, monkeypatch: pytest.MonkeyPatch, in_lfs: bool
) -> None:
    items = contests.scenes(tmp_path / "data" / "scenes")
    contests.entry(forge, "saliency_v1", 120, smoke=False)
    github = {"corpora": {"saliency-iou": "scenes"}}
    gates = {"saliency-iou": {"match": ["saliency_*"], "shape": "comparison"}}
    town = founded(forge, tmp_path, bench, gates=gates, github=github, corpora={"digests": [contests.digest(items)]})
    town.branch()
    contests.entry(forge, "saliency_v2", 90)
    model = forge.path("saliency_v2.onnx").read_bytes()
    if in_lfs:
        forge.to_lfs("saliency_v2.onnx")
    has_in_lfs(town, model)
    pull = town.pull()
    town.clock.at += 5
    town.verdict(pull)
    town.ask(pull, "/promote saliency_v2")
    (dispatch,) = town.hub.stub.dispatches
    monkeypatch.setenv("SMOKEGATE_DATA", str(tmp_path / "data"))
    files = {one.name: one.read_bytes() for one in measured(town, dispatch, tmp_path / "out").evidence.parent.iterdir()}
    town.hub.stub.upload(dispatch.run_id, ARTIFACT, packed(files))
    shutil.rmtree(town.court.store.folder / "lfs", ignore_errors=True)  # another machine goes on
    done = finished(town, dispatch)
    assert done.verdict == "promote", done.said
    assert "`saliency_v1`" in done.said
    body = the_flip(town)["body"]
    assert "Compared with `saliency_v1`" in body and "| `difference_low` | all | " in body and " | > 0 | " in body
    passes(judged(town, "smokegate/flip/saliency_v2"))
    assert town.forge.entry("saliency_v2")["supersedes"] == "saliency_v1"


def test_a_zip_that_is_none_or_not_the_one_that_was_uploaded(town: Town, pull: int, trained: Files) -> None:
    for change, told in (({"digest": "sha256:" + "0" * 64}, "not those of the digest"), ({}, "no whole zip")):
        dispatch = dispatched(town, pull)
        number = town.hub.stub.upload(dispatch.run_id, ARTIFACT, packed(trained) if change else b"no zip")
        town.hub.stub.artifacts[number] |= change
        done = finished(town, dispatch)
        assert done.failed and told in done.said
    only_pull(town, pull)


def test_one_that_says_it_is_huge_is_not_even_fetched(town: Town, pull: int, trained: Files) -> None:
    dispatch = dispatched(town, pull)
    number = town.hub.stub.upload(dispatch.run_id, ARTIFACT, packed(trained))
    town.hub.stub.artifacts[number] |= {"size_in_bytes": 10**12}
    with town.watched() as asked:
        assert "and a harness leaves at most" in finished(town, dispatch).said
    assert not [one for one in asked if one.endswith("/zip")]


def test_a_request_that_nobody_made_gets_no_comment(town: Town, pull: int, trained: Files) -> None:
    dispatch = dispatched(town, pull)
    left(town, dispatch, trained)
    before = len(town.answers(pull))
    with town.watched() as asked:
        for forged in ({"comment": 5}, {"repository": "mallory/models"}, {"pr": 4321}):
            with pytest.raises(SmokegateError):
                finished(town, dispatch, **forged)
    assert not [one for one in asked if not one.startswith("GET ")]
    assert len(town.answers(pull)) == before and len(town.refs()) == len(MEMBERS)
    only_pull(town, pull)


@pytest.mark.parametrize(
    ("conclusion", "told"),
    [
        ("success", "is not there"),
        ("failure", "failed"),
        ("cancelled", "was cancelled"),
        ("timed_out", "ran out of time"),
    ],
)
def test_a_run_that_left_nothing_is_told_why(town: Town, pull: int, conclusion: str, told: str) -> None:
    dispatch = dispatched(town, pull)
    town.hub.stub.finish(dispatch.run_id, conclusion)
    assert finished(town, dispatch).failed
    assert told in town.answers(pull)[-1] and town.refs() == []


def test_of_two_attempts_the_last_counts(town: Town, pull: int, trained: Files) -> None:
    for damaged_first in (True, False):
        dispatch = dispatched(town, pull)
        if damaged_first:
            town.hub.stub.upload(dispatch.run_id, ARTIFACT, b"half a z")
            left(town, dispatch, trained)
        else:
            left(town, dispatch, trained)
            town.hub.stub.upload(dispatch.run_id, ARTIFACT, b"half a z")
        assert (finished(town, dispatch).verdict == "promote") is damaged_first


def test_a_gate_that_was_made_stricter_meanwhile_blames_nobody(town: Town, pull: int, trained: Files) -> None:
    dispatch = dispatched(town, pull)
    left(town, dispatch, trained)
    gate = {**POLICY["gates"][GATE], "bounds": {"mean_plcc": {"min": 0.999999}}}
    town.forge.git("switch", "-q", "main")
    town.forge.write_json("/.smokegate.yml", {**POLICY, "gates": {**POLICY["gates"], GATE: gate}})
    town.forge.commit("stricter", save=False)
    done = finished(town, dispatch)
    assert done.verdict == "void" and not done.failed
    assert "the policy on main is another one than it was measured by" in done.said and "Refused" not in done.said
    only_pull(town, pull)


def test_what_another_run_left_is_not_this_ones(town: Town, pull: int, trained: Files) -> None:
    dispatch = dispatched(town, pull)
    left(town, replace(dispatch, run_id=town.run()), trained)
    assert "is not there" in finished(town, dispatch).said
    only_pull(town, pull)


def test_a_verdict_has_to_be_in_it_and_its_own_request_is_not_asked(town: Town, pull: int, trained: Files) -> None:
    dispatch = dispatched(town, pull)
    town.hub.stub.upload(dispatch.run_id, ARTIFACT, packed({"request.json": b"{}"}))
    assert "it has 0 verdicts" in finished(town, dispatch).said
    dispatch = dispatched(town, pull)
    left(town, dispatch, {**trained, "request.json": b'{"pr": 1, "ids": ["sharp_v1"]}'})
    assert finished(town, dispatch).verdict == "promote"


def test_an_artifact_that_expired(town: Town, pull: int, trained: Files) -> None:
    dispatch = dispatched(town, pull)
    town.hub.stub.upload(dispatch.run_id, ARTIFACT, packed(trained), expired=True)
    assert "kept too short a time" in finished(town, dispatch).said


# -- signing -----------------------------------------------------------------------------------------------------------


def pen() -> signing.Pen:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = proofs.KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    environ = {signing.KEY: pem.replace("\n", "\\n"), signing.PASSPHRASE: "", "PATH": "x"}
    found = signing.taken(environ)
    assert found is not None and environ == {"PATH": "x"} and "PRIVATE" not in repr(found)
    return found


@pytest.mark.parametrize("signed", [True, False])
def test_where_the_policy_asks_for_a_signature_there_is_one(
    forge: Forge, tmp_path: Path, bench: Workbench, trained: Files, signed: bool
) -> None:
    with_corpus(forge)
    town = founded(forge, tmp_path, bench, unattested="deny", signatures={"keys": [proofs.TRUSTED]})
    pull = proposed(town)
    dispatch = dispatched(town, pull)
    left(town, dispatch, trained)
    done = finished(town, dispatch, pen() if signed else None)
    if not signed:
        assert done.verdict == "hold" and "SG508" in done.said
        only_pull(town, pull)
        return
    assert done.verdict == "promote" and "signed here" in done.said
    report = judged(town, f"smokegate/flip/{NAME}")
    passes(report)
    assert not report.self_attested
    envelope = town.forge.read_json(f"{NAME}_PROMOTE.json.dsse.json")
    assert envelope["signatures"][0]["keyid"] == proofs.TRUSTED["id"]


@pytest.mark.parametrize(
    "pem", ["-----BEGIN PRIVATE KEY-----\nMIIEvQIBADAN\n-----END PRIVATE KEY-----", "hunter2hunter2"]
)
def test_a_key_that_cannot_be_used_is_not_shown(pem: str) -> None:
    with pytest.raises(SmokegateError) as caught:
        signing.taken({signing.KEY: pem, signing.PASSPHRASE: "swordfish"})
    assert not any(word in str(caught.value) for word in ("MIIEvQ", "hunter2", "swordfish"))


# -- the flip's branch -------------------------------------------------------------------------------------------------


def test_a_second_promotion_brings_the_same_pull_request_up_to_date(town: Town, pull: int, trained: Files) -> None:
    for _ in range(2):
        dispatch = dispatched(town, pull)
        left(town, dispatch, trained)
        assert finished(town, dispatch).verdict == "promote"
    flip = the_flip(town)
    assert str(dispatch.run_id) in flip["body"]
    passes(judged(town, f"smokegate/flip/{NAME}"))


def test_commits_of_others_on_that_branch_are_not_written_over(town: Town, pull: int, trained: Files) -> None:
    town.forge.git("branch", f"smokegate/flip/{NAME}", "main")
    dispatch = dispatched(town, pull)
    left(town, dispatch, trained)
    done = finished(town, dispatch)
    assert done.failed and "are not written over" in done.said and town.refs() == []
    assert town.forge.git("rev-parse", f"smokegate/flip/{NAME}") == town.forge.git("rev-parse", "main")


def test_a_tree_that_is_not_what_was_judged_is_not_proposed(
    town: Town, pull: int, trained: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatch = dispatched(town, pull)
    left(town, dispatch, trained)
    other = town.forge.git("rev-parse", "main^{tree}")
    monkeypatch.setattr(InRepository, "tree", lambda *_: other)
    with pytest.raises(SmokegateError, match="GitHub made the tree"):
        finished(town, dispatch)
    only_pull(town, pull)


def test_exports_do_not_take_the_place_of_somebody_elses_files(town: Town, trained: Files) -> None:
    town.branch()
    for member in MEMBERS:
        town.forge.entry(member)["smoke"] = False
    town.forge.entry(MEMBERS[0])["onnx"] = "elsewhere.onnx"
    town.forge.path(f"{MEMBERS[0]}.onnx").rename(town.forge.path("elsewhere.onnx"))
    town.forge.path(f"{MEMBERS[0]}.json").rename(town.forge.path("elsewhere.json"))
    town.forge.add("thief_v1", onnx=f"{MEMBERS[0]}.onnx")
    pull = town.pull()
    town.clock.at += 5
    town.verdict(pull)
    assert "Started" in town.ask(pull, f"/promote {NAME}")
    dispatch = town.hub.stub.dispatches[0]
    left(town, dispatch, trained)
    done = finished(town, dispatch)
    assert done.verdict == "hold" and "is in the way of what was trained" in done.said
    only_pull(town, pull)


def test_a_sweep_after_it_finds_nothing(town: Town, pull: int, trained: Files) -> None:
    dispatch = dispatched(town, pull)
    left(town, dispatch, trained)
    finished(town, dispatch)
    town.clock.at += 100_000
    assert Sweeper(town.office()).sweep() == []
    assert len(town.answers(pull)) == 2


def test_what_the_verdict_of_a_flip_belongs_to_names_who_asked(town: Town, pull: int, trained: Files) -> None:
    """`publish` holds a flip of the bot's until somebody else than these approves: it reads them off the evidence."""
    dispatch = dispatched(town, pull)
    left(town, dispatch, trained)
    finished(town, dispatch)
    from smokegate.github.verdicts.verdict import Asked

    flip = the_flip(town)
    head = town.forge.git("rev-parse", f"smokegate/flip/{NAME}")
    found = town.court.judge(Asked(head, "main", flip["number"]))
    assert found.cannot is None and [part.asked_by for part in found.parts] == [("keeper",)]
    assert found.reports[0].verdict.value == "pass"
