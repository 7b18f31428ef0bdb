"""From what a row says to the one source that it means."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from smokegate_runners.saliency.clips.ledger import Identity
from smokegate_runners.saliency.columns import geometry, side
from smokegate_runners.saliency.settings import Size
from smokegate_runners.saliency.work import Status

_RAW = ".yuv"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a row asks for: equal wishes have one answer."""

    path: str
    stated: Size | None = None
    """What the geometry columns say. A raw file is read by it; of a container it is compared with the truth."""
    fault: Status | None = None
    """Why nothing can be done for this row, whatever is on the disk."""
    detail: str = ""

    @property
    def raw(self) -> Size | None:
        return self.stated if is_raw(self.path) else None


def is_raw(path: str) -> bool:
    """Frames without a header, by the name: there is nothing else to tell them by."""
    return PurePosixPath(path).suffix.lower() == _RAW


def wish(path: Any, width: Any, height: Any, default: Size | None) -> Wish:
    if type(path) is bytes:
        path = os.fsdecode(path)
    if type(path) is not str:
        return Wish("", fault=Status.MISSING_SOURCE, detail=_no_path(path))
    if not path:
        return Wish("", fault=Status.MISSING_SOURCE, detail="the path is empty")
    raw = is_raw(path)
    try:
        stated = geometry(width, height)
    except ValueError:
        if raw:
            detail = "the geometry of the row is no size in pixels"
            return Wish(path, fault=Status.MISSING_GEOMETRY, detail=detail)
        stated = None
    if raw:
        if stated is None and default is not None and not _fits(default, width, height):
            detail = "the row says one side of the size, and it is not that of --default-width and --default-height"
            return Wish(path, fault=Status.MISSING_GEOMETRY, detail=detail)
        stated = stated or default
        if stated is None:
            detail = "a raw file, and neither the row nor --default-width and --default-height say its size"
            return Wish(path, fault=Status.MISSING_GEOMETRY, detail=detail)
    return Wish(path, stated)


def _fits(default: Size, width: Any, height: Any) -> bool:
    """Whether the default says of a size of one side, or of none, what the row itself says."""
    return side(width) in (None, default.width) and side(height) in (None, default.height)


def _no_path(value: Any) -> str:
    if value is None:
        return "the row has no path"
    kinds = {bool: "true or false", dict: "an object", list: "a list", int: "a number", float: "a number"}
    return f"the path is {kinds.get(type(value), 'something else')} and no text"


class SourceGone(Exception):
    """There is no regular file where a row says."""


@dataclass(frozen=True, slots=True)
class Found:
    path: Path
    """As it is named: a raw file is told by its ending, which what a link leads to may not have."""
    stamp: str
    """Another one means that the file was changed."""
    identity: Identity
    """With links followed, so that all the ways to a file are one."""


def find(root: Path, path: str, *, by_content: bool) -> Found:
    """Absolute paths stand for themselves."""
    try:
        place = root.absolute() / path
        mark = stamp(place)
        if not by_content:
            return Found(place, mark, ("file", os.path.realpath(place, strict=True), mark))
        with place.open("rb") as stream:
            return Found(place, mark, ("sha256", hashlib.file_digest(stream, "sha256").hexdigest()))
    except (OSError, ValueError) as error:
        raise SourceGone(_why(error)) from None


def stamp(path: Path) -> str:
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise SourceGone(_why(error)) from None
    if stat.S_ISDIR(status.st_mode):
        raise SourceGone("it is a directory")
    if not stat.S_ISREG(status.st_mode):
        raise SourceGone("it is no regular file")
    return f"{status.st_size} bytes, {status.st_mtime_ns}"


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    return error.strerror or "it cannot be read" if isinstance(error, OSError) else "no file can have this name"
