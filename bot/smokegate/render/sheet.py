"""A page for the terminal: painted where it can be, wrapped and tabulated to its width, all of it inert."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from smokegate.render.escape import visible

RED, GREEN, YELLOW, CYAN, BOLD, DIM = "31", "32", "33", "36", "1", "2"
_GAP = "  "
_NARROWEST = 60


@dataclass(frozen=True, slots=True)
class Sheet:
    colour: bool = False
    width: int = 100

    @property
    def room(self) -> int:
        return max(self.width, _NARROWEST)

    def paint(self, text: str, *codes: str) -> str:
        return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if self.colour and text else text

    def heading(self, text: str) -> Iterator[str]:
        yield from ("", *self.painted_lines(text, BOLD, indent=0))

    def lines(self, text: str, indent: int = 2, mark: str = "") -> list[str]:
        """Words are broken only where they fit no line; a mark keeps to its half of it."""
        mark = cut(visible(mark), self.room // 2)
        return textwrap.wrap(
            visible(text),
            self.room,
            initial_indent=" " * indent + mark,
            subsequent_indent=" " * (indent + len(mark)),
            break_on_hyphens=False,
        )

    def painted_lines(self, text: str, *codes: str, indent: int = 2, mark: str = "") -> list[str]:
        return [self.paint(line, *codes) for line in self.lines(text, indent, mark)]

    def facts(self, rows: Sequence[tuple[str, str]]) -> Iterator[str]:
        """A name and what is known of it, one below the other; what is not known is left out."""
        size = max((len(name) for name, _ in rows), default=0)
        for name, text in rows:
            if text:
                yield from self.lines(text, 2, f"{name:<{size}}{_GAP}")

    def table(self, rows: Sequence[Sequence[str]], colours: Sequence[str | None] = ()) -> Iterator[str]:
        """The first row is the head. Cells that are too long for the page are cut, the longest first."""
        shown = [[visible(cell) for cell in row] for row in rows]
        sizes = self._sizes([max(map(columns, column)) for column in zip(*shown, strict=True)])
        for at, row in enumerate(shown):
            cells = [padded(cut(cell, size), size) for cell, size in zip(row, sizes, strict=True)]
            line = f"  {_GAP.join(cells)}".rstrip()
            code = DIM if at == 0 else (colours[at - 1] if at <= len(colours) else None)
            yield self.paint(line, code) if code else line

    def _sizes(self, wanted: list[int]) -> list[int]:
        sizes = list(wanted)
        room = self.room - len(_GAP) * len(sizes)
        while sum(sizes) > room and max(sizes) > 4:
            longest = sizes.index(max(sizes))
            second = max([size for at, size in enumerate(sizes) if at != longest], default=4)
            sizes[longest] = max(4, min(sizes[longest] - 1, max(second, sizes[longest] - (sum(sizes) - room))))
        return sizes


def columns(text: str) -> int:
    """Cells of a terminal that a text takes."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def _cells(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def padded(text: str, size: int) -> str:
    return text + " " * (size - columns(text))


def cut(text: str, size: int) -> str:
    if columns(text) <= size:
        return text
    kept, room = "", size - 1
    for character in text:
        room -= _cells(character)
        if room < 0:
            break
        kept += character
    return f"{kept}…"
