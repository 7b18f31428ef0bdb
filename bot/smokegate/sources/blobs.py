"""Blobs of one object store: read through git, each digested once whatever trees and names it appears under."""

from __future__ import annotations

import io
import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import BinaryIO

from smokegate.errors import RepositoryError
from smokegate.sources.cat_file import CatFile
from smokegate.sources.checkout import Checkout
from smokegate.sources.command import Git
from smokegate.sources.digest import Stored, digest

_AT_ONCE = 256
_IN_MEMORY = 32 << 20
_WORTH_DRAINING = 4 << 20
_WORTH_A_PROCESS = 1 << 20
_WORTH_A_JOB = 1 << 16

Names = Mapping[str, str]
"""Object ids, each with a path it goes by."""


class Blobs:
    def __init__(self, git: Git, checkout: Checkout | None, known: dict[str, Stored] | None = None) -> None:
        self._git = git
        self._checkout = checkout
        self._contents = _Line(lambda: CatFile(git))
        self._checks = _Line(lambda: CatFile(git, "--batch-check"))
        self._sizes: dict[str, int] = {}
        self.known = {} if known is None else known

    def beside(self, git: Git) -> Blobs:
        """The same store seen through `git`, which may see more; what is known of content is shared."""
        return Blobs(git, self._checkout, self.known)

    def stored(self, oid: str, path: str) -> Stored:
        if (found := self.known.get(oid)) is None:
            found = self._from_checkout(oid, path)
            if found is None:
                with self._contents.open() as git:
                    git.ask([oid])
                    found = digest(git.body(git.header(oid, path), oid, path))
            self.known[oid] = found
        return found

    def size(self, oid: str, path: str) -> int:
        if (found := self.known.get(oid)) is not None:
            return found.size
        if oid not in self._sizes:
            self._look_up_sizes({oid: path})
        return self._sizes[oid]

    def read(self, oid: str, path: str, limit: int) -> bytes:
        """At most `limit + 1` bytes."""
        with self._contents.open() as git:
            git.ask([oid])
            size = git.header(oid, path)
            out = bytearray()
            for chunk in git.body(size, oid, path):
                if len(out) <= limit:
                    out += chunk[: limit + 1 - len(out)]
                elif size - len(out) > _WORTH_DRAINING:
                    git.close()
                    break
            return bytes(out)

    def open(self, oid: str, path: str) -> BinaryIO:
        with self._contents.open() as git:
            git.ask([oid])
            size = git.header(oid, path)
            spool: BinaryIO = io.BytesIO() if size <= _IN_MEMORY else tempfile.TemporaryFile()  # noqa: SIM115 - handed out
            for chunk in git.body(size, oid, path):
                spool.write(chunk)
        spool.seek(0)
        return spool

    def prefetch(self, names: Names) -> None:
        """Digest these now, several at a time. What cannot be read will say so to whoever reads it."""
        try:
            wanted = {oid: path for oid, path in names.items() if oid not in self.known}
            self._look_up_sizes({oid: path for oid, path in wanted.items() if oid not in self._sizes})
        except RepositoryError:
            return
        big = sorted((o for o in wanted if self._sizes[o] >= _WORTH_A_JOB), key=lambda o: -self._sizes[o])
        small = [oid for oid in wanted if self._sizes[oid] < _WORTH_A_JOB]
        jobs = iter([[oid] for oid in big] + list(_batches(small)))
        work = sum(self._sizes[oid] for oid in big)
        workers = min(len(big), os.cpu_count() or 1, 1 + work // _WORTH_A_PROCESS)
        if workers < 2:
            self._work(jobs, wanted, self._contents)
            return
        lines = [self._contents, *(_Line(lambda: CatFile(self._git)) for _ in range(workers - 1))]
        shared = _Shared(jobs)
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(lambda line: self._work(shared, wanted, line), lines))
        for line in lines[1:]:
            line.close()

    def close(self) -> None:
        self._contents.close()
        self._checks.close()

    def _work(self, jobs: Iterator[list[str]], names: Names, line: _Line) -> None:
        for job in jobs:
            try:
                if len(job) == 1 and (found := self._from_checkout(job[0], names[job[0]])):
                    self.known[job[0]] = found
                    continue
                with line.open() as git:
                    git.ask(job)
                    for oid in job:
                        self.known[oid] = digest(git.body(git.header(oid, names[oid]), oid, names[oid]))
            except RepositoryError:
                continue

    def _from_checkout(self, oid: str, path: str) -> Stored | None:
        if self._checkout is None or (size := self._checkout.may_hold(path)) is None or size != self.size(oid, path):
            return None
        return self._checkout.stored(oid, size, path)

    def _look_up_sizes(self, names: Names) -> None:
        for batch in _batches(names):
            with self._checks.open() as git:
                git.ask(batch)
                for oid in batch:
                    self._sizes[oid] = git.header(oid, names[oid])


class _Line:
    """One conversation with git, one speaker at a time, begun anew after it failed."""

    def __init__(self, start: Callable[[], CatFile]) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._git: CatFile | None = None
        self._closed = False

    @contextmanager
    def open(self) -> Iterator[CatFile]:
        with self._lock:
            if self._git is not None and not self._git.alive:
                self._end()
            if self._closed:
                raise ValueError("read from a repository that was closed")
            if self._git is None:
                self._git = self._start()
            try:
                yield self._git
            except BaseException:
                self._end()
                raise

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._end()

    def _end(self) -> None:
        if self._git is not None:
            self._git.close()
            self._git = None


class _Shared:
    """An iterator that several threads may draw from."""

    def __init__(self, jobs: Iterator[list[str]]) -> None:
        self._jobs = jobs
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        with self._lock:
            return next(self._jobs)


def _batches(oids: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(oids)
    while batch := list(islice(rest, _AT_ONCE)):
        yield batch
