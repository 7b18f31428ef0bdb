"""The ffmpeg that makes and measures everything here, and how it says no."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from smokegate.errors import SmokegateError, UsageError
from smokegate_runners.corpus.headway import Stalled, finish

OVERRIDE = "IMAGEIO_FFMPEG_EXE"
_QUIET = ("-hide_banner", "-nostdin", "-loglevel", "error", "-y")
_SHOWN_LINES = 3
ANSWER = 60.0
"""Seconds for saying what it is and has."""
STALL = 900.0
"""Seconds without a frame or a byte more after which ffmpeg is ended; slow encoders look ahead for minutes."""
# libsvtav1 and libx265 write to stderr past ffmpeg's log level; 1 is errors alone.
_ENVIRONMENT = {"SVT_LOG": "1"}


class FfmpegFailed(SmokegateError):
    """ffmpeg stopped with an error; `said` is the end of what it wrote."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


@dataclass(frozen=True, slots=True)
class Census:
    """What decoding a whole file gave."""

    frames: int
    width: int
    height: int
    fingerprint: str
    """Of what the frames show."""

    @property
    def geometry(self) -> str:
        return f"{self.width}x{self.height}"


@dataclass(frozen=True)
class Ffmpeg:
    executable: str
    stall: float = STALL

    @cached_property
    def version(self) -> str:
        return (
            self.ask("-version").partition("\n")[0].partition(" Copyright")[0].removeprefix("ffmpeg version ").strip()
        )

    @cached_property
    def encoders(self) -> frozenset[str]:
        return frozenset(re.findall(r"^ V\S{5} (\S+)", self.ask("-hide_banner", "-encoders"), re.MULTILINE))

    @cached_property
    def filters(self) -> frozenset[str]:
        return frozenset(re.findall(r"^ \S{2,3} (\S+) +\S*->", self.ask("-hide_banner", "-filters"), re.MULTILINE))

    def ask(self, *arguments: str) -> str:
        return self._done(partial(self._run, arguments)).stdout

    def run(self, arguments: Sequence[str], folder: Path | None = None) -> str:
        """Raises on a bad exit, and gives what was written to stderr by a good one."""
        return self._start((*_QUIET, *arguments), folder).stderr.strip()

    def census(self, path: Path) -> Census:
        """Decodes all of a file: headers may say anything, and libvmaf logs rows for frames that are not there."""
        decoded = self._start((*_QUIET, "-i", file_url(path), *FIRST_VIDEO, "-f", "framehash", "-"), None).stdout
        frames = [line.split(",")[4:] for line in decoded.splitlines() if not line.startswith("#")]
        sizes = Counter(size for size, *_ in frames)
        geometry = re.search(r"^#dimensions 0: (\d+)x(\d+)$", decoded, re.MULTILINE)
        if len(sizes) > 1:
            raise FfmpegFailed("frames of different sizes in one stream")
        width, height = geometry.groups() if geometry else (0, 0)
        fingerprint = hashlib.sha256(repr(frames).encode()).hexdigest()
        return Census(len(frames), int(width), int(height), fingerprint)

    def _start(self, arguments: Sequence[str], folder: Path | None) -> subprocess.CompletedProcess[str]:
        work = partial(finish, self.executable, arguments, folder=folder, env=_ENVIRONMENT, stall=self.stall)
        try:
            return self._done(work)
        except Stalled:
            raise FfmpegFailed(f"ffmpeg was ended: nothing came of it for {self.stall:g} s") from None

    def _run(self, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        command = [self.executable, *arguments]
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=ANSWER,
        )

    def _done(self, work: Callable[[], subprocess.CompletedProcess[str]]) -> subprocess.CompletedProcess[str]:
        try:
            done = work()
        except (OSError, subprocess.TimeoutExpired) as error:
            why = error.strerror if isinstance(error, OSError) else "it does not answer"
            raise UsageError(
                f"{self.executable} cannot be run: {why}", fix="python -m pip install 'smokegate[corpus]'"
            ) from None
        if done.returncode:
            raise FfmpegFailed(_end_of(done.stderr) or f"ffmpeg ended with {done.returncode}")
        return done


# Frames as they are stored: none repeated, dropped or scaled to make them fit. V leaves cover pictures out.
FIRST_VIDEO = ("-map", "0:V:0", "-fps_mode", "passthrough", "-noautoscale")


def file_url(path: Path) -> str:
    """A name that ffmpeg takes for a file, whatever characters are in it."""
    return f"file:{path.absolute()}"


def find() -> Ffmpeg:
    """The ffmpeg that the environment names, else the one inside the `imageio-ffmpeg` wheel."""
    if named := os.environ.get(OVERRIDE):
        return Ffmpeg(named)
    try:
        import imageio_ffmpeg  # noqa: PLC0415

        return Ffmpeg(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        raise UsageError(
            "no ffmpeg: the package imageio-ffmpeg, which brings one with libvmaf, is not installed",
            fix=f"python -m pip install 'smokegate[corpus]'  (or set {OVERRIDE} to an ffmpeg of your own)",
        ) from None


def _end_of(stderr: str) -> str:
    """The first lines name the cause, what follows are its echoes through ffmpeg's threads."""
    lines = [re.sub(r" @ 0x[0-9a-f]+\]", "]", line.strip()) for line in stderr.splitlines() if line.strip()]
    return "; ".join(dict.fromkeys(lines[:_SHOWN_LINES]))
