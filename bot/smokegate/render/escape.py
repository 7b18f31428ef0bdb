"""Where untrusted text becomes inert. File names, ids and messages reach a terminal, a log, a comment or a page only
through these functions."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import quote

_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

# Default-ignorable or blank characters that `str.isprintable` takes for ink.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0").union(
    map(chr, range(0xFE00, 0xFE10)), map(chr, range(0xE0100, 0xE01F0))
)

# The Actions runner obeys `::name::` where a line starts with it after trimming, and `##[name]` anywhere in a line.
_COMMAND = re.compile(r"##\[|(?:^|(?<= ))::")


def visible(text: str) -> str:
    """One line, every character seen: controls, bidi marks, blanks and odd bytes are spelled out."""
    if not text.isprintable() or not (text.isascii() or _BLANK.isdisjoint(text)):
        text = "".join(ch if ch.isprintable() and ch not in _BLANK else _spelled(ch) for ch in text)
    return _COMMAND.sub(lambda found: "##\\x5b" if found[0] == "##[" else "\\x3a:", text)


def visible_lines(text: str) -> list[str]:
    """As `visible`, but line breaks stay: for commands of several lines."""
    return [visible(line) for line in text.strip("\n").split("\n")]


def _spelled(ch: str) -> str:
    code = ord(ch)
    if ch in _NAMED:
        return _NAMED[ch]
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8, as os.fsdecode has it
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def clip(text: str, limit: int) -> str:
    """`visible`, and no longer than `limit` and a mark that says it was cut."""
    shown = visible(text[:limit])
    return shown if len(text) <= limit and len(shown) <= limit else f"{shown[:limit]} [...]"


def code(text: str) -> str:
    """A Markdown code span that holds `visible` text and cannot be closed from within."""
    return _span(visible(text))


def cell_code(text: str) -> str:
    """A code span for a table cell, where a pipe ends the cell even inside code."""
    return _span(visible(text).replace("|", "\\x7c"))


def _span(shown: str) -> str:
    if not shown:
        return "(empty)"
    ticks = "`" * (_longest_run(shown) + 1)
    padded = shown[0] in "` " or shown[-1] in "` "
    return f"{ticks} {shown} {ticks}" if padded and shown.strip(" ") else f"{ticks}{shown}{ticks}"


def fence(text: str, info: str = "console") -> str:
    """A fenced block. It stands at the margin, not in a list, so that no line of it can leave it."""
    body = "\n".join(visible_lines(text))
    ticks = "`" * max(3, _longest_run(body) + 1)
    return f"{ticks}{info}\n{body}\n{ticks}"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall(r"`+", text)), default=0)


_TOKEN = re.compile(r"(?<!`)`([A-Za-z0-9_./:=+-]+)`(?!`)")
_WORD = re.compile(r"(?P<open>[(\[{\"']*)(?P<core>.*?)(?P<close>[\])}\"'.,;:!?]*)")
# What GitHub turns into a link, a mention, an emoji or a formula. It does so on the rendered text, where a backslash
# no longer helps, but it leaves code alone; and shown as code it is still itself when somebody copies it.
_LIVELY = re.compile(r"[@#$\\]|//|www\.|mailto:|xmpp:|\bGH-\d|:[\w+-]+:|\b[0-9a-f]{7,}\b", re.IGNORECASE)
_PUNCTUATION = re.compile(r"[\\`*_{}\[\]<>()|~&!]")
_BLOCK_START = re.compile(r"(\d*)(?=[-+=#>~:.)])")


def prose(text: str) -> str:
    """Markdown that shows untrusted plain text as text. A simple `token` in backticks stays code."""
    out = ""
    for index, piece in enumerate(_TOKEN.split(visible(text))):
        for shown in [_span(piece)] if index % 2 else map(_word, re.split("( +)", piece)):
            out += " " + shown if out.endswith("`") and shown.startswith("`") else shown
    return _no_block(out.strip(" "))


def _no_block(line: str) -> str:
    """No list, heading, quote, rule or underline begins with this text."""
    start = _BLOCK_START.match(line)
    return f"{start[1]}\\{line[start.end() :]}" if start else line


def _word(word: str) -> str:
    if not _LIVELY.search(word):
        return _quiet(word)
    parts = _WORD.fullmatch(word)
    if parts is None or not parts["core"] or _LIVELY.search(parts["open"] + parts["close"]):
        return _span(word)
    return _quiet(parts["open"]) + _span(parts["core"]) + _quiet(parts["close"])


def _quiet(text: str) -> str:
    return _PUNCTUATION.sub(lambda found: "\\" + found[0], text)


def uri_path(path: str) -> str:
    """A relative URI reference for a path in the repository; bytes that are not UTF-8 come as they were."""
    reference = quote(_as_bytes(path))
    return reference.replace("/", "%2F", 1) if reference.startswith("/") else reference


def comment_value(text: str) -> str:
    """For inside an HTML comment: nothing in it ends the comment, and equal text gives equal values."""
    value = quote(_as_bytes(text)).replace("--", "-%2D")
    return value if len(value) <= 1_000 else "sha256:" + hashlib.sha256(value.encode()).hexdigest()


def _as_bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
