"""ffmpeg is waited for as long as something comes of it, and no longer."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from smokegate.errors import UsageError
from smokegate_runners.corpus.clips import Clip
from smokegate_runners.corpus.ffmpeg import Ffmpeg, FfmpegFailed
from smokegate_runners.corpus.reference import ClipUnusable, prepare
from smokegate_runners.corpus.settings import Settings


def test_a_generator_that_never_gives_a_frame_is_ended(program: Ffmpeg, tmp_path: Path) -> None:
    never = Clip("never", generator="testsrc=size=32x32,select=0")
    with pytest.raises(ClipUnusable, match=r"never: .*nothing came of it for 1 s"):
        prepare(replace(program, stall=1.0), never, Settings(frames=2), tmp_path / "reference.nut")


def test_slow_work_is_let_be(program: Ffmpeg, tmp_path: Path) -> None:
    slow = Clip("slow", generator="testsrc=size=32x32:rate=2,realtime=limit=10")
    started = time.monotonic()
    prepared = prepare(replace(program, stall=4.0), slow, Settings(frames=12), tmp_path / "reference.nut")
    assert prepared.census.frames == 12
    assert time.monotonic() - started > 4


def test_what_a_stalled_process_held_open_is_gone(program: Ffmpeg, tmp_path: Path) -> None:
    with pytest.raises(FfmpegFailed):
        never = (
            "-f",
            "lavfi",
            "-i",
            "testsrc=size=32x32,select=0",
            "-metadata",
            f"title={tmp_path}",
            "-f",
            "null",
            "-",
        )
        replace(program, stall=0.5).run(never)
    running = [path for path in Path("/proc").glob("[0-9]*/cmdline") if str(tmp_path).encode() in _read(path)]
    assert not running


def test_an_ffmpeg_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "ffmpeg"
    script.write_text("#!/bin/sh\nexec sleep 30\n")
    script.chmod(0o755)
    monkeypatch.setattr("smokegate_runners.corpus.ffmpeg.ANSWER", 0.2)
    with pytest.raises(UsageError, match="does not answer"):
        _ = Ffmpeg(str(script)).version


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
