"""What would change in a file, as `git apply` takes it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from smokegate.render.escape import visible

_NO_NEWLINE = "\\ No newline at end of file\n"


def unified(path: str, was: bytes | None, now: bytes) -> str:
    """`path` is from the root of the repository; None is a file that is not there yet."""
    return "".join(_lines(visible(path), was, now))


def _lines(name: str, was: bytes | None, now: bytes) -> Iterator[str]:
    if was == now:
        return
    yield f"diff --git a/{name} b/{name}\n"
    if was is None:
        yield "new file mode 100644\n"
    before = f"a/{name}" if was is not None else "/dev/null"
    for line in difflib.unified_diff(_parts(was or b""), _parts(now), before, f"b/{name}"):
        yield line if line.endswith("\n") else f"{line}\n{_NO_NEWLINE}"


def _parts(data: bytes) -> list[str]:
    """Parted where git parts them, which is at line feeds alone."""
    text = data.decode("utf-8", "backslashreplace")
    parts = text.split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
