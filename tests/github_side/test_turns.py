"""Whose turn it is, as it is written down and read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from github_side.exchange import Request, Response, answer
from github_side.memory import InMemory, Memory, client
from github_side.still_clock import StillClock
from smokegate.github.promotions import locking, turns
from smokegate.github.promotions.ground import Ground
from smokegate.github.promotions.locks import Held, Locks
from smokegate.github.promotions.turns import PREFIX, Turns, Worker, read, ref_of


@pytest.fixture
def hub() -> Memory:
    git = InMemory()
    git.move("refs/heads/main", git.commit("main", git.tree([], None), [], "x"))
    return Memory(git, StillClock())


def worker(hub: Memory, run: int, attempt: int = 1) -> Turns:
    main = hub.git.refs()["refs/heads/main"]
    found = hub.git.get(main)
    assert found is not None
    return Turns(client(hub), hub.clock, Worker(run, attempt), Ground(main, found[0]))


def running(hub: Memory) -> int:
    return hub.stub.add_run("promote.yml", "main", "0" * 40, "x", event="issue_comment", title="x")


def test_one_has_it_and_then_the_next(hub: Memory) -> None:
    first, second = (worker(hub, running(hub)) for _ in range(2))
    with first.take("comment:7", 3) as mine:
        with second.take("comment:7", 3) as theirs, second.take("comment:8", 3) as another:
            assert (mine, theirs, another) == (True, False, True)
        (turn,) = second.standing()
        assert (turn.key, turn.pull, turn.run) == ("comment:7", 3, first.worker.run)
    assert hub.git.refs().keys() == {"refs/heads/main"}
    with second.take("comment:7", 3) as mine:
        assert mine


def test_left_by_an_error_it_waits_for_the_run_to_end(hub: Memory) -> None:
    first, second = (worker(hub, running(hub)) for _ in range(2))
    with pytest.raises(KeyError), first.take("comment:7", 3):
        raise KeyError
    with second.take("comment:7", 3) as mine:
        assert not mine
    hub.stub.finish(first.worker.run, "failure")
    with second.take("comment:7", 3) as mine:
        assert mine
    assert f"{PREFIX}comment/7" not in hub.git.refs()


def test_of_one_run_a_later_attempt_takes_over(hub: Memory) -> None:
    run = running(hub)
    with pytest.raises(KeyError), worker(hub, run, 2).take("a", 3):
        raise KeyError
    for attempt, taken in ((1, False), (2, False), (3, True)):
        with worker(hub, run, attempt).take("a", 3) as mine:
            assert mine is taken


def test_of_two_who_take_over_one_does(hub: Memory) -> None:
    gone = running(hub)
    with pytest.raises(KeyError), worker(hub, gone).take("a", 3):
        raise KeyError
    hub.stub.finish(gone, "failure")
    first, second = (worker(hub, running(hub)) for _ in range(2))
    seen: list[bool] = []

    def meanwhile(asked: object) -> None:
        """Between the moment that the first has made its commit and the one that it moves the ref."""
        if getattr(asked, "verb", "") == "PATCH" and not seen:
            seen.append(False)
            seen[0] = second._taken(ref_of("a"), turns.Turn("a", 3, second.worker.run, 1, 1))

    hub.before = meanwhile
    with first.take("a", 3) as mine:
        assert (mine, seen) == (False, [True])


def test_what_stands_on_an_older_tip_changes_no_file(hub: Memory) -> None:
    """GitHub lets no App without the permission `workflows` push a commit that changes one, and the tip may have."""
    gone = running(hub)
    left, lock = worker(hub, gone), locking.Lock("0" * 32, 7, ("a",), "keeper", 1, 99)
    held = Locks(left.hub, hub.clock, left.ground).take("model/registry.json", lock)
    assert isinstance(held, Held)
    with pytest.raises(KeyError), left.take("a", 3):
        raise KeyError
    hub.stub.finish(gone, "failure")
    tree = hub.git.tree([{"path": ".github/workflows/x.yml", "sha": hub.git.blob(b"jobs: {}")}], None)
    hub.git.move("refs/heads/main", hub.git.commit("y", tree, [left.ground.commit], "x"))
    now = worker(hub, running(hub))
    assert Locks(now.hub, hub.clock, now.ground).note_run(held, 5)
    with now.take("a", 3) as mine:
        assert mine
        trees = {name: commit[0] for name, sha in hub.git.refs().items() if (commit := hub.git.get(sha))}
        assert len(trees) == 3 and [name for name in trees if trees[name] == tree] == ["refs/heads/main"]


class Odd(Memory):
    """What is under `odd` is not a commit: whoever may push may push that."""

    def truly(self, asked: Request) -> Response:
        reply = super().truly(asked)
        if asked.verb == "GET" and "/git/matching-refs/" in asked.path:
            found = [
                {**one, "object": {**one["object"], "type": "blob"}} if one["ref"].endswith("/odd") else one
                for one in reply.data
            ]
            return answer(200, found)
        return reply


def test_a_ref_of_something_else_keeps_nobody_from_the_others() -> None:
    git = InMemory()
    git.move("refs/heads/main", git.commit("main", git.tree([], None), [], "x"))
    hub = Odd(git, StillClock())
    for prefix in (PREFIX, locking.PREFIX):
        git.move(f"{prefix}odd", git.blob(b"no commit"))
    one = worker(hub, running(hub))
    locks = Locks(one.hub, hub.clock, one.ground)
    lock = locking.Lock("0" * 32, 7, ("a",), "keeper", 1, 99)
    assert isinstance(locks.take("registry.json", lock), Held)
    with one.take("comment:7", 3):
        assert [turn.key for turn in one.standing()] == ["comment:7"] and list(locks.standing()) == [lock]


@given(st.text(max_size=200))
def test_whatever_else_is_written_there_is_no_turn(text: str) -> None:
    assert read(f"smokegate turn\n\n{text}") is None or '"key"' in text
    assert read(text) is None


@pytest.mark.parametrize("key", ["", "A", "a:", "a/../b", "a b", "a:\n", "../heads/main"])
def test_no_key_leads_elsewhere(key: str) -> None:
    with pytest.raises(ValueError, match="nobody can have a turn"):
        ref_of(key)
