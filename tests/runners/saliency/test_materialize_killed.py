"""Runs that are killed at any moment: no output, nothing finished is redone, and the bytes of a run that was not."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from runners.saliency.stand_in import LOG

_SOURCES = 12
_PATIENCE = 120.0


def make(folder: Path, kind: str) -> Path:
    for number in range(_SOURCES):
        (folder / f"c{number}.mp4").write_bytes(b"ok %d" % number)
    (folder / "bad.mp4").write_bytes(b"bad")
    names = [f"c{number * 5 % _SOURCES}.mp4" if number % 50 else "bad.mp4" for number in range(4000)]
    rows = [{"src": name, "n": number} for number, name in enumerate(names)]
    given = folder / f"t.{kind}"
    if kind == "parquet":
        parquet.write_table(pa.Table.from_pylist(rows), given, row_group_size=900)
    else:
        given.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return given


def started(given: Path, out: Path, seconds: float = 0.02) -> subprocess.Popen[bytes]:
    """`seconds` is what each source takes."""
    command = [sys.executable, "-m", "runners.saliency.stand_in", str(given), str(out), str(seconds)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)


def worked(folder: Path) -> list[str]:
    log = folder / LOG
    return log.read_text().splitlines() if log.exists() else []


def wait_for(sources: int, folder: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while len(worked(folder)) < sources and time.monotonic() < until:
        time.sleep(0.01)


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
@pytest.mark.parametrize("in_place", [False, True], ids=["beside", "in-place"])
def test_a_run_that_is_killed_goes_on_where_it_stood(tmp_path: Path, kind: str, in_place: bool) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
    given = make(whole, kind)
    out = given if in_place else whole / f"out.{kind}"
    begun = time.monotonic()
    assert started(given, out).wait(_PATIENCE) == 0
    took = time.monotonic() - begun
    expected = out.read_bytes()

    given = make(killed, kind)
    out = given if in_place else killed / f"out.{kind}"
    before = out.read_bytes() if in_place else None
    moments = random.Random(7)  # noqa: S311
    kills = 0
    for trial in range(7):
        process = started(given, out, 0.02 if trial else 1.0)
        try:
            if trial:
                process.wait(moments.uniform(0.1, 1.1) * took)
            else:
                wait_for(3, killed)
                process.send_signal(signal.SIGKILL)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        kills += process.wait(_PATIENCE) == -signal.SIGKILL
        found = out.read_bytes() if out.exists() else None
        assert found in (before, expected)
        if found == expected:
            break
    else:
        assert started(given, out).wait(_PATIENCE) == 0
    assert out.read_bytes() == expected
    assert kills
    fine = [line for line in worked(killed) if line != "bad.mp4 None"]
    # Killed between a source's end and its record, a run has one source to redo: one a kill at most.
    assert _SOURCES <= len(fine) <= _SOURCES + kills
    assert len(set(fine)) == _SOURCES


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_leaves_no_output(tmp_path: Path, number: signal.Signals) -> None:
    given = make(tmp_path, "jsonl")
    process = started(given, tmp_path / "out.jsonl", 1.0)
    wait_for(3, tmp_path)
    process.send_signal(number)
    assert process.wait(_PATIENCE) == -number
    assert not (tmp_path / "out.jsonl").exists()
    assert 3 <= len(worked(tmp_path)) < _SOURCES
