"""The flip's own verdict: it wants eyes that had no hand in it, and the head that was asked for."""

from __future__ import annotations

import pytest

from github_side.emulator import BOT, REPOSITORY
from github_side.memory import client
from github_side.openapi import description
from github_side.promotions import (
    MEMBERS,
    NAME,
    Town,
    dispatched,
    evidence_for,
    finished,
    proposed,
)
from github_side.test_finish import Files, left, the_flip
from render.specimens import report
from smokegate.github.verdicts import verdict_document
from smokegate.github.verdicts.publish import Published, Publisher
from smokegate.github.verdicts.ruling import flips, rule
from smokegate.github.verdicts.verdict import Asked, Judged, Part
from smokegate.github.verdicts.verdict_document import Docket
from smokegate.judge.report import Change, Verdict, What

BRANCH = f"smokegate/flip/{NAME}"


@pytest.fixture
def pull(town: Town, trained: Files) -> int:
    """A pull request whose promotion came to a flip."""
    number = proposed(town)
    dispatch = dispatched(town, number)
    left(town, dispatch, trained)
    assert finished(town, dispatch).verdict == "promote"
    return number


@pytest.fixture
def flip(town: Town, pull: int) -> int:
    return int(the_flip(town)["number"])


def published(town: Town, number: int) -> Published:
    """Judged by one job, and published by another, with a document in between."""
    asked = town.hub.pulls[number]
    judged = town.court.judge(Asked(town.head(number), asked["base"]["ref"], number))
    assert judged.cannot is None
    docket = Docket(REPOSITORY, judged.asked.head, town.court.settings, (judged,))
    read = verdict_document.read(verdict_document.render(docket).encode(), "verdict.json")
    return Publisher(
        client(town.hub), town.clock, "https://github.com/acme/models/actions/runs/7", lambda _: ()
    ).publish(read)


def approve(town: Town, number: int, login: str, state: str = "APPROVED") -> None:
    there = town.hub.pulls[number].setdefault("reviews", [])
    example = description().example("pull-request-review-items")[0]
    one = {**example, "id": len(there) + 1, "user": town.hub.user(login), "state": state, "body": "so be it"}
    there.append({**one, "commit_id": town.head(number)})


def said(town: Town, number: int) -> str:
    return next(body for login, body in town.hub.said(number) if login == BOT and "smokegate:verdict" in body)


def test_nobody_who_had_a_hand_in_it_is_its_only_approver(town: Town, flip: int) -> None:
    assert published(town, flip).verdict == "needs-owner"
    for login in ("keeper", "writer", "reader"):  # asked for it, wrote it, may not write
        approve(town, flip, login)
        assert published(town, flip).verdict == "needs-owner", login
    assert r"nor asked for it \(`keeper`, `writer` did" in said(town, flip)
    approve(town, flip, "boss")
    assert published(town, flip).verdict == "pass"
    approve(town, flip, "boss", "CHANGES_REQUESTED")
    assert published(town, flip).verdict == "needs-owner"


def test_who_opened_the_pull_request_wrote_the_flip_too(town: Town, pull: int, flip: int) -> None:
    """A bot's commits, say, in a pull request that boss opened."""
    town.hub.pulls[pull]["user"] = town.hub.user("boss")
    approve(town, flip, "boss")
    assert published(town, flip).verdict == "needs-owner"


def test_whoever_pushes_to_the_flips_branch_wrote_it_too(town: Town, flip: int) -> None:
    town.hub.people["Boss"] = "boss"
    town.forge.git("switch", "-q", BRANCH)
    town.forge.write("card.md", "a better card\n")
    town.forge.git("add", "-A")
    town.forge.git("commit", "-q", "-m", "a better card", "--author", "Boss <boss@acme.example>")
    approve(town, flip, "boss")
    assert published(town, flip).verdict == "needs-owner"
    town.hub.roles["second"] = "write"
    approve(town, flip, "second")
    assert published(town, flip).verdict == "pass"


def test_what_the_first_pull_request_gets_later_makes_it_stale(town: Town, pull: int, flip: int) -> None:
    approve(town, flip, "boss")
    assert published(town, flip).verdict == "pass"
    town.forge.git("switch", "-q", "topic")
    before = town.head(pull)
    moved = town.forge.commit("the weights were trained on the test set")
    assert published(town, flip).verdict == "needs-evidence"
    assert "**Out of date**" in said(town, flip) and moved[:12] in said(town, flip)
    town.forge.git("reset", "-q", "--hard", before)
    assert published(town, flip).verdict == "pass"


@pytest.mark.parametrize("with_models", [False, True])
def test_evidence_that_came_earlier_says_who_asked_all_the_same(
    town: Town, pull: int, flip: int, with_models: bool
) -> None:
    """It changes nothing in production, so it is merged; the stage follows in a pull request of its own."""
    git = town.forge.git
    brought = git("diff", "--name-only", f"main...{BRANCH}").split()
    town.branch("first")
    git("checkout", "-q", BRANCH, "--", *("." if with_models else one for one in brought if "PROMOTE" in one))
    if with_models:
        registry = town.forge.read_json("registry.json")
        for row in registry["models"]:
            row["smoke"] = row["id"] in MEMBERS or row["smoke"]
        town.forge.write_json("registry.json", registry)
        for name in (NAME, *MEMBERS):
            town.forge.write_json(f"{name}.json", {**town.forge.read_json(f"{name}.json"), "smoke": True})
    town.forge.registry = town.forge.read_json("registry.json")
    first = town.pull("first", login="keeper")
    assert published(town, first).verdict == "pass"
    git("switch", "-q", "main")
    git("merge", "-q", "--no-ff", "--no-edit", "first")
    git("switch", "-q", "-c", "second")
    git("checkout", "-q", BRANCH, "--", ".")
    town.forge.registry = town.forge.read_json("registry.json")
    second = town.pull("second", login="keeper")
    assert published(town, second).verdict == "needs-evidence", "the head that was promoted is not in it"
    git("merge", "-q", "--no-edit", "-s", "ours", town.head(pull))
    assert published(town, second).verdict == "needs-owner"
    approve(town, second, "boss")
    assert published(town, second).verdict == "pass"


def test_being_stale_does_not_make_a_block_any_milder(town: Town, flip: int) -> None:
    town.forge.git("switch", "-q", BRANCH)
    town.forge.write("sharp_v1.onnx", "no model")
    town.forge.commit("other bytes")
    judged = town.court.judge(Asked(town.head(flip), "main", flip))
    assert rule(judged).verdict is rule(judged, stale=["it moved on"]).verdict is Verdict.BLOCK


def closed(town: Town, pull: int, **change: object) -> None:
    town.hub.pulls[pull] |= {"head": {**town.hub.pulls[pull]["head"], "sha": town.head(pull)}, "state": "closed"}
    town.hub.pulls[pull] |= change


def test_once_that_one_is_closed_it_moves_no_more(town: Town, pull: int, flip: int) -> None:
    """In favour of the flip, as people do."""
    closed(town, pull)
    town.forge.git("switch", "-q", "topic")
    town.forge.commit("after it was closed")
    approve(town, flip, "boss")
    assert published(town, flip).verdict == "pass"


def test_once_that_one_is_merged_it_is_judged_with_the_target(town: Town, pull: int, flip: int) -> None:
    """Squashed, so that no commit of it is anywhere else."""
    town.forge.git("switch", "-q", "topic")
    town.forge.commit("one more")
    closed(town, pull, merged=True)
    approve(town, flip, "boss")
    assert published(town, flip).verdict == "pass"


def test_in_another_pull_request_the_same_holds(town: Town, pull: int, flip: int) -> None:
    """Whoever asked gets somebody to open the flip anew under a name of their own."""
    town.forge.git("branch", "mine", BRANCH)
    number = town.hub.open_pull("mine", login="triager")
    approve(town, number, "keeper")
    assert published(town, number).verdict == "needs-owner"
    approve(town, number, "boss")
    assert published(town, number).verdict == "pass"
    town.forge.git("switch", "-q", "topic")
    town.forge.commit("one more")
    assert published(town, number).verdict == "needs-evidence"


def test_evidence_alone_does_not_carry_what_was_left_behind(town: Town, pull: int, flip: int) -> None:
    """Its files on top of the target branch, without the history that was promoted."""
    town.branch("squashed")
    town.forge.git("checkout", "-q", BRANCH, "--", ".")
    town.forge.registry = town.forge.read_json("registry.json")
    number = town.pull("squashed", login="triager")
    approve(town, number, "boss")
    assert published(town, number).verdict == "needs-evidence"
    town.forge.git("merge", "-q", "--no-edit", "-s", "ours", town.head(pull))
    approve(town, number, "boss")
    assert published(town, number).verdict == "pass"


def test_the_first_pull_request_may_take_the_flip_in(town: Town, pull: int, flip: int) -> None:
    town.forge.git("switch", "-q", "topic")
    town.forge.git("merge", "-q", "--ff-only", BRANCH)
    assert published(town, pull).verdict == "needs-owner"
    approve(town, pull, "boss")
    assert published(town, pull).verdict == "pass"


def test_evidence_of_one_that_never_was_carries_nothing(town: Town, pull: int, flip: int) -> None:
    number = the_flip(town)["number"]
    del town.hub.pulls[pull]
    approve(town, number, "boss")
    assert published(town, number).verdict == "needs-evidence"
    assert f"#{pull}, which is no pull request here" in said(town, number).replace("`", "")


def test_a_hold_beside_the_registry_asks_for_no_other_eyes(town: Town, trained: Files) -> None:
    """It takes nothing to production, whoever asked."""
    import json

    number = proposed(town)
    dispatch = dispatched(town, number)
    document = evidence_for(dispatch, json.loads(trained["PROMOTE.json"]) | {"verdict": "HOLD"})
    town.branch("held")
    town.forge.write_json("HOLD.json", document)
    town.forge.add("dull_v1")
    held = town.pull("held")
    found = town.court.judge(Asked(town.head(held), "main", held))
    assert [part.asked_by for part in found.parts] == [()]


@pytest.mark.parametrize(
    ("change", "rises"),
    [
        (Change("a", What.FLIPPED, (), None, "smoke", "production"), True),
        (Change("a", What.ADDED, (), None, None, "production"), True),
        (Change("a", What.CHANGED, ("bytes",), None, "production", "production", identity_changed=True), True),
        (Change("a", What.CHANGED, ("notes",), None, "production", "production"), False),
        (Change("a", What.DEMOTED, (), None, "production", "smoke"), False),
        (Change("a", What.REMOVED, (), None, "production", None), False),
        (Change("a", What.CHANGED, ("bytes",), None, "smoke", "smoke", identity_changed=True), False),
    ],
)
def test_other_bytes_in_production_rise_as_well(change: Change, rises: bool) -> None:
    one = Judged(Asked("a" * 40, "main", 1), "b" * 40, True, (Part(report(changes=(change,))),))
    assert flips(one) is rises
