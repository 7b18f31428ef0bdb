"""Promotions of which nothing comes: each is told why, once, and its entries are free again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from forge import Forge
from github_side.composite import load
from github_side.exchange import Request
from github_side.hub import Fault, Plan
from github_side.promotions import Town, dispatched, founded, packed, proposed
from github_side.stub import Dispatch
from github_side.test_promotion_faults import Killed, Meanwhile, dying
from smokegate.errors import SmokegateError
from smokegate.github.api import times
from smokegate.github.api.client import Client
from smokegate.github.api.faults import GitHubError, RateLimited
from smokegate.github.api.port import Comment
from smokegate.github.flips.finish import ARTIFACT
from smokegate.github.promotions.dispatching import JOB
from smokegate.github.schedule.sweep import Sweeper, summary
from smokegate.review.check import Workbench

HARNESS = Path(__file__).resolve().parents[2] / ".github" / "workflows" / "gpu-harness.yml"


@pytest.fixture
def town(forge: Forge, tmp_path: Path, bench: Workbench) -> Iterator[Town]:
    town = founded(forge, tmp_path, bench)
    yield town
    assert town.hub.faults == []


@pytest.fixture
def pull(town: Town) -> int:
    return proposed(town)


@pytest.fixture
def dispatch(town: Town, pull: int) -> Dispatch:
    return dispatched(town, pull)


def sweep(town: Town) -> list[str]:
    return Sweeper(town.office()).sweep()


def started(town: Town, run: int) -> None:
    town.hub.stub.start(run)
    for job in town.hub.stub.jobs[run]:
        job |= {"started_at": town.hub.now}
    town.hub.stub.runs[run] |= {"updated_at": town.hub.now}


def ended(town: Town, run: int, conclusion: str) -> None:
    town.hub.stub.finish(run, conclusion)
    town.hub.stub.runs[run] |= {"updated_at": town.hub.now}


def test_what_is_under_way_is_left_alone(town: Town, pull: int, dispatch: Dispatch) -> None:
    assert [line.rpartition(": ")[2] for line in sweep(town)] == ["waiting"]
    started(town, dispatch.run_id)
    town.clock.at += 100 * 60
    assert [line.rpartition(": ")[2] for line in sweep(town)] == ["running"]
    ended(town, dispatch.run_id, "success")
    town.clock.at += 60
    assert [line.rpartition(": ")[2] for line in sweep(town)] == ["ending"]
    assert len(town.answers(pull)) == 1 and len(town.refs()) == 2


@pytest.mark.parametrize("name", ["harness", "promote / harness"])
def test_a_run_goes_on_though_the_policy_has_other_labels_by_now(town: Town, dispatch: Dispatch, name: str) -> None:
    started(town, dispatch.run_id)
    (job,) = town.hub.stub.jobs[dispatch.run_id]
    job |= {"labels": ["self-hosted", "a100"], "name": name}
    town.clock.at += 61 * 60
    assert [line.rpartition(": ")[2] for line in sweep(town)] == ["running"]
    assert load(HARNESS)["jobs"][JOB]["name"] == JOB


def none_took_it(town: Town, run: int) -> None:
    town.clock.at += 61 * 60


def nobody_approved(town: Town, run: int) -> None:
    town.hub.stub.runs[run]["status"] = "waiting"
    town.clock.at += 61 * 60


def never_ended(town: Town, run: int) -> None:
    started(town, run)
    town.clock.at += 136 * 60


def never_there(town: Town, run: int) -> None:
    town.hub.stub.runs[1] = town.hub.stub.runs.pop(run) | {"id": 1, "path": "elsewhere.yml"}
    town.clock.at += 11 * 60


def died(town: Town, run: int) -> None:
    ended(town, run, "failure")


def cancelled(town: Town, run: int) -> None:
    ended(town, run, "cancelled")


def timed_out(town: Town, run: int) -> None:
    ended(town, run, "timed_out")


def left_nothing(town: Town, run: int) -> None:
    ended(town, run, "success")
    town.clock.at += 16 * 60


def left_what_expired(town: Town, run: int) -> None:
    town.hub.stub.upload(run, ARTIFACT, packed({}), expired=True)
    left_nothing(town, run)


def left_something(town: Town, run: int) -> None:
    town.hub.stub.upload(run, ARTIFACT, packed({}))
    left_nothing(town, run)


ENDS: list[tuple[Any, str, str | None]] = [
    (none_took_it, "No runner took the job within 60 minutes", "cancelled"),
    (nobody_approved, "waited 60 minutes for somebody to approve", "cancelled"),
    (never_ended, "has gone on for longer than 120 minutes", "cancelled"),
    (never_there, "GitHub never started a run for it", None),
    (died, "Its run failed before it had an answer", "failure"),
    (cancelled, "Its run was cancelled", "cancelled"),
    (timed_out, "Its run was ended after 120 minutes", "timed_out"),
    (left_nothing, "the evidence that it should have left is not there", "success"),
    (left_what_expired, "was deleted, or kept too short a time", "success"),
    (left_something, "ended well, and no answer came of it", "success"),
]


@pytest.mark.parametrize("row", ENDS, ids=[row[0].__name__ for row in ENDS])
def test_each_end_is_told_once_and_frees_the_entries(
    town: Town, pull: int, dispatch: Dispatch, row: tuple[Any, str, str | None]
) -> None:
    end, told, conclusion = row
    end(town, dispatch.run_id)
    for _ in range(3):
        sweep(town)
    (_, said) = town.answers(pull)
    assert told in said and town.refs("refs/smokegate/") == []
    if conclusion is not None:
        assert town.hub.stub.runs[dispatch.run_id]["conclusion"] == conclusion
    assert "Started" in town.ask(pull, "/promote")


def test_killed_after_any_request_it_is_taken_up_by_the_next(town: Town, pull: int) -> None:
    for after in range(1, 100):
        for ref in town.refs("refs/smokegate/"):
            town.hub.git.move(ref, None)
        town.hub.comments.clear()
        dispatch = dispatched(town, pull)
        none_took_it(town, dispatch.run_id)
        run = town.run()
        with suppress(Killed):
            Sweeper(town.office(run, hub=dying(town, after))).sweep()
            break
        town.over(run)
        sweep(town)
        assert ["No runner took" in body for body in town.answers(pull)] == [False, True], after
        assert town.refs() == [] and town.hub.stub.runs[dispatch.run_id]["conclusion"] == "cancelled", after
    assert 10 < after < 60


def test_two_sweeps_at_once_tell_it_once(town: Town, pull: int) -> None:
    for at in range(1, 100):
        for ref in town.refs("refs/smokegate/"):
            town.hub.git.move(ref, None)
        town.hub.comments.clear()
        none_took_it(town, dispatched(town, pull).run_id)
        town.hub.before = other = Meanwhile(at, lambda: sweep(town))
        sweep(town)
        town.hub.before = lambda _: None
        assert ["No runner took" in body for body in town.answers(pull)] == [False, True], at
        assert town.refs("refs/smokegate/") == []
        if not other.happened:
            break
    assert 10 < at < 60


def test_one_that_is_stopped_in_the_very_moment_is_told_once(town: Town, pull: int, dispatch: Dispatch) -> None:
    none_took_it(town, dispatch.run_id)

    def stop(asked: Request) -> None:
        if asked.verb == "POST" and asked.path.endswith("/git/refs") and "turns/promotion" in asked.data["ref"]:
            town.hub.before = lambda _: None
            town.ask(pull, "/hold")

    town.hub.before = stop
    sweep(town)
    assert ["Stopped" in body for body in town.answers(pull)] == [False, True] and town.refs("refs/smokegate/") == []


def test_a_comment_that_nobody_finished_answering_is_told_so(town: Town, pull: int) -> None:
    event, run = town.comment(pull, "/promote"), town.run()
    with suppress(Killed):
        town.deliver(event, run, hub=dying(town, 8))
    town.clock.at += 16 * 60
    assert sweep(town) == [] and town.answers(pull) == []
    town.over(run)
    sweep(town)
    (said,) = town.answers(pull)
    assert "No answer came of this comment" in said and f"/actions/runs/{run}" in said
    assert town.refs("refs/smokegate/turns/") == []
    assert town.deliver(event).note == "answered already"


def test_a_pull_request_that_is_gone_does_not_stop_the_others(town: Town, pull: int, dispatch: Dispatch) -> None:
    del town.hub.pulls[pull]
    died(town, dispatch.run_id)
    sweep(town)
    assert town.refs() == []


def test_where_nothing_may_be_said_the_entries_are_freed_all_the_same(
    town: Town, pull: int, dispatch: Dispatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A conversation that somebody locked, and one that nobody did."""
    other = town.hub.open_pull("topic")
    comment = town.comment(other, "/status")
    run = town.run()
    with suppress(Killed):
        town.deliver(comment, run, hub=dying(town, 8))
    town.over(run)
    died(town, dispatch.run_id)
    town.clock.at += 16 * 60
    truly = Client.create_comment

    def locked(client: Client, issue: int, body: str) -> Comment:
        if issue == pull:
            raise GitHubError("GitHub answered 403: Unable to create comment because issue is locked.", status=403)
        return truly(client, issue, body)

    monkeypatch.setattr(Client, "create_comment", locked)
    sweeper = Sweeper(town.office())
    sweeper.sweep()
    assert town.refs("refs/smokegate/") == [] and "No answer came" in town.answers(other)[0]
    (refused,) = sweeper.refused
    assert f"#{pull}" in refused and "issue is locked" in refused and refused in summary(sweeper.refused, 0)


def test_what_cannot_be_said_just_now_is_said_by_the_next_sweep(
    town: Town, pull: int, dispatch: Dispatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    died(town, dispatch.run_id)

    def limited(*_: object) -> None:
        raise RateLimited("come back later", at=0.0, status=403)

    run = town.run()
    with monkeypatch.context() as patch, pytest.raises(RateLimited):
        patch.setattr(Client, "create_comment", limited)
        Sweeper(town.office(run)).sweep()
    town.over(run)
    assert len(town.refs()) == 2
    sweep(town)
    assert "Its run failed" in town.answers(pull)[1] and town.refs() == []


def test_a_ref_that_is_no_lock_is_left_alone(town: Town) -> None:
    place = "refs/smokegate/locks/0123456789abcdef/mine"
    town.hub.git.move(place, town.forge.git("rev-parse", "main"))
    town.hub.git.move("refs/smokegate/turns/comment/1", town.forge.git("rev-parse", "main"))
    town.clock.at += 10**6
    assert sweep(town) == [] and place in town.refs()


def test_a_server_that_is_down_is_an_error_and_nothing_is_lost(town: Town, pull: int, dispatch: Dispatch) -> None:
    died(town, dispatch.run_id)
    town.hub.plan = Plan([None] * 6, rate=1.0, kinds=(Fault.UNAVAILABLE_BEFORE,))
    run = town.run()
    with pytest.raises(SmokegateError):
        Sweeper(town.office(run)).sweep()
    town.hub.plan = Plan()
    town.over(run)
    sweep(town)
    assert len(town.answers(pull)) == 2 and town.refs() == []


def test_the_summary_lists_what_was_found() -> None:
    assert "`#7 a: died`" in summary(["#7 a: died"], 0) and times.written(0) in summary([], 0)
    assert "Nothing is under way" in summary([], 0)
