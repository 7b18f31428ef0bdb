"""Where a command writes, and what the other end can show."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from smokegate.errors import UsageError


def colour() -> bool:
    """On a terminal that can, unless NO_COLOR says no or FORCE_COLOR says yes."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def width() -> int:
    return max(60, min(shutil.get_terminal_size((100, 24)).columns, 140))


def shown(path: Path) -> str:
    """As somebody in this folder would name it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def write(text: str, output: str | None) -> None:
    if output is None:
        sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
        sys.stdout.buffer.flush()
        return
    try:
        Path(output).write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}", fix="name a writable file with --output") from None
