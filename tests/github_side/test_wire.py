"""One exchange with servers that answer byte by byte, too much, nothing, or nonsense."""

from __future__ import annotations

import gzip
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import requests

from smokegate.github.api.retrying import Silence
from smokegate.github.api.wire import HttpWire, NoAnswer, Reach, Received, Sent

OK = b"HTTP/1.1 200 OK\r\n"
HELLO = OK + b"Content-Length: 5\r\n\r\nhello"
BOMB = gzip.compress(b"0" * 100_000_000, mtime=0)
# Without a time in it, so that every process of a test run gives these tests one name.
FINE = gzip.compress(b"hello" * 1000, mtime=0)
WIRE = HttpWire(Reach(connect=20.0, silence=20.0, whole=20.0))
Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """The address of a server that answers one request with these bytes."""
    threads: list[threading.Thread] = []
    done = threading.Event()

    def start(answer: bytes, *, pause: float = 0.0, reset: bool = False, open_end: bool = False) -> str:
        listener = socket.create_server(("127.0.0.1", 0))

        def run() -> None:
            with listener, listener.accept()[0] as peer:
                peer.recv(2**16)
                try:
                    for piece in (answer[i : i + 1] for i in range(len(answer))) if pause else [answer]:
                        peer.sendall(piece)
                        if done.wait(pause):
                            return
                    if open_end:
                        done.wait(60)
                except ConnectionError:
                    return
                if reset:
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        threads.append(threading.Thread(target=run, daemon=True))
        threads[-1].start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/x"

    yield start
    done.set()
    for thread in threads:
        thread.join(20)


def get(url: str, *, wire: HttpWire = WIRE, limit: int | None = None) -> Received:
    return wire.exchange(Sent("GET", url, {}), limit=limit)


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (HELLO, b"hello"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", b"hello"),
        (OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(FINE) + FINE, b"hello" * 1000),
        (OK + b"Connection: close\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (OK, b""),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\nno", b"no"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + HELLO, b"hello"),
    ],
)
def test_an_answer(serve: Serve, answer: bytes, body: bytes) -> None:
    assert get(serve(answer)).body == body


def test_header_names_are_in_lower_case(serve: Serve) -> None:
    assert get(serve(OK + b"X-RateLimit-Remaining: 7\r\nContent-Length: 0\r\n\r\n")).headers == {
        "x-ratelimit-remaining": "7",
        "content-length": "0",
    }


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00\x01 nonsense\r\n\r\n",
        OK + b"Content-Length: 50\r\n\r\nhello",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhe",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(FINE) + FINE[:20],
        OK + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
        OK + b"".join(b"X%d: 1\r\n" % n for n in range(300)) + b"Content-Length: 5\r\n\r\nhello",
        OK + b"X: " + b"1" * 100_000 + b"\r\nContent-Length: 5\r\n\r\nhello",
    ],
)
@pytest.mark.parametrize("reset", [False, True])
def test_an_answer_that_is_none(serve: Serve, answer: bytes, reset: bool) -> None:
    with pytest.raises(NoAnswer, match="broke") as caught:
        get(serve(answer, reset=reset))
    assert caught.value.silence is Silence.LOST


def test_silence_is_bounded(serve: Serve) -> None:
    wire = HttpWire(Reach(silence=0.3))
    for answer in (b"", OK, OK + b"Content-Length: 50\r\n\r\nhello"):
        with pytest.raises(NoAnswer, match="no answer came in time") as caught:
            get(serve(answer, open_end=True), wire=wire)
        assert caught.value.silence is Silence.LOST


def test_an_answer_that_drips_is_bounded_as_a_whole(serve: Serve) -> None:
    """Each byte comes in time, and all of them together take half a minute."""
    url = serve(OK + b"Content-Length: 1500\r\n\r\n" + b"x" * 1500, pause=0.02)
    start = time.monotonic()
    with pytest.raises(NoAnswer, match="not whole after 2 s") as caught:
        get(url, wire=HttpWire(Reach(silence=60.0, whole=2.0)))
    assert caught.value.silence is Silence.LOST
    assert time.monotonic() - start < 20


def test_what_unpacks_to_much_is_not_unpacked(serve: Serve) -> None:
    url = serve(OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB)
    with pytest.raises(NoAnswer, match="longer than 1,000,000 bytes") as caught:
        get(url, limit=1_000_000)
    assert caught.value.silence is Silence.REFUSED


def test_the_limit_itself_is_allowed(serve: Serve) -> None:
    assert get(serve(HELLO), limit=5).body == b"hello"
    with pytest.raises(NoAnswer, match="longer than 4 bytes"):
        get(serve(HELLO), limit=4)


@pytest.mark.parametrize(
    ("url", "silence"),
    [
        ("http://127.0.0.1:1/x", Silence.NOT_SENT),
        ("https://127.0.0.1:1/x", Silence.NOT_SENT),
        ("http://nowhere.invalid/x", Silence.NOT_SENT),
        ("ftp://127.0.0.1/x", Silence.REFUSED),
        ("http://", Silence.REFUSED),
        ("http://[::1/", Silence.REFUSED),
    ],
)
def test_a_place_that_is_not_there(url: str, silence: Silence) -> None:
    with pytest.raises(NoAnswer) as caught:
        get(url)
    assert caught.value.silence is silence
    assert "127.0.0.1" not in caught.value.why


def test_what_the_caller_was_dealing_with_is_not_taken_for_this(serve: Serve) -> None:
    """Else a creation whose answer was lost would be sent again."""
    try:
        requests.get("http://127.0.0.1:1/", timeout=5)
    except requests.ConnectionError:
        with pytest.raises(NoAnswer) as caught:
            get(serve(b"", reset=True))
        assert caught.value.silence is Silence.LOST


def test_a_server_without_tls(serve: Serve) -> None:
    """It may have been anything that was cut short, so a creation is not sent again."""
    with pytest.raises(NoAnswer) as caught:
        get(serve(b"HTTP/1.1 400 Bad Request\r\n\r\n").replace("http://", "https://"))
    assert caught.value.silence is Silence.LOST


def test_a_redirect_is_an_answer(serve: Serve) -> None:
    for location in (b"/elsewhere", b"http://[::1", b"http://127.0.0.1:1/"):
        answer = b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n"
        assert get(serve(answer)).status == 302
