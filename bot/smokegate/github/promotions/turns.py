"""Whose turn it is to act on one thing: a git ref that is created or not, so that of two workers one goes on.

A turn ends when its work is done. One that was left, by a worker that was killed or that GitHub failed, is taken over
by whoever comes next, once the run that held it is over.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from smokegate.github.api.clock import Clock
from smokegate.github.api.faults import NotFound
from smokegate.github.api.once import once
from smokegate.github.api.port import GitHub
from smokegate.github.promotions.ground import Ground
from smokegate.registry import strict_json

PREFIX = "refs/smokegate/turns/"
_TITLE = "smokegate turn"
_KEY = re.compile(r"[a-z]+(?::[A-Za-z0-9]+)*", re.ASCII)
_LONGEST = 4_096
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Turn:
    key: str
    pull: int
    """The pull request, or issue, that hears of it."""
    run: int
    attempt: int
    taken_at: int


@dataclass(frozen=True, slots=True)
class Worker:
    """This process, as other ones know it."""

    run: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Turns:
    hub: GitHub
    clock: Clock
    worker: Worker
    ground: Ground

    @contextmanager
    def take(self, key: str, pull: int) -> Iterator[bool]:
        """False where somebody else is at it. Left by an exception, the turn stays for whoever tries again."""
        ref = ref_of(key)
        if not self._taken(ref, Turn(key, pull, self.worker.run, self.worker.attempt, int(self.clock.now()))):
            yield False
            return
        yield True
        self.hub.delete_ref(ref)

    def standing(self) -> Iterator[Turn]:
        for ref in self.hub.matching_refs(PREFIX):
            turn = read(self.hub.get_commit(ref.sha).message) if ref.kind == "commit" else None
            if turn is not None and ref_of(turn.key) == ref.name:
                yield turn

    def is_over(self, turn: Turn) -> bool:
        """Whether its worker can do nothing any more: an earlier attempt of our own run, or a run that ended."""
        if turn.run == self.worker.run:
            return turn.attempt < self.worker.attempt
        try:
            return self.hub.run(turn.run).status == "completed"
        except NotFound:
            return True

    def _taken(self, ref: str, turn: Turn) -> bool:
        message = _write(turn)
        ours = self._commit(message, self.ground)
        for _ in range(_TRIES):
            if once(lambda: self._is(ref, ours), lambda: self.hub.create_ref(ref, ours), self.clock, looked=True):
                return True
            there = self.hub.ref(ref)
            if there is not None:
                return there.sha == ours or self._taken_over(ref, there.sha, message)
        return False

    def _taken_over(self, ref: str, there: str, message: str) -> bool:
        """A ref moves forward along parents only, so of two who take over one succeeds."""
        commit = self.hub.get_commit(there)
        before = read(commit.message)
        if before is not None and not self.is_over(before):
            return False
        ours = self._commit(message, Ground(there, commit.tree))
        return self.hub.update_ref(ref, ours) or self._is(ref, ours) is True

    def _commit(self, message: str, on: Ground) -> str:
        return self.hub.create_commit(message=message, tree=on.tree, parents=[on.commit]).sha

    def _is(self, ref: str, sha: str) -> bool | None:
        there = self.hub.ref(ref)
        return True if there is not None and there.sha == sha else None


def ref_of(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError(f"nobody can have a turn at {key!r}")
    return PREFIX + key.replace(":", "/")


def _write(turn: Turn) -> str:
    """With a mark of chance: two workers never make one commit."""
    return f"{_TITLE}\n\n{json.dumps({**asdict(turn), 'mark': secrets.token_hex(8)}, sort_keys=True)}\n"


def read(message: str) -> Turn | None:
    """None where this is none of ours."""
    title, _, text = message.partition("\n\n")
    if title != _TITLE:
        return None
    try:
        value = strict_json.parse(text.encode(), max_bytes=_LONGEST, max_depth=2)
    except (strict_json.JsonFault, UnicodeEncodeError):
        return None
    if not isinstance(value, dict):
        return None
    key, numbers = value.get("key"), [_count(value.get(name)) for name in ("pull", "run", "attempt", "taken_at")]
    if not isinstance(key, str) or not _KEY.fullmatch(key) or 0 in numbers:
        return None
    return Turn(key, *numbers)


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
