"""How many processors this process may keep busy."""

from __future__ import annotations

import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def usable(cgroup: Path = _CGROUP) -> int:
    """Of the machine, of those that this process is bound to, and of what a container is given: the least."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    given = _given(cgroup)
    return bound if given is None else max(1, min(bound, given))


def _given(cgroup: Path) -> int | None:
    """`docker run --cpus 2` on 64 cores: a quota, rounded up. Version 2 of cgroups, then version 1."""
    try:
        quota, period = (cgroup / "cpu.max").read_text("ascii").split()
    except (OSError, ValueError):
        try:
            quota, period = ((cgroup / "cpu" / f"cpu.cfs_{what}_us").read_text("ascii") for what in ("quota", "period"))
        except (OSError, ValueError):
            return None
    try:
        microseconds, of = int(quota), int(period)
    except ValueError:
        return None
    return -(-microseconds // of) if microseconds > 0 and of > 0 else None
