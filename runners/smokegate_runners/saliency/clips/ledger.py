"""Finished sources, kept across runs and tables, under a key of all that their values hang on.

One SQLite file. Each outcome is a transaction of its own, so a killed run loses none, and runs may share a file.
Under WAL no transaction waits for the disk: a power cut may lose the last few, never the file.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smokegate.errors import SmokegateError, UsageError
from smokegate_runners.saliency.settings import Settings, Size
from smokegate_runners.saliency.work import FAILED, Outcome, Status

Identity = tuple[str | int, ...]
_RECIPE = 1
"""To be raised whenever the same key would come to stand for other values."""
_VERSION = 1
_PATIENCE_SECONDS = 60.0
_TABLE = """
CREATE TABLE finished (
    key BLOB PRIMARY KEY, source TEXT NOT NULL, status TEXT NOT NULL, mean REAL, var REAL, detail TEXT,
    facts TEXT NOT NULL, attempt TEXT NOT NULL
) WITHOUT ROWID
"""


class Keys:
    """Of one model under one configuration. Masks hang on the multiple that frames are padded to, at their edges."""

    def __init__(self, model_digest: str, settings: Settings, multiple: int = 1) -> None:
        model = {"model": model_digest, "multiple": multiple}
        self._base = {"recipe": _RECIPE, **model, "settings": settings.value}

    def key(self, identity: Identity, raw: Size | None) -> bytes:
        hangs_on = self._base | {"source": list(identity), "raw": str(raw) if raw else None}
        return hashlib.sha256(json.dumps(hangs_on, sort_keys=True).encode("ascii")).digest()


class Ledger:
    def __init__(self, connection: sqlite3.Connection, path: Path, attempt: str) -> None:
        self._connection, self._path, self._attempt = connection, path, attempt

    def find(self, key: bytes) -> Outcome | None:
        """What is finished. A failure counts within its own attempt: another one tries the source again."""
        sought = "SELECT status, mean, var, detail, facts, attempt FROM finished WHERE key = ?"
        with faults(self._path):
            row = self._connection.execute(sought, (key,)).fetchone()
        if row is None:
            return None
        outcome = Outcome(Status(row[0]), row[1], row[2], row[3], json.loads(row[4]))
        return None if outcome.status in FAILED and row[5] != self._attempt else outcome

    def keep(self, key: bytes, source: str, outcome: Outcome) -> None:
        facts = json.dumps(outcome.facts, sort_keys=True, allow_nan=False)
        detail = outcome.detail and _text(outcome.detail)
        said = (_text(source), str(outcome.status), outcome.mean, outcome.var, detail, facts, self._attempt)
        with faults(self._path):
            self._connection.execute("INSERT OR REPLACE INTO finished VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (key, *said))


@contextmanager
def opened(path: Path, attempt: str) -> Iterator[Ledger]:
    with faults(path):
        connection = sqlite3.connect(path, timeout=_PATIENCE_SECONDS, isolation_level=None)
    try:
        with faults(path):
            _prepare(connection, path)
        yield Ledger(connection, path, attempt)
    finally:
        connection.close()


@contextmanager
def faults(path: Path) -> Iterator[None]:
    """What SQLite has against the file at this path, as an error that a person can act on."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", None) in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
            raise UsageError(f"{path} is no ledger of finished clips, or a damaged one", fix=f"rm {path}") from None
        raise SmokegateError(
            f"cannot keep what is finished in {path}: {error}",
            fix="see that the disk has room and the file is writable",
        ) from None


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("BEGIN IMMEDIATE")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version not in (0, _VERSION):
        raise UsageError(f"{path} is a ledger of another version of smokegate ({version})", fix="name another --ledger")
    if version == 0:
        if connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise UsageError(f"{path} is a database of something else", fix="name another --ledger")
        connection.execute(_TABLE)
        connection.execute(f"PRAGMA user_version = {_VERSION}")
    connection.execute("COMMIT")
    _share(connection)
    connection.execute("PRAGMA synchronous = NORMAL")


def _share(connection: sqlite3.Connection) -> None:
    """When two runs make one file at one moment, the change of mode does not wait for its turn: ask again."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def _text(name: str) -> str:
    """SQLite holds UTF-8 alone, and names of files are bytes."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
