"""A run that is killed goes on where it stood, and ends in the same table."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import smokegate
import smokegate_runners
from smokegate.errors import UsageError
from smokegate_runners.corpus.build import build
from smokegate_runners.corpus.ffmpeg import Ffmpeg
from smokegate_runners.corpus.order import Asked, Order, settle
from smokegate_runners.corpus.table import write
from smokegate_runners.corpus.units import Shelf, Unit

ENCODERS, LEVELS = "libx264,libx265", "22,33,44"


@pytest.fixture(scope="module")
def order(clips: tuple[Path, Path]) -> Order:
    return settle(Asked(clips, encoders=ENCODERS, cq=LEVELS))


def made(program: Ffmpeg, order: Order, work: Path, out: Path) -> tuple[bytes, list[bool]]:
    """The table, and of every unit whether it was found finished."""
    found: list[bool] = []
    write(build(program, order, Shelf(work), 2, lambda unit, before: found.append(before)), out)
    return out.read_bytes(), found


def killed_half_way(clips: tuple[Path, Path], work: Path, out: Path) -> list[str]:
    """The units that had been finished when the whole process group died."""
    code = "from smokegate_runners.commands.corpus import command; command()"
    arguments = [*map(str, clips), "--encoders", ENCODERS, "--cq", LEVELS, "--jobs", "1"]
    roots = [str(Path(package.__path__[0]).parent) for package in (smokegate, smokegate_runners)]
    run = subprocess.Popen(
        [sys.executable, "-c", code, *arguments, "--work", str(work), "--out", str(out)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(roots)},
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 240
    while run.poll() is None and time.monotonic() < deadline and len(list(work.glob("units/*.json"))) < 4:
        time.sleep(0.005)
    os.killpg(run.pid, signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL
    while _held(work) and time.monotonic() < deadline:  # by a child that is not quite dead
        time.sleep(0.01)
    return sorted(path.name for path in work.glob("units/*.json"))


def _held(work: Path) -> bool:
    try:
        with Shelf(work).held():
            return False
    except UsageError:
        return True


def test_killed_and_resumed_it_is_the_same_table(
    program: Ffmpeg, order: Order, clips: tuple[Path, Path], tmp_path: Path
) -> None:
    whole, found = made(program, order, tmp_path / "straight", tmp_path / "straight.parquet")
    assert found == [False] * order.size
    finished = killed_half_way(clips, tmp_path / "work", tmp_path / "killed.parquet")
    assert 4 <= len(finished) < order.size
    assert not (tmp_path / "killed.parquet").exists()
    resumed, found = made(program, order, tmp_path / "work", tmp_path / "killed.parquet")
    assert resumed == whole
    assert found.count(True) == len(finished)
    assert not (tmp_path / "work" / "scratch").exists()


def test_a_record_that_is_not_its_own_is_made_again(program: Ffmpeg, clips: tuple[Path, Path], tmp_path: Path) -> None:
    order = settle(Asked(clips[:1], encoders="libx264", cq="30,40,42,44", frames=2))
    whole, _ = made(program, order, tmp_path / "work", tmp_path / "a.jsonl")
    cut, empty, of_another, poorer = sorted((tmp_path / "work" / "units").iterdir())
    of_another.write_bytes(cut.read_bytes())
    cut.write_bytes(cut.read_bytes()[:100])
    empty.write_bytes(b"")
    poorer.write_text(poorer.read_text().replace("motion2", "motion9"))
    again, found = made(program, order, tmp_path / "work", tmp_path / "b.jsonl")
    assert again == whole
    assert found == [False] * 4


def test_whatever_numbers_hang_on_is_in_the_key(clips: tuple[Path, Path], program: Ffmpeg) -> None:
    base = Asked(clips[:1], encoders="libx264", cq="30", frames=2)
    others = (
        Asked(clips[1:], encoders="libx264", cq="30", frames=2),
        Asked(clips[:1], encoders="libx265", cq="30", frames=2),
        Asked(clips[:1], encoders="libx264", cq="31", frames=2),
        Asked(clips[:1], encoders="libx264", cq="30", frames=3),
        Asked(clips[:1], encoders="libx264", cq="30", seconds=2),
        Asked(clips[:1], encoders="libx264", cq="30", frames=2, size="96x64"),
    )
    keys = {key(asked, program.version) for asked in (base, *others)} | {key(base, "another ffmpeg")}
    assert len(keys) == len(others) + 2
    assert key(base, program.version) in keys


def key(asked: Asked, version: str) -> str:
    order = settle(asked)
    return Unit(order.clips[0], order.encoders[0], order.levels[0]).key(order.settings, version)


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    with Shelf(tmp_path).held(), pytest.raises(UsageError, match="another run is at work"), Shelf(tmp_path).held():
        pass
