"""What a path inside a registry may look like. The choke point against `..`, links and other spellings."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from dataclasses import dataclass

_PLAIN = re.compile(r"[a-z0-9_][a-z0-9_-]{4,}(?:\.[a-z0-9_-]+)*", re.ASCII)
_DEVICE_NAMES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})
_LOOK_ALIKES = str.maketrans(
    # Cyrillic, then Greek, as they look once folded
    "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445\u0455\u0456\u0458\u04bb\u0501\u051b\u051d\u04cf"
    "\u03b1\u03b2\u03b5\u03b9\u03ba\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7\u0131",
    "abekmhopctyxsijhdqwlabeikvoptuxi",
)
"""Letters of other scripts that a reader takes for Latin ones (Unicode TR 39, the commonest)."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """`path` is from the repo root, normalised, None when it leaves the repo; `fault` says what is wrong with it."""

    path: str | None
    fault: str | None = None


def resolve(folder: str, relative: str, *, start: str | None = None) -> Resolved:
    """Resolve a path that a document of the registry in `folder` names, relative to `start` (else to `folder`).

    A path that leaves the folder but not the repo is still followed, so that a swap of what it leads to is seen.
    """
    start = folder if start is None else start
    if _PLAIN.fullmatch(relative):
        return Resolved(join(start, relative))
    fault = spelling_fault(relative)
    if "\0" in relative or "\\" in relative or relative.startswith("/") or not relative:
        return Resolved(None, fault)
    path = posixpath.normpath(join(start, relative))
    if path in {"..", "."} or path.startswith("../"):
        return Resolved(None, "leaves the repository")
    if folder and not path.startswith(f"{folder}/"):
        return Resolved(path, "leaves the registry's folder")
    return Resolved(path, fault)


def spelling_fault(relative: str) -> str | None:
    """Why a relative path is not in the one spelling that every system reads alike."""
    if not relative:
        return "is empty"
    if "\0" in relative:
        return "has a NUL character"
    if any(ord(c) < 0x20 or ord(c) == 0x7F for c in relative):
        return "has a control character"
    if "\\" in relative:
        return "has a backslash"
    if relative.startswith("/") or (len(relative) > 1 and relative[1] == ":"):
        return "is absolute"
    return _parts_fault(relative.split("/")) or _unicode_fault(relative)


def _parts_fault(parts: list[str]) -> str | None:
    for part in parts:
        if part == "..":
            return "has a `..` part"
        if part in {"", "."}:
            return "has an empty or `.` part"
        if part[-1] in ". ":
            return "has a part that ends in a dot or a space"
        if part.split(".")[0].lower() in _DEVICE_NAMES:
            return "has a part that some systems reserve for a device"
    return None


def _unicode_fault(relative: str) -> str | None:
    if relative.isascii():
        return None
    if unicodedata.normalize("NFC", relative) != relative:
        return "is not in Unicode normal form C"
    return None


def join(folder: str, inside: str) -> str:
    return f"{folder}/{inside}" if folder else inside


def parent(path: str) -> str:
    return path.rpartition("/")[0]


def within(folder: str, path: str) -> str:
    """A path from the repo root as the registry's folder sees it."""
    return path[len(folder) + 1 :] if folder else path


def fold(name: str) -> str:
    """The form under which two names are one on a careless file system, or to a careless eye."""
    if name.isascii():
        return name.lower()
    folded = unicodedata.normalize("NFKC", name).casefold().translate(_LOOK_ALIKES)
    return "".join(c for c in folded if unicodedata.category(c) != "Cf")


def stem(onnx: str) -> str:
    """`a/x.int8.onnx` -> `a/x.int8`."""
    return onnx.removesuffix(".onnx")
