"""JSON read strictly: one meaning, one spelling of text, bounded, and every fault has a place.

The C decoder reads what is plainly good. Whatever it refuses, or what only looks odd, goes to the scanner below,
which is the reference: it alone decides, and it knows where it stands.
"""

from __future__ import annotations

import enum
import json
import math
import re
from typing import Any, NoReturn

MAX_DIGITS = 300
"""Longest integer: a double ends at 309 digits, and Python refuses to convert past 4300."""


class FaultKind(enum.Enum):
    SYNTAX = "syntax"
    DUPLICATE_KEY = "duplicate-key"
    NON_FINITE = "non-finite"
    ENCODING = "encoding"
    DEPTH = "depth"
    SIZE = "size"
    TRAILING = "trailing"
    EMPTY = "empty"


class JsonFault(ValueError):
    """Why a text is not strict JSON. Line and column count from 1, offset from 0, all in characters."""

    def __init__(self, message: str, line: int, column: int, offset: int, kind: FaultKind) -> None:
        super().__init__(message, line, column, offset, kind)
        self.message = message
        self.line = line
        self.column = column
        self.offset = offset
        self.kind = kind

    def __str__(self) -> str:
        return f"{self.message} (line {self.line}, column {self.column})"


def parse(data: bytes, *, max_bytes: int, max_depth: int) -> Any:
    """The value of a strict JSON document; JsonFault if it is not one. A scalar has depth 0, `[]` depth 1."""
    text = _decoded(data, max_bytes)
    try:
        return _fast(text, max_depth)
    except (ValueError, RecursionError):
        return scan(text, max_depth)


def scan(text: str, max_depth: int) -> Any:
    """The reference reader: slower, exact, and never deeper in the interpreter's stack than here."""
    return _Scanner(text, max_depth).document()


def _decoded(data: bytes, max_bytes: int) -> str:
    if len(data) > max_bytes:
        message = f"the file has {len(data):,} bytes; at most {max_bytes:,} are read"
        raise JsonFault(message, 1, 1, 0, FaultKind.SIZE)
    if data.startswith(b"\xef\xbb\xbf"):
        message = "the file starts with a byte order mark; save it as UTF-8 without one"
        raise JsonFault(message, 1, 1, 0, FaultKind.ENCODING)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data[:2]:
        raise JsonFault("the file looks like UTF-16 or UTF-32; save it as UTF-8", 1, 1, 0, FaultKind.ENCODING)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        message = f"byte 0x{data[error.start]:02x} (byte {error.start} of the file) is not UTF-8: {error.reason}"
        raise JsonFault(message, *_place(before, len(before)), len(before), FaultKind.ENCODING) from None


def _place(text: str, offset: int) -> tuple[int, int]:
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


# The fast path.


class _SuspectError(ValueError):
    """Something that the scanner has to look at."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _SuspectError
    return members


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise _SuspectError
    return number


def _int(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise _SuspectError
    return int(digits)


def _refuse(_: str) -> NoReturn:
    raise _SuspectError


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_float, parse_int=_int, parse_constant=_refuse)

# A surrogate escape without its other half, and anything that cannot be told from one without reading from the
# string's start: a high half after two backslashes may be no escape at all.
_ODD_SURROGATE = re.compile(
    r"\\\\u[dD][89abAB]"
    r"|\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    r"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F]"
)


def _fast(text: str, max_depth: int) -> Any:
    value = _DECODER.decode(text)
    if ("\\ud" in text or "\\uD" in text) and _ODD_SURROGATE.search(text):
        raise _SuspectError
    if _deeper(value, max_depth):
        raise _SuspectError
    return value


def _deeper(value: Any, bound: int) -> bool:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(bound):
        if not level:
            return False
        level = [
            child
            for node in level
            for child in (node.values() if type(node) is dict else node)
            if type(child) is dict or type(child) is list
        ]
    return bool(level)


# The reference.

_SPACE = re.compile(r"[ \t\n\r]*")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_HEX = re.compile(r"[0-9a-fA-F]{4}")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WORD = re.compile(r"[A-Za-z0-9_.+-]{1,24}")
_CONSTANT = re.compile(r"NaN|-?Infinity")
_LITERAL = re.compile(r"true|false|null")
_CONFLICT = re.compile(r"(<{7}|={7}|>{7}|\|{7})(?=[ \r\n]|$)")

_LITERALS = {"true": True, "false": False, "null": None}
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_CLOSERS = {"{": "}", "[": "]"}
_HINTS = {
    "'": "; strings take double quotes",
    "/": "; JSON has no comments",
    "#": "; JSON has no comments",
    "True": "; write true",
    "False": "; write false",
    "None": "; write null",
}


class _Frame:
    """A container that is being read."""

    __slots__ = ("closer", "key", "keys", "opened", "value")

    def __init__(self, opener: str, opened: int) -> None:
        self.value: dict[str, Any] | list[Any] = {} if opener == "{" else []
        self.closer = _CLOSERS[opener]
        self.opened = opened
        self.key = ""
        self.keys: dict[str, int] = {}

    def add(self, value: Any) -> None:
        if isinstance(self.value, dict):
            self.value[self.key] = value
        else:
            self.value.append(value)

    @property
    def last(self) -> str:
        return f"the value of {_shown(self.key)}" if isinstance(self.value, dict) else f"item {len(self.value) - 1}"


class _Scanner:
    def __init__(self, text: str, max_depth: int) -> None:
        self.text = text
        self.max_depth = max_depth
        self.frames: list[_Frame] = []

    def document(self) -> Any:
        at = self.skip(0)
        if at == len(self.text):
            message = "the file holds nothing but white space" if self.text else "the file is empty"
            raise JsonFault(message, 1, 1, 0, FaultKind.EMPTY)
        value, at = self.tree(at)
        at = self.skip(at)
        if at < len(self.text):
            raise self.unexpected(at, "expected nothing more after the document's end", FaultKind.TRAILING)
        return value

    def tree(self, at: int) -> tuple[Any, int]:
        done = False
        value: Any = None
        while not done:
            if self.text[at : at + 1] in _CLOSERS:
                frame = self.open(at)
                at = self.skip(at + 1)
                if self.text[at : at + 1] != frame.closer:
                    self.frames.append(frame)
                    at = self.child(frame, at)
                    continue
                value, at = frame.value, at + 1
            else:
                value, at = self.scalar(at)
            value, at, done = self.close(value, at)
        return value, at

    def open(self, at: int) -> _Frame:
        if len(self.frames) >= self.max_depth:
            raise self.fault(f"nested deeper than {self.max_depth} levels", at, FaultKind.DEPTH)
        return _Frame(self.text[at], at)

    def close(self, value: Any, at: int) -> tuple[Any, int, bool]:
        """Hand a finished value to its container, and that to its own when it is full."""
        while self.frames:
            frame = self.frames[-1]
            frame.add(value)
            at = self.skip(at)
            mark = self.text[at : at + 1]
            if mark == ",":
                after = self.skip(at + 1)
                if self.text[after : after + 1] == frame.closer:
                    raise self.fault(f"comma after {frame.last}, which is the last: JSON allows none there", at)
                return None, self.child(frame, after), False
            if mark != frame.closer:
                raise self.unexpected(at, f"expected , or {frame.closer} after {frame.last}")
            value, at = self.frames.pop().value, at + 1
        return value, at, True

    def child(self, frame: _Frame, at: int) -> int:
        """Where the next value of a container starts, its key read."""
        if not isinstance(frame.value, dict):
            return at
        if self.text[at : at + 1] != '"':
            raise self.unexpected(at, "expected a key in double quotes" + (" or }" if not frame.keys else ""))
        key, end = self.string(at)
        if key in frame.keys:
            line, column = _place(self.text, frame.keys[key])
            message = f"duplicate key {_shown(key)}; it is first on line {line}, column {column}"
            raise self.fault(message, at, FaultKind.DUPLICATE_KEY)
        frame.key = key
        frame.keys[key] = at
        end = self.skip(end)
        if self.text[end : end + 1] != ":":
            raise self.unexpected(end, f"expected : after the key {_shown(key)}")
        return self.skip(end + 1)

    def scalar(self, at: int) -> tuple[Any, int]:
        if self.text[at : at + 1] == '"':
            return self.string(at)
        if literal := _LITERAL.match(self.text, at):
            return _LITERALS[literal.group()], literal.end()
        if constant := _CONSTANT.match(self.text, at):
            raise self.fault(f"{constant.group()} is not JSON: a number is finite", at, FaultKind.NON_FINITE)
        if number := _NUMBER.match(self.text, at):
            return self.number(number), number.end()
        raise self.unexpected(at, "expected a value")

    def number(self, match: re.Match[str]) -> int | float:
        digits, at = match.group(), match.start()
        if self.text[match.end() : match.end() + 1] in tuple("0123456789.eE+-"):
            word = self.found(at)
            why = "a number does not start with 0" if digits in ("0", "-0") and word[-1].isdigit() else "not a number"
            raise self.fault(f"{word}: {why}", at)
        if match.group(1) or match.group(2):
            real = float(digits)
            if math.isinf(real):
                raise self.fault(f"{self.found(at)} is past the range of a double", at, FaultKind.NON_FINITE)
            return real
        if len(digits.lstrip("-")) > MAX_DIGITS:
            message = f"integer of {len(digits.lstrip('-')):,} digits; at most {MAX_DIGITS} are read"
            raise self.fault(message, at, FaultKind.NON_FINITE)
        return int(digits)

    def string(self, at: int) -> tuple[str, int]:
        opened = at
        chunks: list[str] = []
        while True:
            plain = _PLAIN.match(self.text, at + 1)
            assert plain is not None  # noqa: S101  (matches the empty string too)
            chunks.append(plain.group())
            at = plain.end()
            mark = self.text[at : at + 1]
            if mark == '"':
                return "".join(chunks), at + 1
            if mark == "\\":
                char, at = self.escape(at)
                chunks.append(char)
            elif not mark or mark in "\r\n":
                raise self.fault("string without a closing quote on its line", opened)
            else:
                raise self.fault(f"control character U+{ord(mark):04X} in a string; write it as an escape", at)

    def escape(self, at: int) -> tuple[str, int]:
        """The character that an escape means, and the offset of the escape's last character."""
        letter = self.text[at + 1 : at + 2]
        if letter in _ESCAPES:
            return _ESCAPES[letter], at + 1
        code = self.unit(at)
        if code is None:
            why = "takes four hex digits" if letter == "u" else "is no escape that JSON knows"
            raise self.fault(f"\\{self.found(at + 1)} {why}" if letter else "backslash at the end of the file", at)
        if 0xD800 <= code < 0xDC00:
            low = self.unit(at + 6)
            if low is not None and 0xDC00 <= low < 0xE000:
                return chr(0x10000 + ((code - 0xD800) << 10) + low - 0xDC00), at + 11
        if 0xD800 <= code < 0xE000:
            message = f"\\u{code:04x} is half of a surrogate pair, and the other half is not there"
            raise self.fault(message, at, FaultKind.ENCODING)
        return chr(code), at + 5

    def unit(self, at: int) -> int | None:
        if self.text[at : at + 2] != "\\u":
            return None
        digits = _HEX.match(self.text, at + 2)
        return int(digits.group(), 16) if digits else None

    def skip(self, at: int) -> int:
        space = _SPACE.match(self.text, at)
        return space.end() if space else at

    def found(self, at: int) -> str:
        if word := _WORD.match(self.text, at):
            return word.group()
        char = self.text[at]
        if char == '"' and (plain := _PLAIN.match(self.text, at + 1)):
            return _shown(plain.group())
        return char if char.isprintable() and char.isascii() else f"U+{ord(char):04X}"

    def unexpected(self, at: int, expected: str, kind: FaultKind = FaultKind.SYNTAX) -> JsonFault:
        if at >= len(self.text):
            return self.ended(expected)
        marker = _CONFLICT.match(self.text, at)
        if marker and self.text[at - 1 : at] in ("", "\n"):
            return self.fault(f"git conflict marker {marker.group()}: a merge was left half done here", at)
        found = self.found(at)
        return self.fault(f"{expected}, found {found}{_HINTS.get(found, '')}", at, kind)

    def ended(self, expected: str) -> JsonFault:
        end = len(self.text.rstrip(" \t\n\r"))
        if not self.frames:
            return self.fault(f"{expected}, found the end of the file", end)
        frame = self.frames[-1]
        line, column = _place(self.text, frame.opened)
        what = "object" if frame.closer == "}" else "array"
        where = f"inside the {what} that opens on line {line}, column {column}"
        return self.fault(f"{expected}, found the end of the file {where}", end)

    def fault(self, message: str, at: int, kind: FaultKind = FaultKind.SYNTAX) -> JsonFault:
        return JsonFault(message, *_place(self.text, at), at, kind)


def _shown(text: str) -> str:
    """A piece of an untrusted text, safe and short enough for a message."""
    return json.dumps(text if len(text) <= 40 else text[:37] + "...")
