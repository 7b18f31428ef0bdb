"""Which lines of a comment its author says, and does not quote, show as code, or hide.

GitHub reads a comment as Markdown, so a line that starts with `/promote` may be part of a code block, of a quote that
goes on lazily, of an HTML comment, of a link's title. A line counts as said only where every reading of what stands
above it leaves it plain text; where readings differ, it comes with a doubt, which is answered and never acted on.
A test holds this to a real CommonMark parser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_LINE = re.compile(r"\r\n|\n|\r")
"""CommonMark's line endings; `str.splitlines` knows many more, and would start lines in the middle of one."""

_FENCE = re.compile(r"(?P<indent> {0,3})(?P<run>`{3,}(?=[^`]*$)|~{3,})")
_QUOTE = re.compile(r"[ \t]*(?:(?:[-+*]|\d{1,9}[.)])[ \t]*)*>")
_LIST = re.compile(r" {0,3}(?:[-+*]|\d{1,9}[.)])(?:[ \t]|$)")
_TAG = re.compile(r"[ \t]*<")
_AROUND = re.compile(r"<(?P<end>/?)(?:details|blockquote|del|s|strike)\b", re.IGNORECASE)
"""What folds, quotes or crosses out what stands in it, over empty lines as well."""
# What opens an HTML block that empty lines do not end, and what ends it.
_HIDING = re.compile(
    r"(?P<comment><!--)|(?P<cdata><!\[CDATA\[)|(?P<declaration><![A-Za-z])|(?P<instruction><\?)"
    r"|(?P<raw><(?:script|pre|style|textarea)(?=[\s>]|$))",
    re.IGNORECASE,
)
_ENDS = {
    "comment": re.compile("-->"),
    "cdata": re.compile(r"\]\]>"),
    "declaration": re.compile(">"),
    "instruction": re.compile(r"\?>"),
    "raw": re.compile("</(?:script|pre|style|textarea)>", re.IGNORECASE),
}
_LIVELY = re.compile(r"[<\[|~$]")
"""What may begin, in a line above, something that this line then is part of: a tag, a link, a table, a formula."""

Reading = tuple[str, str]
"""Where a line stands: `("", "")` in plain sight, `("fence", its run)`, or `("html", what it is)`."""
_PLAIN: Reading = ("", "")
_LOST: Reading = ("lost", "")
_MOST_READINGS = 8
"""Nobody writes what has more of them, and each costs time on every line."""


@dataclass(frozen=True, slots=True)
class Line:
    number: int
    text: str
    doubt: str | None = None
    """Why it may not be said at all, in words that go on from `this line `."""


def spoken(body: str) -> Iterator[Line]:
    """Lines that start with a slash, first character and all."""
    page = _Page()
    for number, text in enumerate(_LINE.split(body), 1):
        if text.startswith("/") and _PLAIN in page.readings:
            yield Line(number, text, page.doubt())
        page.turn(text)


class _Page:
    """What is known of the lines above."""

    def __init__(self) -> None:
        self.readings = frozenset((_PLAIN,))
        self._around = 0
        self._lists = False
        self._begin_paragraph()

    def _begin_paragraph(self) -> None:
        self._quote = self._lively = self._tag = False

    def doubt(self) -> str | None:
        if len(self.readings) > 1:
            return "may be part of the code or HTML above it"
        if self._around:
            return "is inside HTML that folds, quotes or crosses it out"
        if self._quote:
            return "is part of the quote above it"
        return "may be part of the link, code, table or tag above it" if self._lively else None

    def turn(self, text: str) -> None:
        if not text.strip(" \t"):
            self._begin_paragraph()
            return
        if _PLAIN in self.readings:
            for tag in _AROUND.finditer(text):
                self._around = max(0, self._around + (-1 if tag["end"] else 1))
            self._lists = self._lists or _LIST.match(text) is not None
        fenced = _PLAIN not in self.readings and all(kind == "fence" for kind, _ in self.readings)
        self.readings = frozenset(reading for one in self.readings for reading in self._after(one, text))
        if len(self.readings) > _MOST_READINGS:
            self.readings = frozenset((_PLAIN, _LOST))
        if fenced and self.readings == {_PLAIN}:
            self._begin_paragraph()
            return
        self._quote = self._quote or _QUOTE.match(text) is not None
        self._tag = self._tag or _TAG.match(text) is not None
        self._lively = self._lively or _LIVELY.search(text) is not None or _open_code(text)

    def _after(self, reading: Reading, text: str) -> set[Reading]:
        kind, what = reading
        if reading == _LOST:
            return {reading}
        if kind == "fence":
            return {_PLAIN} if re.fullmatch(f" {{0,3}}{re.escape(what)}{what[0]}*[ \t]*", text) else {reading}
        if kind == "html":
            end = _ENDS[what].search(text)
            return self._opened(text, end.end()) if end else {reading}
        if _QUOTE.match(text):
            return {_PLAIN}
        if fence := _FENCE.match(text):
            fenced: Reading = ("fence", fence["run"])
            return {fenced} if self._starts_block(fence["indent"]) else {fenced, _PLAIN}
        return self._opened(text, 0)

    def _opened(self, text: str, start: int) -> set[Reading]:
        """What a line leaves open of the things that hide what follows."""
        while opener := _HIDING.search(text, start):
            what = str(opener.lastgroup)
            end = _ENDS[what].search(text, opener.start() + 2)
            if end is None:
                sure = self._starts_block(text[: opener.start()])
                return {("html", what)} if sure else {("html", what), _PLAIN}
            start = end.end()
        return {_PLAIN}

    def _starts_block(self, indent: str) -> bool:
        """Indented, it may belong to a list's item; below a tag, an HTML block may have swallowed it."""
        return not self._tag and (not indent or (indent in (" ", "  ", "   ") and not self._lists))


def _open_code(line: str) -> bool:
    """Whether a code span that begins here may end below. A backslash before a backtick leaves it open, to be safe."""
    if "\\`" in line:
        return True
    runs: Sequence[str] = re.findall(r"`+", line)
    again: dict[str, int] = {}
    closes: list[int | None] = [None] * len(runs)
    for at in range(len(runs) - 1, -1, -1):
        closes[at] = again.get(runs[at])
        again[runs[at]] = at
    at = 0
    while at < len(runs):
        end = closes[at]
        if end is None:
            return True
        at = end + 1
    return False
