"""What this ffmpeg and this machine cannot do is said before the work."""

from __future__ import annotations

from pathlib import Path

import pytest

from smokegate.errors import UsageError
from smokegate_runners.corpus import ffmpeg
from smokegate_runners.corpus.encoders import ENCODERS, named, require
from smokegate_runners.corpus.ffmpeg import Ffmpeg


def lacking(program: Ffmpeg, what: str, folder: Path) -> Ffmpeg:
    """The same ffmpeg, with one thing gone from what it lists."""
    script = folder / "ffmpeg"
    script.write_text(f"#!/bin/sh\n'{program.executable}' \"$@\" | grep -v ' {what} '\n")
    script.chmod(0o755)
    return Ffmpeg(str(script))


def test_the_ffmpeg_of_the_wheel_has_all_that_needs_no_hardware(program: Ffmpeg) -> None:
    require(program, [encoder for encoder in ENCODERS.values() if not encoder.hardware])


def test_no_libvmaf(program: Ffmpeg, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no libvmaf filter"):
        require(lacking(program, "libvmaf", tmp_path), named(["libx264"], [30]))


def test_no_such_encoder(program: Ffmpeg, tmp_path: Path) -> None:
    without = lacking(program, "libx265", tmp_path)
    require(without, named(["libx264"], [30]))
    with pytest.raises(UsageError, match=r"has no encoder libx265 .* it has .*libx264"):
        require(without, named(["libx264", "libx265"], [30]))


def test_hardware_that_is_listed_and_not_there(program: Ffmpeg) -> None:
    """An encoder is tried: the wheel's ffmpeg lists Quick Sync everywhere."""
    if Path("/dev/dri").exists():
        pytest.skip("this machine may have the hardware")
    with pytest.raises(UsageError, match="does not run on this machine"):
        require(program, named(["h264_qsv"], [30]))


def test_an_ffmpeg_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ffmpeg.OVERRIDE, "./no-such-ffmpeg")
    with pytest.raises(UsageError, match="no-such-ffmpeg cannot be run"):
        require(ffmpeg.find(), named(["libx264"], [30]))
