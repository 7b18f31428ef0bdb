"""Regular files opened without following a symlink and without ever blocking."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a fifo would wait for a writer that never comes
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def open_regular(path: Path | str, *, dir_fd: int | None = None) -> BinaryIO:
    """OSError when it is anything but a regular file."""
    fd = os.open(path, _FILE, dir_fd=dir_fd)
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return os.fdopen(fd, "rb")
    os.close(fd)
    raise OSError(f"not a regular file: {path}")


def open_beneath(root: Path, path: str) -> BinaryIO:
    """A regular file below `root`, no part of whose path is a symlink; OSError otherwise."""
    *folders, name = path.split("/")
    if any(part in ("", ".", "..") for part in (*folders, name)):
        raise OSError(f"not a plain relative path: {path!r}")
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for folder in folders:
            below = os.open(folder, _FOLDER, dir_fd=fd)
            os.close(fd)
            fd = below
        return open_regular(name, dir_fd=fd)
    finally:
        os.close(fd)
