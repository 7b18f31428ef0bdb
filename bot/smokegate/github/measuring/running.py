"""A harness as a process of its own: with no secret in its environment, within its time, and none of its words obeyed
by whoever reads the log."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from smokegate.errors import SmokegateError
from smokegate.github.step import runner_io
from smokegate.render.escape import clip

_KEPT = frozenset(
    {
        "HOME",
        "LANG",
        "LD_LIBRARY_PATH",
        "PATH",
        "PYTHONPATH",
        "RUNNER_TRACKING_ID",  # by which the runner finds and ends what a cancelled job left running
        "TMPDIR",
        "TZ",
        "USER",
        "VIRTUAL_ENV",
    }
)
_KEPT_KINDS = ("CUDA_", "JAX_", "LC_", "NVIDIA_", "OMP_", "XLA_")
_LAST_LINES = 15
_VERDICTS = frozenset({0, 1})
"""Exit codes of a harness that came to a verdict."""


class HarnessError(SmokegateError):
    """The harness came to no verdict."""


def run(arguments: Sequence[str], folder: Path, minutes: int) -> None:
    """`smokegate ...` by this very interpreter; from the folder that it runs in, nothing is imported."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "smokegate", *arguments],
        cwd=folder,
        env=environment(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    late = threading.Event()

    def stop() -> None:
        late.set()
        _kill(process)

    timer = threading.Timer(minutes * 60, stop)
    timer.daemon = True
    timer.start()
    last: deque[str] = deque(maxlen=_LAST_LINES)
    try:
        for line in process.stdout or ():
            last.append(line)
            runner_io.plain([line.rstrip("\n")], sys.stdout)
        code = process.wait()
    finally:
        timer.cancel()
        _kill(process)
        process.wait()
    if late.is_set():
        raise HarnessError(
            f"the harness took longer than the {minutes} minutes that `github.harness_timeout_minutes` allows",
            fix="see in the log where its time went",
        )
    if code not in _VERDICTS:
        said = clip(" / ".join(line.strip() for line in last if line.strip()), 1_000)
        raise HarnessError(f"the harness ended with exit code {code}: {said}", fix="see the log above")


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What a harness needs of ours. What is not named here it does not see, tokens first of all."""
    return {name: value for name, value in environ.items() if name in _KEPT or name.startswith(_KEPT_KINDS)}


def _kill(process: subprocess.Popen[str]) -> None:
    """With whatever it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
