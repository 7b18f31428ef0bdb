"""Seeds as somebody writes them down: `0,1,2,3,4`."""

from __future__ import annotations

_LONGEST = 9


def read(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) <= _LONGEST for part in parts):
        raise ValueError(f"{text!r} is no list of seeds like 0,1,2,3,4")
    numbers = tuple(int(part) for part in parts)
    if len(set(numbers)) < len(numbers):
        raise ValueError(f"{text!r} names a seed twice")
    return numbers
