"""Names as a shell and git take them, so that a fix can be pasted whatever a file is called."""

from __future__ import annotations

import re
import shlex
import unicodedata

_PLAIN = re.compile(r"[A-Za-z0-9_@%+=,./-]+", re.ASCII)
# What the renderers would spell out, what the judge itself fills in, and what does not look like what it is.
_SHOWN_OTHERWISE = re.compile(r"##\[|::|\{base\}")
_GLOB = re.compile(r"[*?\[\\]")


def word(path: str) -> str:
    """A path as one word of a command line."""
    if path.startswith("-"):
        path = f"./{path}"
    if _PLAIN.fullmatch(path):
        return path
    if not path.isprintable() or _SHOWN_OTHERWISE.search(path) or unicodedata.normalize("NFC", path) != path:
        return "$'" + "".join(_octet(byte) for byte in path.encode("utf-8", "surrogateescape")) + "'"
    return shlex.quote(path)


def pathspec(path: str) -> str:
    """A path where git would take a pattern: of a file called `*`, git is to see that one file."""
    if path.startswith(":") or _GLOB.search(path):
        return word(f":(literal){path}")
    return word(path)


def _octet(byte: int) -> str:
    """ANSI-C quoting, as bash, zsh and POSIX 2024 shells read it."""
    char = chr(byte)
    return char if char.isascii() and (char.isalnum() or char in "/._-, ") else f"\\x{byte:02x}"
