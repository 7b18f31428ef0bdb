"""Whether a file that gave fewer frames than were asked for is simply short, or was cut short.

Demuxers take the end of a file for the end of the film, whatever its header and its index speak of.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from smokegate_runners.saliency.video.source_file import SourceFile

# Nothing follows their last frame, so that what does is the beginning of one more.
_WITHOUT_TAIL = frozenset({"obu", "yuv4mpegpipe"})

_EBML_HEADER = b"\x1a\x45\xdf\xa3"
_SEGMENT = b"\x18\x53\x80\x67"
_RIFF_UNKNOWN = (0, 0xFFFFFFFF)
_MXF_PARTITION = bytes.fromhex("060e2b34020501010d010201")
_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


class Entry(Protocol):
    """Where an index says that a frame lies."""

    @property
    def pos(self) -> int: ...
    @property
    def size(self) -> int: ...


def is_cut_short(file: SourceFile, container: str, index: Iterable[Entry], last_byte: int) -> bool:
    """`last_byte` is where the last packet ended."""
    return (
        any(entry.pos + entry.size > file.size for entry in index)
        or (container in _WITHOUT_TAIL and last_byte < file.size)
        or _declared(file.at(0, 8192)) > file.size
    )


def _declared(head: bytes) -> int:
    """How far the file reaches as its first bytes have it, 0 where they do not say."""
    if head.startswith(b"RIFF"):
        size = _little(head[4:8])
        return 0 if size in _RIFF_UNKNOWN else 8 + size
    if head.startswith(_EBML_HEADER):
        return _segment_end(head)
    if head.startswith(_MXF_PARTITION) and len(head) > 16:
        start = 17 + (head[16] & 0x7F if head[16] & 0x80 else 0)
        return int.from_bytes(head[start + 24 : start + 32], "big")
    if head.startswith(_ASF_HEADER):
        return _little(head.partition(_ASF_FILE_PROPERTIES)[2][24:32])
    return 0


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _segment_end(head: bytes) -> int:
    length, start = _ebml_size(head, len(_EBML_HEADER))
    if not head[start + length :].startswith(_SEGMENT):
        return 0
    size, start = _ebml_size(head, start + length + len(_SEGMENT))
    return start + size


def _ebml_size(data: bytes, start: int) -> tuple[int, int]:
    """A size and where it ends; all ones mean that it is not known, which is taken for 0."""
    if start >= len(data) or not data[start]:
        return 0, start
    width = 9 - data[start].bit_length()
    mask = (1 << 7 * width) - 1
    size = int.from_bytes(data[start : start + width], "big") & mask
    return (0 if size == mask else size), start + width
