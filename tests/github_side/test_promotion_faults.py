"""What goes wrong on the way from a comment to a run: one answer and one run come of it all the same."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from forge import Forge
from github_side.emulator import REPOSITORY
from github_side.exchange import Request
from github_side.hub import Fault, Plan
from github_side.memory import Direct, InMemory, Memory, client
from github_side.promotions import MEMBERS, Town, founded, proposed
from smokegate.errors import SmokegateError
from smokegate.github.api.wire import Received, Sent
from smokegate.github.promotions import promotion
from smokegate.github.promotions.promote import Asked, Promoter, nonce_of
from smokegate.github.schedule.sweep import Sweeper
from smokegate.review.check import Workbench

DELIVERIES = 1_000
RATE = 0.2


@pytest.fixture
def town(forge: Forge, tmp_path: Path, bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """Which entries a comment means is worked out once: what is tried here is all that comes after."""
    town = founded(forge, tmp_path, bench)
    truly, known = Promoter.requests, dict[Any, Any]()

    def requests(self: Promoter, asked: Asked) -> list[promotion.Request]:
        key = asked.pull.number, asked.pull.head_sha, asked.command, asked.comment.id
        if key not in known:
            known[key] = truly(self, asked)
        return list(known[key])

    monkeypatch.setattr(Promoter, "requests", requests)
    yield town
    assert town.hub.faults == []


class Killed(BaseException):
    """The end of a process, which nothing catches."""


@dataclass
class Dying:
    """A wire of a process that is killed once `left` answers have come."""

    inner: Direct
    left: int

    def exchange(self, sent: Sent, *, limit: int | None = None) -> Received:
        reply = self.inner.exchange(sent, limit=limit)
        self.left -= 1
        if self.left == 0:
            raise Killed
        return reply


def dying(town: Town, after: int) -> Any:
    speaking = client(town.hub)
    speaking._session._sender._wire = Dying(Direct(town.hub), after)
    return speaking


def one_of_each(town: Town, pull: int, said: str = "Started") -> None:
    assert len(town.hub.stub.dispatches) == 1
    assert [said in body for body in town.answers(pull)] == [True]
    assert len(town.refs()) == len(MEMBERS)
    assert town.refs("refs/smokegate/turns/") == []


def cleared(town: Town) -> None:
    for ref in town.refs("refs/smokegate/"):
        town.hub.git.move(ref, None)
    town.hub.comments.clear()
    town.hub.stub.dispatches.clear()


def test_killed_after_any_request_it_is_taken_up_where_it_stopped(town: Town) -> None:
    pull = proposed(town)
    for after in range(1, 200):
        cleared(town)
        event, run = town.comment(pull, "/promote"), town.run()
        with suppress(Killed):
            town.deliver(event, run, hub=dying(town, after))
            break
        town.over(run)
        town.deliver(event)
        one_of_each(town, pull)
    assert 15 < after < 60
    one_of_each(town, pull)


def test_killed_while_it_stops_one_it_stops_it_all_the_same(town: Town) -> None:
    """Killed after its answer, it leaves locks of a run that is over: the sweep frees them, and says nothing more."""
    pull = proposed(town)
    for after in range(1, 200):
        cleared(town)
        town.ask(pull, "/promote")
        (dispatch,) = town.hub.stub.dispatches
        event, run = town.comment(pull, "/hold", "writer"), town.run()
        with suppress(Killed):
            town.deliver(event, run, hub=dying(town, after))
            break
        town.over(run)
        town.deliver(event)
        Sweeper(town.office()).sweep()
        assert ["Stopped" in body for body in town.answers(pull)[1:]] == [True], after
        assert town.hub.stub.runs[dispatch.run_id]["conclusion"] == "cancelled" and town.refs() == []
    assert 10 < after < 60 and town.refs() == []


def test_one_that_has_its_answer_is_not_begun_again(town: Town) -> None:
    """Its worker was killed once the run was there, and the comment is read again when the run is long over."""
    pull, after = proposed(town), 30
    while not town.hub.stub.dispatches or town.answers(pull):
        cleared(town)
        event, run = town.comment(pull, "/promote"), town.run()
        with suppress(Killed):
            town.deliver(event, run, hub=dying(town, after))
        town.over(run)
        after -= 1
    town.hub.stub.finish(town.hub.stub.dispatches[0].run_id, "failure")
    Sweeper(town.office()).sweep()
    assert "failed before it had an answer" in town.answers(pull)[0]
    town.deliver(event)
    assert "**Answered already:** the promotion of" in town.answers(pull)[1]
    assert len(town.hub.stub.dispatches) == 1 and town.refs() == []


@dataclass
class Meanwhile:
    """Something that happens once, just before the request of that number."""

    at: int
    act: Callable[[], object]
    seen: int = 0
    happened: bool = False

    def __call__(self, _: Request) -> None:
        self.seen += 1
        if self.seen == self.at and not self.happened:
            self.happened = True
            self.act()


def test_of_two_workers_at_once_one_acts_whenever_the_other_comes(town: Town) -> None:
    """The second reads the same comment between any two requests of the first."""
    pull = proposed(town)
    for at in range(1, 200):
        cleared(town)
        event = town.comment(pull, "/promote")
        town.hub.before = second = Meanwhile(at, partial(town.deliver, event))
        town.deliver(event)
        town.hub.before = lambda _: None
        one_of_each(town, pull)
        if not second.happened:
            break
    assert 15 < at < 60


def test_of_two_promotions_of_one_entry_one_is_dispatched_whenever_the_other_comes(town: Town) -> None:
    pull = proposed(town)
    for at in range(1, 200):
        cleared(town)
        first, second = (town.comment(pull, "/promote") for _ in range(2))
        town.hub.before = rival = Meanwhile(at, partial(town.deliver, second))
        town.deliver(first)
        town.hub.before = lambda _: None
        if not rival.happened:
            break
        (dispatch,) = town.hub.stub.dispatches
        assert sorted("Started" in body for body in town.answers(pull)) == [False, True]
        assert any("is being promoted already" in body for body in town.answers(pull))
        holders = {lock.nonce for lock in town.office().locks().standing()}
        assert holders == {promotion.from_inputs(dispatch.inputs).nonce} and len(town.refs()) == len(MEMBERS)
    assert 15 < at < 60


def test_one_that_is_stopped_in_whatever_moment_does_not_run_on(town: Town) -> None:
    """`/hold` is read between any two requests of the worker that promotes, or before the first of them: nothing runs
    then, and nobody is told that something does."""
    pull = proposed(town)
    ends = Counter[str]()
    for at in range(1, 200):
        cleared(town)
        asked, stop = town.comment(pull, "/promote"), town.comment(pull, "/hold", "writer")
        town.hub.before = hold = Meanwhile(at, partial(town.deliver, stop))
        town.deliver(asked)
        town.hub.before = lambda _: None
        if not hold.happened:
            break
        told = " ".join(town.answers(pull))
        going = [one for one in town.hub.stub.dispatches if town.hub.stub.runs[one.run_id]["status"] != "completed"]
        assert going == [] and town.refs() == [] and len(town.answers(pull)) == 2, (at, told)
        early, late = ("Nothing to stop" in told and "Not started" in told), "Stopped: " in told
        assert early is not late, (at, told)
        ends["early" if early else "late"] += 1
    assert 15 < at < 60 and min(ends["early"], ends["late"]) > 5, ends


@pytest.mark.parametrize(
    ("login", "body"),
    [("reader", "/hold"), ("writer", "/hold sharp_v1"), ("writer", "> /hold"), ("robot[bot]", "/hold")],
)
def test_a_hold_that_is_none_calls_nothing_off(town: Town, login: str, body: str) -> None:
    pull = proposed(town)
    town.hub.roles["robot[bot]"] = "admin"
    asked = town.comment(pull, "/promote")
    town.comment(pull, body, login)
    edited = town.hub.say(pull, "writer", "/hold")
    edited |= {"updated_at": town.hub.now}
    town.deliver(asked)
    one_of_each(town, pull)


class Only(Plan):
    """Requests of one kind go wrong, the first so many times."""

    def __init__(self, town: Town, fault: Fault, kind: Callable[[Request], bool], times: int) -> None:
        super().__init__()
        self.town, self.fault, self.kind, self.left = town, fault, kind, times

    def next(self) -> Fault | None:
        if self.left and self.kind(self.town.hub.asked[-1]):
            self.left -= 1
            self.script = [self.fault]
        return super().next()


def locking(asked: Request) -> bool:
    return asked.path.endswith("/git/refs") and "/locks/" in asked.data["ref"]


def dispatching(asked: Request) -> bool:
    return asked.path.endswith("/dispatches")


def test_a_lock_that_was_made_though_github_said_502_is_ours(town: Town) -> None:
    pull = proposed(town)
    for lost in (1, 2):
        cleared(town)
        town.hub.plan = plan = Only(town, Fault.BAD_GATEWAY_AFTER, locking, lost)
        town.deliver(town.comment(pull, "/promote"))
        assert len(plan.done) == lost
        one_of_each(town, pull)


def test_the_turn_of_a_worker_that_lives_is_not_taken(town: Town) -> None:
    pull = proposed(town)
    event, run = town.comment(pull, "/promote"), town.run()
    with suppress(Killed):
        town.deliver(event, run, hub=dying(town, 5))
    assert town.deliver(event).note == "another run answers this comment"
    assert town.answers(pull) == []
    town.deliver(event, run, attempt=2)
    one_of_each(town, pull)


def test_a_refused_dispatch_frees_the_entries_and_is_told(town: Town) -> None:
    pull = proposed(town)
    town.hub.stub.workflows.discard("gpu-harness.yml")
    event = town.comment(pull, "/promote")
    assert town.deliver(event).failed
    assert "Could not go on" in town.answers(pull)[0] and town.refs() == []


def test_a_server_that_is_down_is_an_error_and_a_later_delivery_goes_on(town: Town) -> None:
    pull = proposed(town)
    event, run = town.comment(pull, "/promote"), town.run()
    town.hub.plan = Plan([None] * 14, rate=1.0, kinds=(Fault.BAD_GATEWAY_BEFORE,))
    with pytest.raises(SmokegateError, match="502"):
        town.deliver(event, run)
    assert town.answers(pull) == []
    town.hub.plan = Plan()
    town.over(run)
    town.deliver(event)
    one_of_each(town, pull)


def test_where_a_run_may_have_been_started_the_entries_stay_locked(town: Town) -> None:
    """GitHub says so of none: whoever reads the comment again, or the sweep, finds what to go on from."""
    pull = proposed(town)
    event, run = town.comment(pull, "/promote"), town.run()
    town.hub.plan = Only(town, Fault.BAD_GATEWAY_BEFORE, dispatching, 100)
    with pytest.raises(SmokegateError, match="502"):
        town.deliver(event, run)
    assert len(town.refs()) == len(MEMBERS) and town.answers(pull) == []
    town.hub.plan = Plan()
    town.over(run)
    town.deliver(event)
    one_of_each(town, pull)


def test_an_older_server_that_does_not_say_which_run_it_started(town: Town) -> None:
    town.hub.stub.says_run_ids = False
    pull = proposed(town)
    said = town.ask(pull, "/promote")
    assert f"/actions/runs/{town.hub.stub.dispatches[0].run_id}" in said
    one_of_each(town, pull)


def test_a_run_that_somebody_else_names_like_ours_is_not_taken_for_it(town: Town) -> None:
    town.hub.stub.says_run_ids = False
    pull = proposed(town)
    event = town.comment(pull, "/promote")
    nonce = nonce_of(REPOSITORY, event.id, "model/tiny/registry.json", MEMBERS)
    sha = town.forge.git("rev-parse", "main")
    for branch, login in (("main", "writer"), ("topic", "smokegate-test[bot]")):
        town.hub.stub.add_run(
            "gpu-harness.yml", branch, sha, login, event="workflow_dispatch", title=f"smokegate ensemble {nonce}"
        )
    town.deliver(event)
    one_of_each(town, pull)
    assert f"/actions/runs/{town.hub.stub.dispatches[0].run_id}" in town.answers(pull)[0]


# -- a thousand of them ------------------------------------------------------------------------------------------------


def crowd(town: Town, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Pull requests on GitHub in memory; one in five asks for the entry of the one before it."""
    git = InMemory()
    tree = git.tree([], None)
    main = git.commit("main", tree, [], "x")
    git.move("refs/heads/main", main)
    town.hub = Memory(git, town.clock, described=False)
    pulls = []
    for number in range(DELIVERIES // 5):
        git.move(f"refs/heads/b{number}", git.commit(f"change {number}", tree, [main], "writer"))
        pulls.append(town.hub.open_pull(f"b{number}"))
    heads = {pull: town.hub.git.refs()[f"refs/heads/{town.hub.pulls[pull]['head']['ref']}"] for pull in pulls}
    monkeypatch.setattr(Town, "head", lambda _, pull: heads[pull])

    def requests(_: Promoter, asked: Asked) -> list[promotion.Request]:
        pull, registry = asked.pull, "registry.json"
        ids = tuple(f"entry_{pulls.index(pull.number) // 2}_{seed}" for seed in range(2))
        return [
            promotion.Request(
                repository=REPOSITORY,
                pr=pull.number,
                base_ref="main",
                base_sha=main,
                head_sha=pull.head_sha,
                registry=registry,
                ids=ids,
                harness="ensemble",
                gate="g",
                policy_sha256="0" * 64,
                actor=asked.comment.author.login,
                comment=asked.comment.id,
                nonce=nonce_of(REPOSITORY, asked.comment.id, registry, ids),
                asked_at=asked.comment.created_at,
            )
        ]

    monkeypatch.setattr(Promoter, "requests", requests)
    for pull in pulls:
        town.verdict(pull)
    return pulls


def test_a_thousand_deliveries_with_faults_double_nothing_and_lose_nothing(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every comment is delivered five times, in any order, through faults of every kind; a run that ends in an error
    is over, and the next delivery goes on."""
    pulls = crowd(town, monkeypatch)
    events = {pull: town.comment(pull, "/promote") for pull in pulls}
    deliveries = [event for event in events.values() for _ in range(5)]
    random.Random(5).shuffle(deliveries)  # noqa: S311
    town.hub.plan = Plan(rate=RATE, seed=3)
    began, errors = time.monotonic(), Counter[str]()
    for event in deliveries:
        run = town.run()
        try:
            town.deliver(event, run)
        except SmokegateError as error:
            errors[type(error).__name__] += 1
        town.over(run)
    sent, met = len(town.hub.asked), Counter(fault.name for fault in town.hub.plan.done)
    unanswered = [pull for pull in pulls if not town.answers(pull)]
    town.hub.plan = Plan()
    for pull in unanswered:  # what a person does who sees a red run
        town.deliver(events[pull])
    taken = {promotion.from_inputs(one.inputs).nonce: one.run_id for one in town.hub.stub.dispatches}
    print(
        f"\n{len(deliveries):,} deliveries of {len(events)} comments, {sent:,} requests, {sum(met.values()):,} faults "
        f"{dict(met)}; {sum(errors.values())} ended in an error {dict(errors)}, {len(unanswered)} comments were run "
        f"again at the end; {len(taken)} runs dispatched, {time.monotonic() - began:.1f} s"
    )
    assert sum(met.values()) > sent * RATE * 0.9 and set(met) >= {fault.name for fault in Fault} - {"OTHER_PAGE"}
    assert len(taken) == len(town.hub.stub.dispatches) == len(pulls) // 2
    held = town.office().locks().standing()
    assert {lock.nonce for lock in held} == set(taken) and all(lock.run == taken[lock.nonce] for lock in held)
    town.clock.at += 1_000
    swept = list(Sweeper(town.office())._turns())
    assert len(swept) < len(pulls) * RATE and town.refs("refs/smokegate/turns/") == []
    for pull in pulls:
        (said,) = town.answers(pull)
        assert ("Started" in said) is (pull in {lock.pr for lock in held})
        assert "Started" in said or "is being promoted already" in said
