"""Frames on the socket between the client and a worker: a length, some JSON, now and then a file descriptor."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Sequence
from typing import Any

ANSWER_LIMIT = 16 << 20
"""Most bytes that one answer may have: it comes from a process that has touched untrusted bytes."""

_HEADER = struct.Struct(">I")


class ClosedError(Exception):
    """The other side is gone, or does not speak this protocol."""


def send(channel: socket.socket, body: bytes, descriptors: Sequence[int] = ()) -> None:
    header = _HEADER.pack(len(body))
    if descriptors:
        socket.send_fds(channel, [header], descriptors)
        channel.sendall(body)
    else:
        channel.sendall(header + body)


def receive(channel: socket.socket, limit: int = ANSWER_LIMIT) -> tuple[bytes, list[int]]:
    header, descriptors, _, _ = socket.recv_fds(channel, _HEADER.size, 1)
    if len(header) != _HEADER.size:
        header += _exactly(channel, _HEADER.size - len(header)) if header else b""
    if not header:
        raise ClosedError("the other side hung up")
    (length,) = _HEADER.unpack(header)
    if length > limit:
        raise ClosedError(f"a frame of {length} bytes where at most {limit} are allowed")
    return _exactly(channel, length), descriptors


def send_json(channel: socket.socket, message: dict[str, Any]) -> None:
    send(channel, json.dumps(message).encode())


def receive_json(channel: socket.socket) -> dict[str, Any]:
    message = json.loads(receive(channel)[0])
    if not isinstance(message, dict):
        raise ClosedError("a frame that is not a JSON object")
    return message


def _exactly(channel: socket.socket, count: int) -> bytes:
    body = bytearray()
    while len(body) < count:
        chunk = channel.recv(min(count - len(body), 1 << 20))
        if not chunk:
            raise ClosedError("the other side hung up in the middle of a frame")
        body += chunk
    return bytes(body)
