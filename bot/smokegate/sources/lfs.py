"""Git LFS: pointers, read as strictly as the specification writes them, and the local store of objects.

https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
"""

from __future__ import annotations

import hashlib
import re

from smokegate.sources.tree import Pointer

POINTER_BOUND = 1024
"""The specification: a pointer file is shorter than this."""

_VERSION = b"version https://git-lfs.github.com/spec/v1"
_LARGEST = 2**63 - 1

# Threat: git-lfs itself is lenient (it trims white space, takes CRLF, aliases of the version and leading `ext-` lines,
# and looks no further than 1024 bytes). What it would take for a pointer, we must never take for content.
_CLAIM = re.compile(
    r"(?:version |ext-\d-)[^\n]*(?:git-lfs|git-media|hawser)|ext-\d-[^\n]*\n(?s:.*)\bversion ", re.ASCII
)
_SPACE = "\ufeff"

_OID = re.compile(rb"oid sha256:([0-9a-f]{64})", re.ASCII)
_SIZE = re.compile(rb"size (0|[1-9][0-9]{0,18})", re.ASCII)


def parse_pointer(data: bytes) -> Pointer | str | None:
    """A pointer, why it is a malformed one, or None for anything else.

    For a longer file its first `POINTER_BOUND` bytes are enough.
    """
    if not _claims_to_be_a_pointer(data[:POINTER_BOUND]):
        return None
    if len(data) >= POINTER_BOUND:
        return f"it is too long: a pointer is shorter than {POINTER_BOUND} bytes"
    if b"\r" in data:
        return "its lines end in CRLF: a pointer's end in LF"
    if data[:1].isspace() or not data.startswith((b"version ", b"ext-")):
        return "its first line is not the version line"
    if not data.endswith(b"\n"):
        return "its last line has no newline"
    return _parse_lines(data.removesuffix(b"\n").split(b"\n"))


def pointer_to(data: bytes) -> Pointer:
    return Pointer(hashlib.sha256(data).hexdigest(), len(data))


def written(pointer: Pointer) -> bytes:
    """As git-lfs writes it into git."""
    return b"%s\noid sha256:%s\nsize %d\n" % (_VERSION, pointer.oid.encode("ascii"), pointer.size)


def _claims_to_be_a_pointer(head: bytes) -> bool:
    text = head.decode("utf-8", "replace")
    return _CLAIM.match(text.strip().strip(_SPACE).strip()) is not None


def _parse_lines(lines: list[bytes]) -> Pointer | str:
    if any(line.startswith(b"ext-") for line in lines):
        return "it has an `ext-` line: its digest would be that of bytes before an extension changed them"
    if lines[0] != _VERSION:
        return f"its version is {_shown(lines[0].removeprefix(b'version '))}: only {_shown(_VERSION[8:])} is known"
    if any(line.endswith((b" ", b"\t")) or b" " not in line for line in lines):
        return "it has a line that is not `key value`"
    keys = [line.split(b" ", 1)[0] for line in lines]
    if keys != [b"version", b"oid", b"size"]:
        return f"its keys are {', '.join(_shown(key) for key in keys)}: they must be version, oid, size, in that order"
    oid, size = _OID.fullmatch(lines[1]), _SIZE.fullmatch(lines[2])
    if oid is None:
        return "its oid is not `sha256:` and 64 lower-case hexadecimal digits"
    if size is None or int(size[1]) > _LARGEST:
        return "its size is not a plain decimal number"
    return Pointer(oid[1].decode("ascii"), int(size[1]))


def _shown(raw: bytes) -> str:
    return ascii(raw[:80].decode("utf-8", "replace"))[1:-1]
