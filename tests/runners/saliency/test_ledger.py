"""What is finished: kept whatever happens, shared by runs at the same time, and never taken for something else."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from smokegate.errors import SmokegateError, UsageError
from smokegate_runners.saliency.clips import ledger
from smokegate_runners.saliency.clips.ledger import Keys
from smokegate_runners.saliency.settings import Aggregator, Settings, Size
from smokegate_runners.saliency.work import Outcome, Status

FINE = Outcome(Status.OK, 0.1 + 0.2, 5e-324, facts={"width": 64, "transfer": None})
KEY = b"k" * 32
IDENTITY = ("file", "/clips/a.mp4", "5 bytes, 7")


def test_what_is_kept_comes_back_bit_by_bit(tmp_path: Path) -> None:
    with ledger.opened(tmp_path / "l", "one") as book:
        assert book.find(KEY) is None
        book.keep(KEY, "/clips/a\udcff\n.mp4", FINE)
        assert book.find(KEY) == FINE
    with ledger.opened(tmp_path / "l", "two") as book:
        assert book.find(KEY) == FINE
        assert book.find(b"other") is None


def test_a_failure_counts_within_its_attempt(tmp_path: Path) -> None:
    failed = Outcome(Status.DECODE_FAILED, detail="cut off \udcff")
    with ledger.opened(tmp_path / "l", "one") as book:
        book.keep(KEY, "a", failed)
        assert book.find(KEY) == Outcome(Status.DECODE_FAILED, detail="cut off \\udcff")
    with ledger.opened(tmp_path / "l", "two") as book:
        assert book.find(KEY) is None
        book.keep(KEY, "a", FINE)
    with ledger.opened(tmp_path / "l", "one") as book:
        assert book.find(KEY) == FINE


def test_keys_are_told_apart_by_all_that_values_hang_on() -> None:
    settings = Settings()
    keys = [
        Keys("m", settings).key(IDENTITY, None),
        Keys("n", settings).key(IDENTITY, None),
        Keys("m", settings, 8).key(IDENTITY, None),
        Keys("m", Settings(frame_samples=7)).key(IDENTITY, None),
        Keys("m", Settings(aggregator=Aggregator.EMA)).key(IDENTITY, None),
        Keys("m", Settings(aggregator=Aggregator.EMA, ema_alpha=0.5)).key(IDENTITY, None),
        Keys("m", settings).key(IDENTITY, Size(64, 48)),
        Keys("m", settings).key(IDENTITY, Size(48, 64)),
        Keys("m", settings).key((*IDENTITY[:2], "5 bytes, 8"), None),
        Keys("m", settings).key(("sha256", "0" * 64), None),
    ]
    assert len(set(keys)) == len(keys)
    assert Keys("m", Settings(ema_alpha=0.1)).key(IDENTITY, None) == keys[0]


SCRIPT = """
import sys
from pathlib import Path
from smokegate_runners.saliency.clips import ledger
from smokegate_runners.saliency.work import Outcome, Status
mine = sys.argv[2]
with ledger.opened(Path(sys.argv[1]), mine) as book:
    for number in range(200):
        book.keep(f"{mine} {number}".encode(), "a", Outcome(Status.OK, number / 7, 0.0))
"""


def test_runs_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "l")]
    running = [subprocess.Popen([*command, name], env=environment) for name in "abcd"]
    assert [process.wait(120) for process in running] == [0, 0, 0, 0]
    with ledger.opened(tmp_path / "l", "") as book:
        for name in "abcd":
            for number in range(200):
                found = book.find(f"{name} {number}".encode())
                assert found is not None
                assert found.mean == number / 7


def test_a_file_that_is_no_ledger_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "l"
    path.write_bytes(b"notes of a person" * 100)
    with pytest.raises(UsageError, match="is no ledger of finished clips"), ledger.opened(path, ""):
        pytest.fail("it opened")
    assert path.read_bytes() == b"notes of a person" * 100


def test_a_ledger_of_another_version_is_said(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "l")
    connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(UsageError, match="another version"), ledger.opened(tmp_path / "l", ""):
        pytest.fail("it opened")


def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "l")
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(UsageError, match="a database of something else"), ledger.opened(tmp_path / "l", ""):
        pytest.fail("it opened")
    connection = sqlite3.connect(tmp_path / "l")
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    connection.close()


def test_a_ledger_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(SmokegateError, match="cannot keep what is finished in"), ledger.opened(tmp_path, ""):
        pytest.fail("it opened")


def test_damage_is_said(tmp_path: Path) -> None:
    path = tmp_path / "l"
    with ledger.opened(path, "") as book:
        for number in range(500):
            book.keep(b"%d" % number, "a" * 100, FINE)
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(UsageError, match="or a damaged one"), ledger.opened(path, "") as book:
        book.find(KEY)
