"""Fitting a page into a size without cutting anything half-way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, overload

T = TypeVar("T")


def size(text: str) -> int:
    """UTF-8 bytes: never fewer than characters or UTF-16 units, whichever of them a host counts."""
    return len(text.encode())


@dataclass(frozen=True)
class Units(Sequence[str], Generic[T]):
    """Units that are written only when they are looked at: there may be a million, of which a page shows hundreds."""

    things: Sequence[T]
    write: Callable[[T], str]

    def __len__(self) -> int:
        return len(self.things)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        if isinstance(at, slice):
            return [self.write(one) for one in self.things[at]]
        return self.write(self.things[at])


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
