"""Fitting a page into a size without cutting anything half-way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


def size(text: str) -> int:
    """UTF-8 bytes: never fewer than characters or UTF-16 units, whichever of them a host counts."""
    return len(text.encode())


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page whose units are shown whole or not at all."""

    one: str
    many: str
    units: Sequence[str]
    head: str = ""
    tail: str = ""
    glue: str = "\n\n"
    share: float = 1.0
    """The largest part of what is left that this section may take."""
    always: bool = False
    """Whether its head and tail stand even over nothing."""

    def text(self, shown: int) -> str:
        return self.head + self.glue.join(self.units[:shown]) + self.tail


def fill(sections: Sequence[Section], budget: int) -> list[int]:
    """How many units of each section fit, the earlier sections first."""
    shown = []
    for section in sections:
        left = int(budget * section.share) - size(section.head) - size(section.tail)
        number = 0
        for unit in section.units:
            left -= size(unit) + size(section.glue)
            if left < 0:
                break
            number += 1
        shown.append(number)
        if number or section.always:
            budget -= size(section.text(number))
    return shown
