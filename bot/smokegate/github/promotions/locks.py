"""Locks on GitHub: all entries of one promotion are taken, or none is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from smokegate.github.api.clock import Clock
from smokegate.github.api.once import once
from smokegate.github.api.port import Commit, GitHub, Ref
from smokegate.github.promotions import locking
from smokegate.github.promotions.ground import Ground
from smokegate.github.promotions.locking import Lock

_TRIES = 3


@dataclass(frozen=True, slots=True)
class Held:
    lock: Lock
    """As it was first written, which may have been a while ago."""
    refs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Taken:
    """By somebody else."""

    entry: str
    ref: str
    lock: Lock | None
    """None where what lies there is no lock of ours."""


@dataclass(frozen=True, slots=True)
class Locks:
    hub: GitHub
    clock: Clock
    ground: Ground
    _known: dict[str, Commit] = field(default_factory=dict)

    def take(self, registry: str, lock: Lock) -> Held | Taken:
        """What this very promotion holds already, as after a crash, it goes on holding."""
        sha = self._commit(locking.write(lock), self.ground)
        refs = locking.refs(registry, lock.ids)
        held = [lock]
        for at, ref in enumerate(refs):
            found = self._taken(ref, sha, lock.nonce)
            if isinstance(found, Taken):
                self.free(lock.nonce, refs[:at])
                return found
            held += [found] if found else []
        run = next((one.run for one in held if one.run is not None), None)
        return Held(replace(min(held, key=lambda one: one.taken_at), run=run), tuple(refs))

    def _taken(self, ref: str, sha: str, nonce: str) -> Taken | Lock | None:
        """None: it is ours now. A lock: it was ours before."""

        def ours() -> bool | None:
            lock = self.at(ref)
            return True if lock is not None and lock.nonce == nonce else None

        for _ in range(_TRIES):
            if once(ours, lambda: self.hub.create_ref(ref, sha), self.clock, looked=True):
                return None
            there = self.hub.ref(ref)
            if there is not None:
                lock = self._lock(there)
                return lock if lock is not None and lock.nonce == nonce else Taken(ref.rpartition("/")[2], ref, lock)
        return Taken(ref.rpartition("/")[2], ref, None)

    def note_run(self, held: Held, run: int | None) -> bool:
        """Whether all of it is held still. A ref that somebody moved meanwhile is not ours to change."""
        message = locking.write(replace(held.lock, run=run))
        made: dict[str, str] = {}
        whole = True
        for ref in held.refs:
            there = self.hub.ref(ref)
            lock = self._lock(there) if there else None
            if there is None or lock is None or lock.nonce != held.lock.nonce:
                whole = False
                continue
            if run is None or lock.run == run:
                continue
            if there.sha not in made:
                made[there.sha] = self._commit(message, Ground(there.sha, self._at(there.sha).tree))
            self.hub.update_ref(ref, made[there.sha])
        return whole

    def held(self, registry: str, ids: Iterable[str], nonce: str) -> list[Lock | None]:
        """For each of these entries this promotion's lock, None where it has none."""
        found = [self.at(ref) for ref in locking.refs(registry, ids)]
        return [lock if lock is not None and lock.nonce == nonce else None for lock in found]

    def at(self, ref: str) -> Lock | None:
        there = self.hub.ref(ref)
        return self._lock(there) if there else None

    def standing(self) -> dict[Lock, tuple[str, ...]]:
        """Every promotion that holds anything, the oldest first, and what it holds."""
        found: dict[str, tuple[Lock, list[str]]] = {}
        for ref, lock in self._all():
            known, refs = found.setdefault(lock.nonce, (lock, []))
            refs.append(ref)
            found[lock.nonce] = (lock if known.run is None else known, refs)
        return {lock: tuple(refs) for lock, refs in sorted(found.values(), key=lambda one: one[0].taken_at)}

    def _all(self) -> Iterator[tuple[str, Lock]]:
        for ref in self.hub.matching_refs(locking.PREFIX):
            lock = self._lock(ref)
            if lock is not None:
                yield ref.name, lock

    def free(self, nonce: str, refs: Iterable[str]) -> None:
        """Those that this promotion holds, and nobody else's."""
        for ref in refs:
            lock = self.at(ref)
            if lock is not None and lock.nonce == nonce:
                self.hub.delete_ref(ref)

    def _commit(self, message: str, on: Ground) -> str:
        return self.hub.create_commit(message=message, tree=on.tree, parents=[on.commit]).sha

    def _lock(self, ref: Ref) -> Lock | None:
        """Anybody who may push may make a ref of any kind here."""
        return locking.read(self._at(ref.sha).message) if ref.kind == "commit" else None

    def _at(self, sha: str) -> Commit:
        if sha not in self._known:
            self._known[sha] = self.hub.get_commit(sha)
        return self._known[sha]
