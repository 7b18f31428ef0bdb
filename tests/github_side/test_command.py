"""A comment on a pull request: who asks, for what, at which head; answered once, and acted on once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from forge import Forge
from github_side.emulator import ACTIONS, BOT, TOKENS
from github_side.exchange import Request
from github_side.hub import Fault
from github_side.memory import client
from github_side.promotions import MEMBERS, NAME, POLICY, Town, founded, proposed
from github_side.test_promotion_faults import Only, dispatching
from render.specimens import report
from smokegate.github.api.client import Client
from smokegate.github.api.faults import GitHubError
from smokegate.github.comments import reply, sticky
from smokegate.github.comments.grammar import LONGEST_REASON
from smokegate.github.promotions import promotion
from smokegate.github.promotions.command import acknowledge
from smokegate.review.check import Question, Workbench


@pytest.fixture
def town(forge: Forge, tmp_path: Path, bench: Workbench) -> Iterator[Town]:
    town = founded(forge, tmp_path, bench)
    yield town
    assert town.hub.faults == []


@pytest.fixture
def pull(town: Town) -> int:
    return proposed(town)


def test_a_promotion_is_locked_dispatched_and_answered(town: Town, pull: int) -> None:
    said = town.ask(pull, "The curves look right.\n\n/promote")
    (dispatch,) = town.hub.stub.dispatches
    request = promotion.from_inputs(dispatch.inputs)
    assert (request.ids, request.gate, request.harness) == (MEMBERS, "ensemble-plcc", "ensemble")
    assert (request.pr, request.actor, request.head_sha) == (pull, "keeper", town.head(pull))
    assert dispatch.workflow == "gpu-harness.yml" and dispatch.ref == "main" and dispatch.login == BOT
    assert "Started" in said and f"/actions/runs/{dispatch.run_id}" in said
    assert [ref.rpartition("/")[2] for ref in town.refs()] == sorted(MEMBERS)
    lock = town.office().locks().at(town.refs()[0])
    assert lock is not None and (lock.nonce, lock.run, lock.pr) == (request.nonce, dispatch.run_id, pull)
    assert [content for _, content, _ in town.hub.stub.reactions] == ["eyes"]
    assert town.refs("refs/smokegate/turns/") == []


@pytest.mark.parametrize("ids", [NAME, MEMBERS[0], " ".join(MEMBERS)])
def test_a_group_goes_whole_however_it_is_named(town: Town, pull: int, ids: str) -> None:
    town.ask(pull, f"/promote {ids} @{town.head(pull)[:9]}")
    (dispatch,) = town.hub.stub.dispatches
    assert promotion.from_inputs(dispatch.inputs).ids == MEMBERS


def test_the_same_delivery_three_times_is_one_of_each(town: Town, pull: int) -> None:
    event = town.comment(pull, "/promote")
    for _ in range(3):
        town.deliver(event)
    assert len(town.hub.stub.dispatches) == 1 and len(town.answers(pull)) == 1


@pytest.mark.parametrize(
    ("login", "body", "told"),
    [
        ("reader", "/promote", "It takes the role `maintain` in this repository, and `reader` has `read`"),
        ("writer", "/promote", "`writer` has `write`"),
        ("stranger", "/status", "has `none`"),
        ("robot[bot]", "/promote", "A bot or an app wrote this as `robot[bot]`, and a person has to ask"),
        ("keeper", "/promote nothing_v1", "No entry at this head is called `nothing_v1`"),
        ("keeper", "/promote sharp_v1", "judges numbers that no harness of smokegate measures"),
        ("keeper", "/promote lone_v1", "No gate of the policy judges `lone_v1`"),
        ("keeper", "/promote old_ensemble_v0_seed0", "is in production already"),
        ("keeper", f"/promote {NAME} sharp_v1", "One promotion is of one gate"),
        ("keeper", "/promote @0123456", "It names `0123456`, and the head of this pull request is"),
        ("keeper", "/promot", "Not understood"),
        ("keeper", "/pro\u200bmote", "Not understood"),
        ("keeper", "/help", "**Commands**"),
        ("writer", "/status", "No promotion is under way"),
        ("writer", "/hold", "Nothing to stop"),
    ],
)
def test_what_is_asked_amiss_is_told_so(town: Town, pull: int, login: str, body: str, told: str) -> None:
    assert told in town.ask(pull, body, login)
    assert town.hub.stub.dispatches == [] and town.refs() == []


def test_what_an_app_wrote_in_somebodys_name_is_not_obeyed(town: Town, pull: int) -> None:
    town.deliver(replace(town.comment(pull, "/promote"), by_app=True))
    assert "A bot or an app wrote this as `keeper`" in town.answers(pull)[0]
    assert town.hub.stub.dispatches == [] and town.refs() == []


def test_what_is_no_command_costs_nothing(town: Town, pull: int) -> None:
    for body in ("> /promote", "```\n/promote\n```", "I would /promote this", "/etc/passwd", "<!-- /promote -->"):
        event = town.comment(pull, body)
        with town.watched() as asked:
            assert town.deliver(event).note == "no command"
        assert asked == []
    assert town.answers(pull) == []


def test_our_own_answers_are_no_commands(town: Town, pull: int) -> None:
    event = town.comment(pull, "/promote", BOT)
    assert town.deliver(event).note == "our own comment" and not acknowledge(client(town.hub), event)
    assert town.hub.stub.reactions == []
    assert town.answers(pull) == ["/promote"]
    assert town.hub.stub.dispatches == []


def test_an_edited_comment_is_not_obeyed(town: Town, pull: int) -> None:
    made = town.hub.say(pull, "keeper", "/promote")
    made |= {"updated_at": town.hub.now}
    town.deliver(town.event(made, pull))
    assert "This comment was edited" in town.answers(pull)[0]
    other = town.hub.say(pull, "keeper", "looks good")
    other["body"] = "/promote"
    town.deliver(town.event(other, pull, action="edited"))
    assert "This comment was edited" in town.answers(pull)[1]
    assert town.hub.stub.dispatches == []


def test_one_that_was_edited_between_the_event_and_us_is_not_obeyed(town: Town, pull: int) -> None:
    made = town.hub.say(pull, "keeper", "/status")
    event = town.event({**made, "body": "/promote"}, pull)
    town.deliver(event)
    assert "This comment was edited" in town.answers(pull)[0] and town.hub.stub.dispatches == []


def test_a_comment_that_is_gone_is_left_alone(town: Town, pull: int) -> None:
    event = town.comment(pull, "/promote")
    del town.hub.comments[event.id]
    assert town.deliver(event).note == "the comment is gone"
    assert town.hub.stub.dispatches == []


def test_on_a_closed_one_promotions_can_be_stopped_and_not_started(town: Town, pull: int) -> None:
    town.ask(pull, "/promote")
    town.hub.pulls[pull] |= {"state": "closed"}
    assert "This pull request is closed" in town.ask(pull, "/promote")
    assert "Stopped" in town.ask(pull, "/hold")
    assert town.refs() == []


def test_on_an_issue_there_is_help_and_nothing_else(town: Town, pull: int) -> None:
    town.hub.issues[5] = {"number": 5}
    for body, told in (("/promote", "commands are about pull requests"), ("/help", "**Commands**")):
        town.deliver(town.comment(5, body))
        assert told in town.answers(5)[-1]


def test_a_pull_request_that_touches_no_registry(town: Town) -> None:
    town.branch("docs")
    town.forge.write("/README.md", "hello\n")
    number = town.pull("docs")
    town.verdict(number)
    assert "touches no registry" in town.ask(number, f"/promote {NAME}")


def test_nothing_that_waits_for_evidence(town: Town) -> None:
    town.branch("notes")
    town.forge.entry("sharp_v1")["notes"] = "sharper"
    number = town.pull("notes")
    town.verdict(number)
    assert "No entry of this pull request waits for evidence" in town.ask(number, "/promote")


# -- which verdict it is bound to --------------------------------------------------------------------------------------


def without_a_verdict(town: Town) -> int:
    number = proposed(town)
    town.hub.stub.checks.clear()
    return number


def test_without_a_verdict_there_is_no_promotion(town: Town) -> None:
    assert "the bot had not judged" in town.ask(without_a_verdict(town), "/promote")


def test_a_verdict_after_the_comment_is_not_one_that_was_read(town: Town) -> None:
    number = without_a_verdict(town)
    event = town.comment(number, "/promote")
    town.verdict(number)
    town.deliver(event)
    assert "the bot had not judged" in town.answers(number)[0]


def test_nor_one_of_the_same_second(town: Town) -> None:
    number = without_a_verdict(town)
    town.verdict(number)
    made = town.hub.say(number, "keeper", "/promote")
    (check,) = town.hub.stub.checks.values()
    check["completed_at"] = made["created_at"]
    town.deliver(town.event(made, number))
    assert "the bot had not judged" in town.answers(number)[0]


@pytest.mark.parametrize("slug", ["somebody-else", "github-actions", None])
def test_a_check_run_of_our_name_by_another_app_is_none_of_ours(town: Town, slug: str | None) -> None:
    number = without_a_verdict(town)
    town.verdict(number, slug=slug or "x")
    if slug is None:
        next(iter(town.hub.stub.checks.values()))["app"] = None
    assert "the bot had not judged" in town.ask(number, "/promote")


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_one_that_somebody_has_run_again_is_no_verdict_until_it_is_done(town: Town, pull: int, status: str) -> None:
    """GitHub sets a check run back that is asked for again; when it was done the last time may stay there."""
    (check,) = town.hub.stub.checks.values()
    check |= {"status": status, "conclusion": None}
    assert "the bot had not judged" in town.ask(pull, "/promote")
    assert town.hub.stub.dispatches == []


def test_judged_anew_after_the_comment_the_older_verdict_is_the_one_that_was_read(town: Town, pull: int) -> None:
    event = town.comment(pull, "/promote")
    town.verdict(pull)
    town.deliver(event)
    assert "Started" in town.answers(pull)[0]


def test_nor_is_one_that_is_about_another_head(town: Town) -> None:
    number = without_a_verdict(town)
    check = town.hub.stub.checks[town.verdict(number, head="d" * 40)]
    check["head_sha"] = town.head(number)
    assert "the bot had not judged" in town.ask(number, "/promote")


def test_nor_that_of_an_unprotected_base(town: Town) -> None:
    number = without_a_verdict(town)
    town.verdict(number, name="smokegate (unprotected base)")
    assert "the bot had not judged" in town.ask(number, "/promote")


def test_a_push_after_the_verdict_takes_it_away(town: Town, pull: int) -> None:
    town.forge.commit("one more")
    assert "the bot had not judged" in town.ask(pull, "/promote")
    assert town.hub.stub.dispatches == []


def test_where_the_verdict_was_about_an_earlier_head_that_is_said(town: Town, pull: int) -> None:
    town.hub.say(pull, BOT, sticky.body([report()], town.head(pull)))
    town.forge.commit("one more")
    said = town.ask(pull, "/promote")
    assert "It was asked for when the verdict was about" in said and "Wait for the verdict of the new head" in said


def test_a_fork_may_be_promoted_as_well(town: Town) -> None:
    proposed(town)
    number = town.hub.open_pull("topic", login="forker", repository="forker/models")
    town.verdict(number)
    assert "Started" in town.ask(number, "/promote")
    assert "`forker` has `none`" in town.ask(number, "/promote", "forker")


def test_a_push_between_the_checks_and_the_dispatch_stops_it(town: Town, pull: int) -> None:
    event = town.comment(pull, "/promote")

    pushed: list[str] = []

    def push(asked: object) -> None:
        if town.refs() and not pushed:
            pushed.append(town.forge.commit("one more"))

    town.hub.before = push
    town.deliver(event)
    assert "It was asked for when the verdict was about" in town.answers(pull)[0]
    assert town.hub.stub.dispatches == [] and town.refs() == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"state": "closed"}, "This pull request is closed"),
        ({"state": "closed", "merged": True}, "This pull request is merged"),
        ({"base": "release/1"}, "this pull request wants to go to `release/1` now"),
    ],
)
def test_so_does_whatever_else_moves_then(town: Town, pull: int, change: dict[str, Any], told: str) -> None:
    town.forge.git("branch", "release/1", "main")
    event = town.comment(pull, "/promote")

    def move(asked: Request) -> None:
        if town.refs():
            one = town.hub.pulls[pull]
            one |= {**change, "base": {**one["base"], "ref": change.get("base", "main")}}

    town.hub.before = move
    town.deliver(event)
    assert told in town.answers(pull)[0] and town.hub.stub.dispatches == [] and town.refs() == []


def test_an_unprotected_base_decides_nothing(town: Town) -> None:
    """A pull request made green against a lax branch of somebody's own."""
    town.forge.git("branch", "lax", "main")
    town.branch("topic", base="lax")
    for member in MEMBERS:
        town.forge.entry(member)["smoke"] = False
    number = town.pull("topic", base="lax")
    town.verdict(number)
    assert "`lax` is not a protected base" in town.ask(number, "/promote")
    town.hub.pulls[number]["base"]["ref"] = "main"
    town.ask(number, "/promote")
    (dispatch,) = town.hub.stub.dispatches
    assert promotion.from_inputs(dispatch.inputs).base_ref == "main"


def test_a_policy_that_names_no_corpus(forge: Forge, tmp_path: Path, bench: Workbench) -> None:
    town = founded(forge, tmp_path, bench, github={})
    said = town.ask(proposed(town), "/promote")
    assert "does not say what the gate `ensemble-plcc` is measured on" in said and "`github.corpora`" in said


# -- locks -------------------------------------------------------------------------------------------------------------


def test_a_second_promotion_of_one_entry_is_told_of_the_first(town: Town, pull: int) -> None:
    town.ask(pull, "/promote")
    (dispatch,) = town.hub.stub.dispatches
    said = town.ask(pull, f"/promote {MEMBERS[1]}")
    assert "is being promoted already" in said and f"/actions/runs/{dispatch.run_id}" in said
    assert len(town.hub.stub.dispatches) == 1


def test_all_are_locked_or_none(town: Town, pull: int) -> None:
    """The second member is taken, so the first is let go again."""
    town.ask(pull, "/promote")
    first, second = town.refs()
    lock = town.office().locks().at(second)
    town.hub.git.move(first, None)
    assert "is being promoted already" in town.ask(pull, "/promote")
    assert town.refs() == [second] and town.office().locks().at(second) == lock


def test_only_its_holder_lets_a_lock_go(town: Town, pull: int) -> None:
    """Swept, and taken by another promotion meanwhile: whoever comes late frees nothing of that."""
    town.ask(pull, "/promote")
    town.office().locks().free("0" * 32, town.refs())
    assert len(town.refs()) == len(MEMBERS)


def test_another_pull_request_may_not_promote_what_this_one_does(town: Town, pull: int) -> None:
    town.ask(pull, "/promote")
    town.forge.git("branch", "other", "topic")
    other = town.hub.open_pull("other")
    town.verdict(other)
    said = town.ask(other, f"/promote {MEMBERS[1]}")
    assert f"asked for it on pull request {pull}" in said and len(town.hub.stub.dispatches) == 1
    town.hub.pulls[pull] |= {"state": "closed"}
    assert "is being promoted already" in town.ask(other, "/promote")
    assert "Stopped" in town.ask(pull, "/hold", "writer")
    assert "Started" in town.ask(other, "/promote")


def test_two_of_one_group_in_one_comment_are_one_promotion(town: Town, pull: int) -> None:
    said = town.ask(pull, f"/promote {MEMBERS[0]}\n/promote {MEMBERS[1]}")
    (dispatch,) = town.hub.stub.dispatches
    assert said.count(f"/actions/runs/{dispatch.run_id}") == 2 and len(town.refs()) == 2


def test_a_lock_that_is_none_of_ours_is_named(town: Town, pull: int) -> None:
    town.ask(pull, "/promote")
    ref = town.refs()[0]
    for one in town.refs():
        town.hub.git.move(one, None)
    town.hub.git.move(ref, town.forge.git("rev-parse", "main"))
    said = town.ask(pull, "/promote")
    assert "Could not go on" in said and f"git push origin :{ref}" in said


def test_hold_stops_the_run_and_frees_the_entries(town: Town, pull: int) -> None:
    town.ask(pull, "/promote")
    (dispatch,) = town.hub.stub.dispatches
    assert "Stopped" in town.ask(pull, f"/hold {NAME}", "writer")
    assert town.hub.stub.runs[dispatch.run_id]["conclusion"] == "cancelled" and town.refs() == []
    assert "Started" in town.ask(pull, "/promote")


def test_hold_is_the_answer_to_what_it_stops(town: Town, pull: int) -> None:
    """Whoever finds its lock or its run later has nothing more to say."""
    town.ask(pull, "/promote")
    (lock,) = town.office().locks().standing()
    town.ask(pull, "/hold", "writer")
    office = town.office()
    found = reply.find(office.hub.comments(pull), reply.promotion_key(lock.nonce), office.ours)
    assert found is not None and "Stopped" in found.body


def test_what_has_its_answer_is_not_stopped(town: Town, pull: int) -> None:
    """Whoever answered was killed before the entries were free; the sweep does that."""
    town.ask(pull, "/promote")
    (lock,) = town.office().locks().standing()
    town.hub.say(pull, BOT, reply.put_together(["**PROMOTE**"], reply.promotion_key(lock.nonce)))
    assert "Nothing to stop" in town.ask(pull, "/hold", "writer")


@pytest.mark.parametrize("body", ["/promote\n/hold", "/hold\n/promote", f"/hold sharp_v1\n/promote {NAME}"])
def test_one_comment_stops_or_starts(town: Town, pull: int, body: str) -> None:
    said = town.ask(pull, body)
    assert "one comment either stops promotions or starts some" in said and "Nothing to stop" in said
    town.ask(pull, "/promote")
    said = town.ask(pull, body.replace("sharp_v1", NAME))
    assert "Stopped" in said and "being promoted already" not in said
    assert len(town.hub.stub.dispatches) == 1 and town.refs() == []


def test_a_hold_that_meets_nothing_says_what_there_is(town: Town, pull: int) -> None:
    town.ask(pull, "/promote")
    said = town.ask(pull, "/hold fr_tiny", "writer")
    assert "Nothing to stop: `/hold fr_tiny`" in said
    assert f"Under way here: `{MEMBERS[0]}`, `{MEMBERS[1]}`" in said and len(town.refs()) == 2


def test_hold_leaves_others_alone(town: Town, pull: int) -> None:
    town.ask(pull, "/promote")
    other = town.hub.open_pull("topic", login="writer")
    assert "Nothing to stop" in town.ask(other, "/hold")
    assert "Nothing to stop" in town.ask(pull, "/hold sharp_v1")
    assert len(town.refs()) == 2


def test_a_late_hold_does_not_stop_what_came_after_it(town: Town, pull: int) -> None:
    event = town.comment(pull, "/hold", "writer")
    town.ask(pull, "/promote")
    town.deliver(event)
    assert "Nothing to stop" in town.answers(pull)[-1] and len(town.refs()) == 2


def test_status_says_how_a_promotion_stands(town: Town, pull: int) -> None:
    town.ask(pull, "/promote")
    (dispatch,) = town.hub.stub.dispatches
    assert "waits for a runner" in town.ask(pull, "/status", "reader")
    town.hub.stub.start(dispatch.run_id)
    assert "it runs" in town.ask(pull, "/status", "reader")


def test_recheck_dispatches_the_verdict_once(town: Town, pull: int) -> None:
    event = town.comment(pull, "/recheck", "writer")
    for _ in range(2):
        town.deliver(event)
    (dispatch,) = town.hub.stub.dispatches
    assert (dispatch.workflow, dict(dispatch.inputs)) == ("registry-verdict.yml", {"pull": str(pull)})


def test_two_rechecks_at_a_time_are_of_two_pull_requests(town: Town, pull: int) -> None:
    """Both are asked for before either is read, and no run says which pull request it judges."""
    other = town.hub.open_pull("topic")
    events = [town.comment(one, "/recheck", "writer") for one in (pull, other)]
    for event in events:
        town.deliver(event)
    assert [dict(one.inputs) for one in town.hub.stub.dispatches] == [{"pull": str(pull)}, {"pull": str(other)}]


def test_a_recheck_that_may_be_lost_is_asked_for_again(town: Town, pull: int) -> None:
    event = town.comment(pull, "/recheck", "writer")
    town.hub.plan = plan = Only(town, Fault.BAD_GATEWAY_BEFORE, dispatching, 1)
    town.deliver(event)
    assert plan.done == [Fault.BAD_GATEWAY_BEFORE]
    assert [dict(one.inputs) for one in town.hub.stub.dispatches] == [{"pull": str(pull)}]


def test_several_commands_in_one_comment_have_one_answer(town: Town, pull: int) -> None:
    said = town.ask(pull, "/promote\n\n/status\n\n/promote nothing_v1\n")
    assert "Started" in said and "**Status**" in said and "is called `nothing_v1`" in said
    assert len(town.hub.stub.dispatches) == 1


def test_where_no_reaction_can_be_left_a_comment_says_heard(
    town: Town, pull: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Client, "react", no_reactions)
    event = town.comment(pull, "/promote")
    town.deliver(event)
    town.deliver(event)
    (said,) = town.answers(pull)
    assert "Started" in said and "Heard" not in said and len(town.hub.stub.dispatches) == 1


def no_reactions(*_: object) -> None:
    raise GitHubError("no reactions here", status=403)


def test_an_acknowledgement_that_is_deleted_under_us(town: Town, pull: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Client, "react", no_reactions)
    event = town.comment(pull, "/promote")

    def delete(asked: Request) -> None:
        if asked.verb == "PATCH" and "/issues/comments/" in asked.path:
            town.hub.comments.pop(int(asked.path.rpartition("/")[2]), None)

    town.hub.before = delete
    town.deliver(event)
    (said,) = town.answers(pull)
    assert "Started" in said


def test_the_operators_own_policy_holds_here_as_well(town: Town, pull: int, tmp_path: Path) -> None:
    (tmp_path / "own.yml").write_text("gates:\n  other: {match: [other_*]}\n")
    town.offices["main"] = replace(town.court, question=Question(policy=str(tmp_path / "own.yml")))
    assert "No gate of the policy judges" in town.ask(pull, "/promote")


# -- retiring ----------------------------------------------------------------------------------------------------------


def test_retire_opens_one_pull_request_with_the_reason_on_record(town: Town, pull: int) -> None:
    event = town.comment(pull, "/retire sharp_v1 nobody loads it, @everyone fixes #1")
    for _ in range(2):
        town.deliver(event)
    (number,) = [one for one in town.hub.pulls if one != pull]
    opened = town.hub.pulls[number]
    assert (opened["head"]["ref"], opened["base"]["ref"]) == ("smokegate/retire/sharp_v1", "main")
    assert "`keeper`" in opened["body"] and f"/pull/{number}" in town.answers(pull)[0]
    record = json.loads(town.forge.git("show", "smokegate/retire/sharp_v1:model/tiny/retired.json"))
    assert record["retired"][0]["id"] == "sharp_v1"
    message = town.forge.git("log", "-1", "--format=%B", "smokegate/retire/sharp_v1")
    assert re.fullmatch(r"Registry: sharp_v1 is retired\n\nSmokegate-Request: [0-9a-f]{32} [0-9a-f]{40}\n*", message)
    town.forge.git("switch", "-q", "smokegate/retire/sharp_v1")
    assert "SG401" not in [one.code for one in town.forge.check().findings]
    assert town.forge.git("rev-parse", "main") == town.forge.base


def test_an_entry_that_is_not_there_is_not_retired(town: Town, pull: int) -> None:
    assert "No entry on `main` is called `sharp_v2`" in town.ask(pull, "/retire sharp_v2 it is old")


def test_what_is_retired_from_two_branches_is_proposed_twice(town: Town, pull: int) -> None:
    town.forge.git("branch", "release/1", "main")
    town.forge.git("branch", "other", "topic")
    other = town.hub.open_pull("other", base="release/1")
    for one in (pull, other):
        assert "Proposed" in town.ask(one, "/retire sharp_v1 nobody loads it")
    opened = [one for number, one in town.hub.pulls.items() if number not in {pull, other}]
    assert [(one["head"]["ref"], one["base"]["ref"]) for one in opened] == [
        ("smokegate/retire/sharp_v1", "main"),
        ("smokegate/into/release/1/retire/sharp_v1", "release/1"),
    ]


def test_an_entry_of_two_registries_is_retired_by_hand(town: Town, pull: int) -> None:
    town.forge.git("switch", "-q", "main")
    place = town.forge.path("/lab/registry.json")
    place.parent.mkdir()
    place.write_bytes(town.forge.path("/model/tiny/registry.json").read_bytes())
    town.forge.write_json(
        "/.smokegate.yml", {**POLICY, "registries": ["model/tiny/registry.json", "lab/registry.json"]}
    )
    town.forge.commit("a second registry")
    said = town.ask(pull, "/retire sharp_v1 nobody loads it")
    assert "Several registries have it: `lab/registry.json`, `model/tiny/registry.json`" in said


def test_the_longest_reason_is_recorded(town: Town, pull: int) -> None:
    assert "Proposed" in town.ask(pull, f"/retire sharp_v1 {'x' * LONGEST_REASON}")
    assert "longer than 512 characters" in town.ask(pull, f"/retire lone_v1 {'x' * (LONGEST_REASON + 1)}")


# -- whose word counts -------------------------------------------------------------------------------------------------


def test_a_marker_that_somebody_else_wrote_answers_nothing(town: Town, pull: int) -> None:
    event = town.comment(pull, "/promote")
    town.hub.say(pull, "writer", f"done\n\n<!-- smokegate:answer comment:{event.id} -->\n")
    town.deliver(event)
    assert len(town.answers(pull)) == 1 and len(town.hub.stub.dispatches) == 1


def test_a_custom_role_counts_as_the_policy_says(forge: Forge, tmp_path: Path, bench: Workbench) -> None:
    github = {"corpora": {"ensemble-plcc": "x"}, "custom_roles": {"steward": "maintain"}}
    town = founded(forge, tmp_path, bench, github=github)
    number = proposed(town)
    town.hub.roles |= {"ana": "steward", "bob": "unheard-of"}
    assert "has `unheard-of`" in town.ask(number, "/promote", "bob")
    assert "Started" in town.ask(number, "/promote", "ana")


def test_hostile_names_stay_names(town: Town) -> None:
    town.branch("$(id)-`x`")
    for member in MEMBERS:
        town.forge.entry(member)["smoke"] = False
    number = town.pull("$(id)-`x`")
    town.hub.pulls[number]["title"] = "::set-output name=x::y @everyone <script>"
    town.verdict(number)
    assert "Started" in town.ask(number, "/promote")
    assert "$(id)" not in json.dumps([dict(one.inputs) for one in town.hub.stub.dispatches])


def test_a_comment_as_long_as_can_be(town: Town, pull: int) -> None:
    said = town.ask(pull, "x" * 60_000 + "\n\n/promote\n\n" + "\u200b" * 5_000)
    assert "Started" in said


def test_without_an_app_the_actions_bot_is_who_we_are(town: Town) -> None:
    """Its verdicts are advisory, and a promotion is bound to them all the same."""
    number = without_a_verdict(town)
    town.verdict(number, slug="github-actions")
    event = town.comment(number, "/promote")
    town.deliver(event, hub=client(town.hub, TOKENS[ACTIONS], ACTIONS))
    (said,) = [body for login, body in town.hub.said(number) if login == ACTIONS]
    assert "Started" in said
