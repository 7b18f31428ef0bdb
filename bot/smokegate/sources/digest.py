"""SHA-256 of streams of any length, in memory that does not grow with them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from smokegate.sources.lfs import POINTER_BOUND, parse_pointer
from smokegate.sources.tree import Pointer

CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Stored:
    """What is known of bytes in a store, whatever name they go by."""

    digest: str
    size: int
    pointer: Pointer | None
    pointer_fault: str | None


def digest(chunks: Iterable[memoryview]) -> Stored:
    sha256 = hashlib.sha256()
    size = 0
    head = b""
    for chunk in chunks:
        if size < POINTER_BOUND:
            head += bytes(chunk[: POINTER_BOUND - size])
        sha256.update(chunk)
        size += len(chunk)
    parsed = parse_pointer(head)
    return Stored(
        sha256.hexdigest(),
        size,
        pointer=parsed if isinstance(parsed, Pointer) else None,
        pointer_fault=parsed if isinstance(parsed, str) else None,
    )


def chunks_of(file: BinaryIO) -> Iterator[memoryview]:
    """A file's bytes through one reused buffer: a chunk is good until the next is asked for."""
    buffer = memoryview(bytearray(CHUNK))
    readinto = file.readinto  # type: ignore[attr-defined]
    while count := readinto(buffer):
        yield buffer[:count]
