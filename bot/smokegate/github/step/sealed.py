"""A process that holds secrets, closed to others of its user: what it starts may read neither its memory nor the
environment that it was started with, out of which a secret that was taken is not gone (proc(5), PR_SET_DUMPABLE)."""

from __future__ import annotations

import ctypes
import sys

_PR_SET_DUMPABLE = 4


def seal() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
