"""Frames on the socket to a process apart: a length, and that many bytes; on the way there, now and then a file."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any

ANSWER_LIMIT = 16 << 20
"""Most bytes that one answer may have: it comes from a process that has touched untrusted bytes."""
LINE_LIMIT = 1 << 14
"""Most bytes of JSON before a body."""

_HEADER = struct.Struct(">Q")


class ClosedError(Exception):
    """The other side is gone, or does not speak this protocol."""


class LateError(ClosedError):
    """The other side is there, and took too long."""


class NonsenseError(ClosedError):
    """The other side is there, and what it sends is not what was due."""


def send(channel: socket.socket, *body: bytes | memoryview, descriptors: Sequence[int] = ()) -> None:
    """The parts of `body` are one frame."""
    parts = [_HEADER.pack(sum(map(len, body))), *body]
    try:
        if descriptors:
            socket.send_fds(channel, [parts.pop(0)], descriptors)
        sent = channel.sendmsg(parts)
        for part in parts:
            if sent < len(part):
                channel.sendall(memoryview(part)[sent:])
            sent = max(0, sent - len(part))
    except OSError as error:
        raise _closed(error) from None


def receive(channel: socket.socket, limit: int = ANSWER_LIMIT) -> bytes:
    return bytes(_body(channel, _exactly(channel, _HEADER.size, None), limit, None))


def receive_file(channel: socket.socket) -> list[int]:
    """The descriptor that an empty frame brings along."""
    header, descriptors, _, _ = socket.recv_fds(channel, _HEADER.size, 1)
    if not header:
        raise ClosedError("the other side hung up")
    header += _exactly(channel, _HEADER.size - len(header), None)
    _body(channel, header, 0, None)
    return descriptors


def send_json(channel: socket.socket, message: dict[str, Any], body: bytes | memoryview = b"") -> None:
    send(channel, json.dumps(message).encode() + b"\n", body)


def receive_json(channel: socket.socket) -> dict[str, Any]:
    return _parsed(receive(channel))


def receive_with_body(
    channel: socket.socket, most: int, *, until: float | None = None
) -> tuple[dict[str, Any], memoryview]:
    """A line of JSON, and what follows it in the frame: `most` bytes of that.

    All of it before the monotonic clock says `until`, however slowly it drips; files that come along are dropped.
    """
    frame = _body(channel, _exactly(channel, _HEADER.size, until), LINE_LIMIT + most, until)
    end = frame.find(b"\n", 0, LINE_LIMIT)
    if end < 0:
        raise NonsenseError("a frame that begins with no line")
    return _parsed(frame[:end]), memoryview(frame)[end + 1 :]


def _parsed(line: bytes | bytearray) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        raise NonsenseError("a frame that is not JSON") from None
    if not isinstance(message, dict):
        raise NonsenseError("a frame that is not a JSON object")
    return message


def _body(channel: socket.socket, header: bytes | bytearray, limit: int, until: float | None) -> bytearray:
    (length,) = _HEADER.unpack(header)
    if length > limit:
        raise NonsenseError(f"a frame of {length} bytes where at most {limit} are allowed")
    return _exactly(channel, length, until)


def _exactly(channel: socket.socket, count: int, until: float | None) -> bytearray:
    body = bytearray(count)
    left = memoryview(body)
    while left:
        if until is not None:
            _patient(channel, until)
        try:
            came = channel.recv_into(left)
        except OSError as error:
            raise _closed(error) from None
        if not came:
            raise ClosedError("the other side hung up")
        left = left[came:]
    return body


def _patient(channel: socket.socket, until: float) -> None:
    left = until - time.monotonic()
    if left <= 0:
        raise LateError("the time is up")
    channel.settimeout(left)


def _closed(error: OSError) -> ClosedError:
    return LateError(str(error)) if isinstance(error, TimeoutError) else ClosedError(str(error))
