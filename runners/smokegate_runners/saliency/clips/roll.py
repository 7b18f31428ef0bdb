"""Every wish of a table once, with the source that it means and what that came to: on disk, for there may be millions.

The file is this run's alone and nothing in it outlives the run, so that it is written without any care for a crash.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from smokegate.errors import SmokegateError
from smokegate_runners.saliency.clips.sources import Found, Wish
from smokegate_runners.saliency.settings import Size
from smokegate_runners.saliency.work import Job, Outcome, Status

_PAGE = 512
_KNOWN = 1 << 16
_TABLES = """
CREATE TABLE wish (
    id INTEGER PRIMARY KEY, path BLOB NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL,
    status TEXT NOT NULL, detail TEXT NOT NULL, lines INTEGER NOT NULL DEFAULT 0, source INTEGER,
    UNIQUE (path, width, height, status, detail)
);
CREATE TABLE source (
    id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, path BLOB NOT NULL, stamp TEXT NOT NULL,
    raw_width INTEGER, raw_height INTEGER,
    status TEXT, mean REAL, var REAL, detail TEXT, width INTEGER, height INTEGER, transfer TEXT, clipped INTEGER,
    reused INTEGER NOT NULL DEFAULT 0
);
CREATE VIEW answer AS
SELECT wish.id, wish.path, wish.lines, coalesce(source.status, wish.status) AS status, source.mean, source.var,
    coalesce(source.detail, wish.detail) AS detail,
    wish.width > 0 AND source.width IS NOT NULL
    AND (wish.width <> source.width OR wish.height <> source.height) AS disagrees
FROM wish LEFT JOIN source ON source.id = wish.source;
CREATE VIEW failure AS SELECT * FROM answer WHERE status <> 'ok';
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the rows of a wish are told."""

    status: Status
    mean: float | None
    var: float | None


@dataclass(frozen=True, slots=True)
class Failure:
    path: str
    status: Status
    detail: str
    rows: int


@dataclass(frozen=True, slots=True)
class Pending:
    source: int
    key: bytes
    stamp: str
    job: Job


class Roll:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._known: dict[Wish, int] = {}

    def want(self, wish: Wish) -> int:
        """The number of a wish; equal ones have one."""
        number = self._known.get(wish)
        if number is None:
            number = self._written(wish)
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[wish] = number
        return number

    def count(self, rows: Mapping[int, int]) -> None:
        """How many rows have each wish, in addition to those counted before."""
        self._connection.executemany(
            "UPDATE wish SET lines = lines + ? WHERE id = ?", ((n, i) for i, n in rows.items())
        )

    def open_wishes(self) -> Iterator[tuple[int, Wish]]:
        asked = "SELECT id, path, width, height FROM wish WHERE id > ? AND status = '' ORDER BY id LIMIT ?"
        for number, path, width, height in self._paged(asked):
            yield number, Wish(_name(path), Size(width, height) if width else None)

    def assign(self, number: int, key: bytes, found: Found, raw: Size | None) -> int | None:
        """Says which source a wish means. The source's number where this is the first wish to mean it."""
        run = self._connection.execute
        row = (key, _bytes(str(found.path)), found.stamp, *(raw or (None, None)))
        insert = "INSERT OR IGNORE INTO source (key, path, stamp, raw_width, raw_height) VALUES (?, ?, ?, ?, ?)"
        done = run(insert, row)
        source = done.lastrowid if done.rowcount else self._number("SELECT id FROM source WHERE key = ?", (key,))
        run("UPDATE wish SET source = ? WHERE id = ?", (source, number))
        return source if done.rowcount else None

    def refuse(self, number: int, status: Status, detail: str) -> None:
        told = (str(status), _printable(detail), number)
        self._connection.execute("UPDATE wish SET status = ?, detail = ? WHERE id = ?", told)

    def pending(self) -> Iterator[Pending]:
        """Sources that nothing is known of."""
        asked = (
            "SELECT id, key, stamp, path, raw_width, raw_height FROM source"
            " WHERE id > ? AND status IS NULL ORDER BY id LIMIT ?"
        )
        for number, key, stamp, path, width, height in self._paged(asked):
            yield Pending(number, key, stamp, Job(Path(_name(path)), Size(width, height) if width else None))

    def settle(self, source: int, outcome: Outcome, *, reused: bool) -> None:
        facts = outcome.facts
        shown = (facts.get("width"), facts.get("height"), facts.get("transfer"), facts.get("values_clipped", 0))
        detail = _printable(outcome.detail or "")
        self._connection.execute(
            "UPDATE source SET status = ?, mean = ?, var = ?, detail = ?, width = ?, height = ?, transfer = ?,"
            " clipped = ?, reused = ? WHERE id = ?",
            (str(outcome.status), outcome.mean, outcome.var, detail, *shown, reused, source),
        )

    def answer(self, number: int) -> Answer:
        asked = "SELECT status, mean, var FROM answer WHERE id = ?"
        status, mean, var = self._connection.execute(asked, (number,)).fetchone()
        return Answer(Status(status), mean, var)

    def sources(self) -> dict[str, int]:
        asked = """SELECT count(*), coalesce(sum(reused), 0), coalesce(sum(status IS NULL), 0),
            coalesce(sum(status <> 'ok'), 0) FROM source"""
        distinct, reused, pending, failed = self._connection.execute(asked).fetchone()
        return {"distinct": distinct, "reused": reused, "pending": pending, "failed": failed}

    def rows_by_status(self) -> dict[str, int]:
        return dict(self._connection.execute("SELECT status, sum(lines) FROM answer GROUP BY status"))

    def disagreements(self) -> int:
        """Rows whose geometry columns say another size than their container."""
        return self._number("SELECT sum(lines) FROM answer WHERE disagrees")

    def transfers(self) -> dict[str, int]:
        """Sources by what they say of their transfer function."""
        asked = "SELECT coalesce(transfer, 'unspecified'), count(*) FROM source WHERE width IS NOT NULL GROUP BY 1"
        return dict(self._connection.execute(asked))

    def clipped(self) -> int:
        return self._number("SELECT sum(clipped) FROM source")

    def failures(self, limit: int, status: Status | None = None) -> list[Failure]:
        """The first of them, in the order of the table; with a status, of those that have it."""
        asked = "SELECT path, status, detail, lines FROM failure WHERE coalesce(?, status) = status ORDER BY id LIMIT ?"
        found = self._connection.execute(asked, (status and str(status), limit))
        return [Failure(_name(path), Status(status), detail, rows) for path, status, detail, rows in found]

    def failed_folders(self, limit: int) -> list[tuple[str, int, int]]:
        """Folder, paths, rows; those with the most rows first."""
        asked = "SELECT folder(path), count(*), sum(lines) FROM failure GROUP BY 1 ORDER BY 3 DESC, 1 LIMIT ?"
        return [(_name(at), paths, rows) for at, paths, rows in self._connection.execute(asked, (limit,))]

    def failed_paths(self) -> int:
        return self._number("SELECT count(*) FROM failure")

    def common_folder(self, status: Status) -> str:
        """Of all paths that have this status; empty where they have none in common."""
        asked = "SELECT min(path), max(path) FROM answer WHERE status = ? AND length(path) > 0"
        first, last = self._connection.execute(asked, (str(status),)).fetchone()
        if first is None:
            return ""
        shared = takewhile(lambda pair: pair[0] == pair[1], zip(_parts(first), _parts(last), strict=False))
        return _name(b"/".join(part for part, _ in shared))

    def _written(self, wish: Wish) -> int:
        size = tuple(wish.stated) if wish.stated else (0, 0)
        row = (_bytes(wish.path), *size, str(wish.fault or ""), wish.detail)
        insert = "INSERT OR IGNORE INTO wish (path, width, height, status, detail) VALUES (?, ?, ?, ?, ?)"
        done = self._connection.execute(insert, row)
        if done.rowcount:
            return done.lastrowid or 0
        asked = "SELECT id FROM wish WHERE path = ? AND width = ? AND height = ? AND status = ? AND detail = ?"
        return self._number(asked, row)

    def _paged(self, asked: str) -> Iterator[Any]:
        """Page by page, so that what is read may be written to meanwhile. The first column is the number."""
        last = 0
        while page := self._connection.execute(asked, (last, _PAGE)).fetchall():
            yield from page
            last = page[-1][0]

    def _number(self, asked: str, given: tuple[Any, ...] = ()) -> int:
        return self._connection.execute(asked, given).fetchone()[0] or 0


@contextmanager
def opened(path: Path) -> Iterator[Roll]:
    path.unlink(missing_ok=True)
    try:
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            for setting in (
                "journal_mode = OFF",
                "synchronous = OFF",
                "locking_mode = EXCLUSIVE",
                "cache_size = -32768",
            ):
                connection.execute(f"PRAGMA {setting}")
            connection.create_function("folder", 1, _folder, deterministic=True)
            connection.executescript(_TABLES)
            connection.execute("BEGIN")
            yield Roll(connection)
        finally:
            connection.close()
            path.unlink(missing_ok=True)
    except sqlite3.Error as error:
        raise SmokegateError(
            f"cannot write {path}: {error}", fix="see that the disk has room, or name another folder with --work"
        ) from None


def _folder(path: bytes) -> bytes:
    return b"/".join(_parts(path)) or (b"/" if path.startswith(b"/") else b".")


def _parts(path: bytes) -> list[bytes]:
    """The folders that lead to a file."""
    return path.split(b"/")[:-1]


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")


def _name(path: bytes) -> str:
    return path.decode("utf-8", "surrogatepass")


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
