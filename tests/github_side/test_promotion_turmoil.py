"""Whatever happens in whatever order: comments read twice, half, or two at a time, runs that end in every way, pushes,
sweeps, and a GitHub that fails now and then.

When it is quiet again every comment has one answer, every run that was started has one, and nothing is locked.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from forge import Forge
from github_side.emulator import REPOSITORY
from github_side.hub import Plan
from github_side.memory import InMemory, Memory
from github_side.promotions import Town, founded, order
from github_side.stub import Dispatch
from github_side.test_promotion_faults import Killed, Meanwhile, dying
from smokegate.errors import SmokegateError
from smokegate.github.comments import reply
from smokegate.github.flips.finish import Finisher
from smokegate.github.measuring import harness
from smokegate.github.promotions import promotion
from smokegate.github.promotions.promote import Asked, Promoter, nonce_of
from smokegate.github.schedule.sweep import Sweeper
from smokegate.github.step.events import IssueComment
from smokegate.review.check import Workbench

PULLS, STEPS, WORLDS, RATE = 3, 50, 50, 0.1
COMMANDS = ("/promote", "/promote", "/promote", "/hold", "/status", "/promote\n\n/promote a", "/hold\n/promote")


@dataclass
class World:
    """A few pull requests that want the same entries, and all that may happen to them."""

    town: Town
    pulls: list[int]
    dice: random.Random
    events: list[IssueComment] = field(default_factory=list)
    heads: dict[int, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    @property
    def runs(self) -> dict[int, dict[str, Any]]:
        return self.town.hub.stub.runs

    def happen(self) -> None:
        act = self.dice.choice(
            [self.comment] * 3
            + [self.deliver] * 6
            + [self.sweep] * 2
            + [self.start, self.end, self.end, self.finish, self.finish, self.push, self.judge, self.close, self.wait]
        )
        self.log.append(act.__name__)
        act()

    def comment(self) -> None:
        self.events.append(self.town.comment(self.dice.choice(self.pulls), self.dice.choice(COMMANDS)))

    def deliver(self) -> None:
        if self.events:
            event = self.dice.choice(self.events)
            self._worker(lambda run, **office: self.town.deliver(event, run, **office))

    def sweep(self) -> None:
        self._worker(lambda run, **office: Sweeper(self.town.office(run, **office)).sweep())

    def _worker(self, work: Callable[..., object]) -> None:
        """One that lives, or is killed after some requests; and something else may happen between two of them."""
        run, before = self.town.run(), self.town.hub.before
        hub = dying(self.town, self.dice.randrange(1, 40)) if self.dice.random() < 0.4 else None
        if self.dice.random() < 0.4:
            self.town.hub.before = Meanwhile(self.dice.randrange(1, 30), self.happen)
        with suppress(Killed, SmokegateError):
            work(run, hub=hub)
        self.town.hub.before = before
        self.town.over(run)

    def _some(self, *status: str) -> Dispatch | None:
        found = [one for one in self.town.hub.stub.dispatches if self.runs[one.run_id]["status"] in status]
        return self.dice.choice(found) if found else None

    def start(self) -> None:
        if one := self._some("queued"):
            self.town.hub.stub.start(one.run_id)
            for job in self.town.hub.stub.jobs[one.run_id]:
                job |= {"started_at": self.town.hub.now}

    def end(self) -> None:
        if one := self._some("queued", "in_progress"):
            self.town.hub.stub.finish(one.run_id, self.dice.choice(["success", "failure", "cancelled", "timed_out"]))
            self.runs[one.run_id] |= {"updated_at": self.town.hub.now}

    def finish(self) -> None:
        """The last job of a run, of which nothing was left."""
        if one := self._some("queued", "in_progress"):
            hub = dying(self.town, self.dice.randrange(1, 40)) if self.dice.random() < 0.4 else None
            office = self.town.office(one.run_id, attempt=self.dice.randrange(1, 4), hub=hub)
            with suppress(Killed, SmokegateError):
                Finisher(office).finish(harness.requested(order(one), office))

    def push(self) -> None:
        pull, git = self.dice.choice(self.pulls), self.town.hub.git
        branch = f"refs/heads/{self.town.hub.pulls[pull]['head']['ref']}"
        above = git.refs()[branch]
        found = git.get(above)
        assert found is not None
        git.move(branch, git.commit(f"more {self.town.clock.at}", found[0], [above], "writer"))

    def judge(self) -> None:
        pull = self.dice.choice(self.pulls)
        self.town.verdict(pull, head=self.town.hub.git.refs()[f"refs/heads/{self.town.hub.pulls[pull]['head']['ref']}"])

    def close(self) -> None:
        pull = self.dice.choice(self.pulls)
        self.town.hub.pulls[pull]["state"] = self.dice.choice(["open", "open", "closed"])

    def wait(self) -> None:
        self.town.clock.at += self.dice.choice([1, 60, 11 * 60, 16 * 60, 61 * 60])

    def settle(self) -> None:
        """Each comment is read to its end, each run ends, and the sweep comes by."""
        for event in self.events:
            with suppress(SmokegateError):
                self.town.deliver(event)
        for one in self.town.hub.stub.dispatches:
            if self.runs[one.run_id]["status"] != "completed":
                self.town.hub.stub.finish(one.run_id, "failure")
        for _ in range(3):
            self.town.clock.at += 20 * 60
            Sweeper(self.town.office()).sweep()


def requests(_: Promoter, asked: Asked) -> list[promotion.Request]:
    """Every pull request is about the same two entries; named alone, one of them is about that."""
    ids, pull = asked.command.ids or ("a", "b"), asked.pull
    return [
        promotion.Request(
            repository=REPOSITORY,
            pr=pull.number,
            base_ref="main",
            base_sha="0" * 40,
            head_sha=pull.head_sha,
            registry="registry.json",
            ids=ids,
            harness="ensemble",
            gate="g",
            policy_sha256="0" * 64,
            actor=asked.comment.author.login,
            comment=asked.comment.id,
            nonce=nonce_of(REPOSITORY, asked.comment.id, "registry.json", ids),
            asked_at=asked.comment.created_at,
        )
    ]


@pytest.fixture
def world(forge: Forge, tmp_path: Path, bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], World]:
    base = founded(forge, tmp_path, bench)
    main = forge.git("rev-parse", "main")
    monkeypatch.setattr(Promoter, "requests", requests)
    court = base.court

    def made(seed: int) -> World:
        git = InMemory()
        tree = git.tree([], None)
        git.commits[main] = (tree, [], "main")
        git.move("refs/heads/main", main)
        town = Town(base.forge, Memory(git, base.clock, described=False), base.clock, base.folder, base.bench)
        town.offices["main"] = court
        monkeypatch.setattr(Town, "run", lambda self: started(self, main))
        pulls = []
        for number in range(PULLS):
            git.move(f"refs/heads/b{number}", git.commit(f"change {number}", tree, [main], "writer"))
            pulls.append(town.hub.open_pull(f"b{number}"))
            town.verdict(pulls[-1], head=git.refs()[f"refs/heads/b{number}"])
        return World(town, pulls, random.Random(seed))  # noqa: S311

    return made


def started(town: Town, main: str) -> int:
    return town.hub.stub.add_run("promote.yml", "main", main, "x", event="issue_comment", title="x")


def test_when_it_is_quiet_again_everything_is_answered_and_nothing_locked(world: Callable[[int], World]) -> None:
    met = Counter[str]()
    for seed in range(WORLDS):
        made = world(seed)
        made.town.hub.plan = Plan(rate=RATE, seed=seed)
        for _ in range(STEPS):
            made.happen()
        made.town.hub.plan = Plan()
        made.settle()
        town = made.town
        told = {pull: town.answers(pull) for pull in made.pulls}
        where = f"world {seed}: {made.log}"
        for event in made.events:
            mine = [body for body in told[event.issue] if f"comment:{event.id} -->" in body]
            assert len(mine) == 1, (where, event.body, mine)
        nonces = Counter(promotion.from_inputs(one.inputs).nonce for one in town.hub.stub.dispatches)
        assert max(nonces.values(), default=0) <= 1, (where, nonces)
        for one in town.hub.stub.dispatches:
            request = promotion.from_inputs(one.inputs)
            mine = [body for body in told[request.pr] if f"{reply.promotion_key(request.nonce)} -->" in body]
            # Or whoever read the comment found, half-way through, that it was called off.
            answer = next(body for body in told[request.pr] if f"comment:{request.comment} -->" in body)
            mine = mine or [answer] * ("Not started" in answer)
            # Between the moment that `/hold` stops a run and the one that it says so, somebody may see it stopped.
            seen = [body for body in mine if "was cancelled" in body and any("Stopped" in one for one in mine)]
            assert len(mine) - len(seen) == 1, (where, request, mine)
        assert town.refs("refs/smokegate/") == [], where
        met.update(re.findall(r"^\*\*([A-Z][a-z]+ ?[a-z]*)", "\n".join(chain(*told.values())), re.MULTILINE))
    print(f"\n{WORLDS} worlds of {STEPS} steps: {dict(met)}")
    assert {"Started", "Stopped", "Nothing to", "Not done", "The promotion", "No answer", "Status"} <= set(met)
