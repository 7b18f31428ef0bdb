"""A process that is ended when it makes no headway: a generator that emits no frame would be waited for for ever."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

_LOOKS = 0.5
_TAIL = 4096
_MARKS = re.compile(rb"^(?:frame|total_size|out_time_us)=(\S+)$", re.MULTILINE)


class Stalled(Exception):
    """It was ended: nothing had come of it for so many seconds."""


def finish(
    executable: str, arguments: Sequence[str], *, folder: Path | None, env: Mapping[str, str], stall: float
) -> subprocess.CompletedProcess[str]:
    """ffmpeg until it ends, as long as the numbers in its own progress report move."""
    with TemporaryDirectory(prefix="smokegate-") as scratch:
        report = Path(scratch, "progress")
        watched = ("-progress", f"file:{report}", "-stats_period", str(_LOOKS))
        with subprocess.Popen(
            [executable, *watched, *arguments],
            cwd=folder,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        ) as process:
            try:
                out, err = _watch(process, report, stall)
            except BaseException:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def _watch(process: subprocess.Popen[str], report: Path, stall: float) -> tuple[str, str]:
    mark, since = _mark(report), time.monotonic()
    while True:
        try:
            return process.communicate(timeout=min(_LOOKS, stall))
        except subprocess.TimeoutExpired:
            seen, now = _mark(report), time.monotonic()
            if seen != mark:
                mark, since = seen, now
            elif now - since >= stall:
                raise Stalled from None


def _mark(report: Path) -> list[bytes]:
    try:
        with report.open("rb") as stream:
            stream.seek(max(0, report.stat().st_size - _TAIL))
            return _MARKS.findall(stream.read())[-3:]
    except FileNotFoundError:
        return []
