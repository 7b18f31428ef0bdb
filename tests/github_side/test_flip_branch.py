"""The flip's branch and its pull request: the bot's own, one of each, and nobody's work is lost on them."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from forge import Forge, passes, sha256
from github_side.emulator import BOT
from github_side.hub import Fault, Plan
from github_side.promotions import (
    GATE,
    MEMBERS,
    NAME,
    POLICY,
    Town,
    dispatched,
    finished,
    founded,
    proposed,
    with_corpus,
)
from github_side.test_finish import Files, judged, left, only_pull, the_flip
from github_side.world import REPO
from smokegate.errors import SmokegateError
from smokegate.github.flips.finish import Finished
from smokegate.github.promotions.promotion import from_inputs
from smokegate.review.check import Workbench

BRANCH = f"smokegate/flip/{NAME}"
SECOND = ("fr_second_ensemble_v1_seed0", "fr_second_ensemble_v1_seed1")


@pytest.fixture
def pull(town: Town) -> int:
    return proposed(town)


def promote(town: Town, pull: int, trained: Files) -> Finished:
    dispatch = dispatched(town, pull)
    left(town, dispatch, trained)
    return finished(town, dispatch)


def tip(town: Town) -> str:
    return town.forge.git("rev-parse", BRANCH)


def on_the_branch(town: Town) -> None:
    town.forge.git("switch", "-q", BRANCH)


def refused(done: Finished) -> None:
    assert done.failed and done.flip is None and "are not written over" in done.said, done.said


# -- commits of others -------------------------------------------------------------------------------------------------


def test_a_commit_that_only_looks_like_ours_is_not_what_is_proposed(town: Town, pull: int, trained: Files) -> None:
    """The nonce follows from the comment, so whoever reads that may write the commit before the bot does."""
    dispatch = dispatched(town, pull)
    left(town, dispatch, trained)
    town.branch("topic2", base="topic")
    town.forge.write("notes.txt", "theirs\n")
    town.forge.commit("x")
    tree, nonce = town.forge.git("rev-parse", "HEAD^{tree}"), dispatch.inputs["nonce"]
    town.forge.git("commit", "-q", "--amend", "-m", f"Registry: flip\n\nSmokegate-Request: {nonce} {tree}")
    town.forge.git("branch", BRANCH)
    assert finished(town, dispatch).verdict == "promote"
    assert town.forge.git("rev-parse", f"{BRANCH}^@") == town.head(pull)
    assert "notes.txt" not in town.forge.git("ls-tree", "-r", "--name-only", BRANCH)
    passes(judged(town, BRANCH))


def test_a_commit_on_top_is_kept(town: Town, pull: int, trained: Files) -> None:
    promote(town, pull, trained)
    on_the_branch(town)
    town.forge.write("card.md", "a better card\n")
    theirs = town.forge.commit("a better card", save=False)
    refused(promote(town, pull, trained))
    assert tip(town) == theirs


def test_a_commit_of_ours_that_was_amended_is_kept(town: Town, pull: int, trained: Files) -> None:
    """Its message is still ours."""
    promote(town, pull, trained)
    on_the_branch(town)
    town.forge.write("card.md", "a better card\n")
    town.forge.git("add", "-A")
    town.forge.git("commit", "-q", "--amend", "--no-edit")
    theirs = tip(town)
    refused(promote(town, pull, trained))
    assert tip(town) == theirs


def moved_on(town: Town) -> None:
    town.forge.git("switch", "-q", "main")
    town.forge.registry = town.forge.read_json("registry.json")
    town.forge.add("late_v1")
    town.forge.commit("somebody else's")


def test_the_target_merged_in_by_the_sites_button_is_nobodys_work(town: Town, pull: int, trained: Files) -> None:
    """The ruleset asks for it whenever the target goes on."""
    promote(town, pull, trained)
    for name in ("late_v1", "later_v1"):
        town.forge.git("switch", "-q", "main")
        town.forge.registry = town.forge.read_json("registry.json")
        town.forge.add(name)
        town.forge.commit("somebody else's")
        on_the_branch(town)
        town.forge.git("merge", "-q", "--no-ff", "-m", f"Merge branch 'main' into {BRANCH}", "main")
    assert promote(town, pull, trained).verdict == "promote"
    assert town.forge.git("rev-parse", f"{BRANCH}^@").split() == [town.head(pull), town.forge.git("rev-parse", "main")]
    passes(judged(town, BRANCH))


def test_a_merge_with_something_more_in_it_is_kept(town: Town, pull: int, trained: Files) -> None:
    promote(town, pull, trained)
    moved_on(town)
    on_the_branch(town)
    town.forge.git("merge", "-q", "--no-commit", "--no-ff", "main")
    town.forge.write("card.md", "a better card\n")
    town.forge.git("add", "-A")
    town.forge.git("commit", "-q", "-m", f"Merge branch 'main' into {BRANCH}")
    theirs = tip(town)
    refused(promote(town, pull, trained))
    assert tip(town) == theirs


def test_a_merge_of_something_else_is_kept(town: Town, pull: int, trained: Files) -> None:
    promote(town, pull, trained)
    town.forge.git("switch", "-q", "-C", "side", "main")
    town.forge.write("card.md", "a better card\n")
    town.forge.commit("a better card", save=False)
    on_the_branch(town)
    town.forge.git("merge", "-q", "--no-ff", "-m", "Merge", "side")
    theirs = tip(town)
    refused(promote(town, pull, trained))
    assert tip(town) == theirs


def test_a_branch_made_in_the_very_moment_is_not_moved(town: Town, pull: int, trained: Files) -> None:
    dispatch = dispatched(town, pull)
    left(town, dispatch, trained)

    def overtake(asked: Any) -> None:
        if asked.verb == "POST" and asked.path.endswith("/git/refs") and "heads" in asked.data["ref"]:
            town.forge.git("branch", "-f", BRANCH, "main")

    town.hub.before = overtake
    with pytest.raises(SmokegateError, match="in this very moment"):
        finished(town, dispatch)
    town.hub.before = lambda _: None
    refused(finished(town, dispatch, attempt=2))
    assert tip(town) == town.forge.git("rev-parse", "main")


# -- pull requests of others -------------------------------------------------------------------------------------------


def test_somebody_elses_pull_request_from_that_branch_is_not_rewritten(town: Town, pull: int, trained: Files) -> None:
    promote(town, pull, trained)
    the_flip(town)["state"] = "closed"
    before = tip(town)
    number = town.hub.open_pull(BRANCH, login="triager")
    done = promote(town, pull, trained)
    assert done.failed and f"#{number} proposes the branch" in done.said.replace("`", "")
    assert tip(town) == before
    assert town.hub.pulls[number]["title"] == "It is time"


@pytest.mark.parametrize("change", [{"state": "closed"}, {"state": "closed", "merged": True}])
def test_after_one_that_was_closed_there_is_a_new_one(
    town: Town, pull: int, trained: Files, change: dict[str, object]
) -> None:
    promote(town, pull, trained)
    old = the_flip(town)
    old |= change
    done = promote(town, pull, trained)
    (new,) = [one for one in town.hub.pulls.values() if one["head"]["ref"] == BRANCH and one["state"] == "open"]
    assert done.flip == new["html_url"] != old["html_url"] and new["user"]["login"] == BOT


def test_a_pull_request_of_that_branch_elsewhere_is_left_alone(town: Town, pull: int, trained: Files) -> None:
    town.forge.git("branch", "release/1", "main")
    promote(town, pull, trained)
    old = the_flip(town)
    old["base"] = {**old["base"], "ref": "release/1"}
    body = old["body"]
    promote(town, pull, trained)
    assert old["body"] == body
    assert len([one for one in town.hub.pulls.values() if one["head"]["ref"] == BRANCH]) == 2


@dataclass
class Lost(Plan):
    """The answer to each kind of write that a proposal takes is lost, once, after it was done."""

    hub: Any = None
    kinds_lost: set[str] = field(default_factory=set)

    def next(self) -> Fault | None:
        asked = self.hub.asked[-1]
        kind = f"{asked.verb} {re.sub('(?<=/)[0-9]+$', '', asked.path.removeprefix(REPO))}"
        wanted = kind.startswith(("POST /git/", "POST /pulls", "PATCH /git/", "PATCH /pulls"))
        if not wanted or "turns" in str(asked.data) or kind in self.kinds_lost:
            return None
        self.kinds_lost.add(kind)
        return Fault.BAD_GATEWAY_AFTER


def test_answers_that_are_lost_double_nothing(town: Town, pull: int, trained: Files) -> None:
    lost: set[str] = set()
    for _ in range(2):
        dispatch = dispatched(town, pull)
        left(town, dispatch, trained)
        town.hub.plan = plan = Lost(hub=town.hub)
        assert finished(town, dispatch).verdict == "promote"
        town.hub.plan = Plan()
        lost |= plan.kinds_lost
        assert town.forge.git("rev-parse", f"{BRANCH}^@") == town.head(pull)
        assert str(dispatch.run_id) in the_flip(town)["body"]
    branch = f"PATCH /git/refs/heads/{BRANCH}"
    assert {"POST /git/blobs", "POST /git/trees", "POST /git/refs", "POST /pulls", "PATCH /pulls/", branch} <= lost
    passes(judged(town, BRANCH))


# -- what else is in it ------------------------------------------------------------------------------------------------


def test_what_changed_on_both_sides_is_said(town: Town, pull: int, trained: Files) -> None:
    dispatch = dispatched(town, pull)
    left(town, dispatch, trained)
    town.forge.git("switch", "-q", "main")
    town.forge.registry = town.forge.read_json("registry.json")
    town.forge.entry(MEMBERS[0])["smoke"] = "later"
    town.forge.commit("the same line")
    done = finished(town, dispatch)
    assert done.failed and "does not merge into the target branch" in done.said
    assert "merge the target branch into this one" in done.said
    only_pull(town, pull)
    assert town.refs() == []


def test_what_else_wants_evidence_is_said_and_goes_up_on_top(
    forge: Forge, tmp_path: Path, bench: Workbench, trained: Files
) -> None:
    """Two promotions of one pull request: neither flip could pass for want of the other."""
    with_corpus(forge)
    gates = {GATE: POLICY["gates"][GATE], "second": {**POLICY["gates"][GATE], "match": ["fr_second_*"]}}
    gates[GATE] = {**gates[GATE], "match": ["fr_tiny_*"]}
    github = {**POLICY["github"], "corpora": dict.fromkeys(gates, POLICY["github"]["corpora"][GATE])}
    town = founded(forge, tmp_path, bench, gates=gates, github=github)
    for member in SECOND:
        forge.add(member)
    forge.write_json("fr_second_ensemble_v1.json", forge.manifest("fr_second_ensemble_v1", *SECOND))
    forge.start()
    town.branch()
    for member in (*MEMBERS, *SECOND):
        forge.entry(member)["smoke"] = False
    for name in (NAME, "fr_second_ensemble_v1"):
        forge.write_json(f"{name}.json", {**forge.read_json(f"{name}.json"), "smoke": False})
    pull = town.pull()
    town.verdict(pull)
    town.ask(pull, f"/promote {NAME}")
    dispatch = town.hub.stub.dispatches[-1]
    left(town, dispatch, trained)
    assert finished(town, dispatch).verdict == "promote"
    flip = the_flip(town)
    assert "does not pass by itself yet" in town.answers(pull)[-1]
    assert "### What is still in the way" in flip["body"] and f"`{SECOND[0]}`" in flip["body"]
    assert judged(town, BRANCH).verdict.value == "needs-evidence"
    town.verdict(flip["number"])
    assert "Started" in town.ask(flip["number"], "/promote")
    asked = from_inputs(town.hub.stub.dispatches[-1].inputs)
    assert (asked.pr, asked.ids, asked.head_sha) == (flip["number"], SECOND, tip(town))


# -- what an auditor reads ---------------------------------------------------------------------------------------------


def test_the_body_says_who_asked_on_what_numbers_and_how_to_check(town: Town, pull: int, trained: Files) -> None:
    promote(town, pull, trained)
    body = the_flip(town)["body"]
    assert "by itself yet" not in town.answers(pull)[-1] and "in the way" not in body
    evidence = town.forge.git("show", f"{BRANCH}:model/tiny/{NAME}_PROMOTE.json").encode()
    told = [town.head(pull), "`keeper`", f"#{pull}", sha256(evidence), "mean_plcc", "needs-owner"]
    told += [sha256(trained[f"{member}.onnx"]) for member in MEMBERS]
    told += [json.loads(evidence)["subjects"][0]["identity"], json.loads(evidence)["corpus"]["sha256"]]
    assert [one for one in told if one not in body] == []
    assert f"git fetch origin {BRANCH} && git checkout FETCH_HEAD" in body
    base = town.forge.git("rev-parse", "main")
    assert f"smokegate check --registry model/tiny/registry.json --base {base} --head HEAD" in body
    message = town.forge.git("log", "-1", "--format=%B", BRANCH)
    comment = from_inputs(town.hub.stub.dispatches[-1].inputs).comment
    assert f"comment {comment}" in message
    assert town.head(pull) in message and sha256(evidence) in message


def test_a_file_that_may_be_executed_stays_one(town: Town, trained: Files) -> None:
    """No change that nobody asked for."""
    town.forge.path("registry.json").chmod(0o755)
    town.forge.start()
    assert promote(town, proposed(town), trained).verdict == "promote"
    modes = town.forge.git("ls-tree", BRANCH, "model/tiny/").splitlines()
    assert [one.rpartition("/")[2] for one in modes if one.startswith("100755")] == ["registry.json"]


def test_names_that_somebody_chose_stay_names_and_nothing_is_cut_half_way(
    forge: Forge, tmp_path: Path, bench: Workbench, trained: Files
) -> None:
    with_corpus(forge)
    forge.folder = "model/" + "/".join(f"@everyone `$(id)` <b>|{number} " + "x" * 60 for number in range(4))
    town = founded(forge, tmp_path, bench, registries=["model/**/registry.json"])
    pull = proposed(town)
    done = promote(town, pull, trained)
    assert done.verdict == "promote", done.said
    body = the_flip(town)["body"]
    assert len(body.encode()) < 60_200 and "### Who may approve it" in body
    shown = re.sub(r"```sh\n.*?```|``[^`].*?``(?!`)|`[^`\n]+`", "", body, flags=re.DOTALL)
    assert not re.search(r"everyone|<b>|\$\(id\)|xxx", shown), shown
    assert "everyone" not in town.forge.git("log", "-1", "--format=%B", BRANCH)
    command = body.partition("```sh\n")[2].partition("```")[0].splitlines()[-1]
    assert shlex.split(command)[-1] == f"{forge.folder}/{NAME}_PROMOTE.json"
