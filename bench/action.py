"""The action's set-up as a hosted job has it when GitHub's cache has handed the wheels back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from results import Row
from timing import in_turn

ROOT = Path(__file__).resolve().parents[1]
BOUND = 10.0


def figures(scratch: Path, runs: int) -> list[Row]:
    """Judging modes. The first installation fills the folder of wheels; the ones after it are counted."""
    runner = scratch / "runner"
    runner.mkdir()
    environment = {
        "HOME": str(scratch),
        "PATH": os.environ["PATH"],
        "RUNNER_TEMP": str(runner),
        "SMOKEGATE_MODE": "judge",
        "SMOKEGATE_PYTHON": sys.executable,
        **{name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_")) or "proxy" in name},
    }

    def install() -> None:
        subprocess.run(["sh", ROOT / ".ci" / "action", "install"], env=environment, check=True, capture_output=True)

    (timed,) = in_turn(runs, install)
    wheels = sum(one.stat().st_size for one in (runner / "smokegate-wheels").iterdir()) / 1e6
    what = f"set-up of a judging job, its wheels at hand ({wheels:.0f} MB)"
    return [Row(what, str(timed), f"<= {BOUND:g} s", timed.median <= BOUND)]
