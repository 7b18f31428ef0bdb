"""What is said while a table is worked, and how much memory and time its rows take."""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from smokegate_runners.saliency.progress import Journal


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_terminal_sees_one_line_that_moves() -> None:
    stream, clock = io.StringIO(), Clock()
    journal = Journal(stream, live=True, clock=clock)
    phase = journal.phase("computed", "clips", 200)
    for _ in range(100):
        clock.now += 0.5
        phase.advance()
    assert phase.end() == 50.0
    journal.say("done")
    shown = stream.getvalue().split("\r\x1b[2K")
    assert len(shown) == 102
    assert shown[1] == "computed: 1/200 clips, 2.0 a second, 100 s left"
    assert shown[100] == "computed: 100/200 clips, 2.0 a second, 50 s left"
    assert shown[101] == "done\n"
    assert "\n" not in "".join(shown[:101])


def test_a_terminal_is_not_flooded() -> None:
    stream, clock = io.StringIO(), Clock()
    phase = Journal(stream, live=True, clock=clock).phase("read", "rows")
    for _ in range(1000):
        clock.now += 0.001
        phase.advance(50)
    assert 8 <= stream.getvalue().count("\r") <= 10
    assert "rows, 50,000 a second" in stream.getvalue()


def test_a_log_sees_a_line_a_minute_and_a_short_run_none() -> None:
    stream, clock = io.StringIO(), Clock()
    journal = Journal(stream, clock=clock)
    phase = journal.phase("computed", "clips", 10)
    for _ in range(10):
        clock.now += 40.0
        phase.advance()
    phase.end()
    assert stream.getvalue().splitlines() == [
        "computed: 2/10 clips, 1.5 a minute, 5 min left",
        "computed: 4/10 clips, 1.5 a minute, 4 min left",
        "computed: 6/10 clips, 1.5 a minute, 2 min left",
        "computed: 8/10 clips, 1.5 a minute, 80 s left",
        "computed: 10/10 clips, 1.5 a minute, 0 s left",
    ]
    quick = Journal(io.StringIO(), clock=clock).phase("read", "rows")
    quick.advance(10**6)
    assert stream.getvalue().count("\n") == 5


@pytest.mark.parametrize(("seconds", "said"), [(3600 * 3.0, "3 h 00 min"), (7140.0, "119 min"), (119.0, "119 s")])
def test_time_left_is_said_in_what_people_count(seconds: float, said: str) -> None:
    stream, clock = io.StringIO(), Clock()
    phase = Journal(stream, live=True, clock=clock).phase("computed", "clips", 2)
    clock.now = seconds
    phase.advance()
    assert stream.getvalue().endswith(f"{said} left")


MEASURED = """
import re, sys
from pathlib import Path
from runners.saliency.stand_in import Inline, choosing, order
from smokegate_runners.saliency.materialize import materialize
from smokegate_runners.saliency.progress import Journal
report = materialize(order(Path(sys.argv[1]), Path(sys.argv[2])), Inline(), Journal(sys.stderr), choosing())
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
print(report.total, report.ok, int(peak) // 1024)
"""


def measured(given: Path, out: Path) -> tuple[int, int, int]:
    """Rows, rows that are fine, and the most memory that the process had, in MB."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", MEASURED, str(given), str(out)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    total, fine, memory = map(int, done.stdout.split())
    return total, fine, memory


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
@pytest.mark.parametrize(("distinct", "bound"), [(50, 50), (100_000, 90)])
def test_a_long_table_takes_no_more_memory_than_a_short_one(tmp_path: Path, distinct: int, bound: int) -> None:
    """`bench/rows.py` does it with a million rows."""
    for number in range(50):
        (tmp_path / f"c{number}.mp4").write_bytes(b"ok %d" % number)
    rng = random.Random(0)  # noqa: S311
    rows = 60_000
    with (tmp_path / "t.jsonl").open("w") as stream:
        for number in range(rows):
            features = {f"feature{k}": rng.random() for k in range(6)}
            stream.write(json.dumps({"src": f"c{rng.randrange(distinct)}.mp4", "n": number, **features}) + "\n")
    total, fine, memory = measured(tmp_path / "t.jsonl", tmp_path / "out.jsonl")
    assert total == rows
    assert fine == rows if distinct == 50 else fine < rows / 100
    assert memory < bound
