"""One exchange over HTTP: bounded in time and in size; never redirected and never sent twice by itself."""

from __future__ import annotations

import http.cookiejar
import logging
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.util import Retry

from smokegate.github.api.retrying import Silence

PIECE = 2**16


def _no_addresses(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG


# It writes whole addresses, and that of a download is as good as a password.
logging.getLogger("urllib3.connectionpool").addFilter(_no_addresses)


@dataclass(frozen=True, slots=True)
class Reach:
    """Seconds to connect, between two pieces of an answer, and for the whole of it; bytes of an answer."""

    connect: float = 10.0
    silence: float = 30.0
    whole: float = 90.0
    # A page of 100 comments of 65,536 four-byte characters is 26 MB.
    size: int = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Sent:
    verb: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Received:
    status: int
    headers: Mapping[str, str] = field(repr=False)
    """By lower-case name."""
    body: bytes = field(repr=False)


class NoAnswer(Exception):
    """`why` is ours: the texts of libraries hold addresses, and addresses of downloads are as good as a password."""

    def __init__(self, silence: Silence, why: str) -> None:
        super().__init__(why)
        self.silence = silence
        self.why = why


class Wire(Protocol):
    def exchange(self, sent: Sent, *, limit: int | None = None) -> Received:
        """The answer, whatever its status. Raises NoAnswer."""
        ...


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None: even told to follow nothing, requests reads all of a redirect's body and parses where it leads."""
        return None


class HttpWire:
    """Keeps connections open between exchanges; for one thread at a time."""

    def __init__(self, reach: Reach | None = None) -> None:
        self.reach = reach or Reach()
        self._session = _Session()
        # Neither ~/.netrc nor cookies say who we are: one header does, where it is put.
        self._session.auth = _as_it_is
        self._session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        adapter = HTTPAdapter(max_retries=Retry(0, read=False, redirect=False))
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, adapter)

    def exchange(self, sent: Sent, *, limit: int | None = None) -> Received:
        end = time.monotonic() + self.reach.whole
        with _named(), self._answered(sent) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Received(response.status_code, headers, self._body(response, limit or self.reach.size, end))

    def _answered(self, sent: Sent) -> requests.Response:
        return self._session.request(
            sent.verb,
            sent.url,
            headers=dict(sent.headers),
            data=None if sent.body is None else sent.body.encode(),
            timeout=(self.reach.connect, self.reach.silence),
            allow_redirects=False,
            stream=True,
        )

    def _body(self, response: requests.Response, limit: int, end: float) -> bytes:
        """Piece by piece as they come: a read of many bytes waits on each of them for as long as one may take."""
        body = bytearray()
        while piece := response.raw.read1(PIECE, decode_content=True):
            body += piece
            if len(body) > limit:
                raise NoAnswer(Silence.REFUSED, f"its answer is longer than {limit:,} bytes")
            if time.monotonic() > end:
                raise NoAnswer(Silence.LOST, f"its answer was not whole after {self.reach.whole:g} s")
        return bytes(body)

    def close(self) -> None:
        self._session.close()


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except (requests.RequestException, HTTPError, OSError) as fault:
        raise _no_answer(fault) from None


def _no_answer(fault: BaseException) -> NoAnswer:
    causes = list(_causes(fault))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return NoAnswer(Silence.REFUSED, "its certificate cannot be verified")
    if any(isinstance(cause, (requests.exceptions.ProxyError, requests.ConnectTimeout)) for cause in causes):
        what = "the proxy" if isinstance(fault, requests.exceptions.ProxyError) else "the server"
        return NoAnswer(Silence.NOT_SENT, f"{what} cannot be reached")
    if any(isinstance(cause, NewConnectionError) for cause in causes):
        return NoAnswer(Silence.NOT_SENT, "the server cannot be reached")
    if isinstance(fault, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)):
        return NoAnswer(Silence.REFUSED, "its address is not one")
    if any(isinstance(cause, TimeoutError) or "Timeout" in type(cause).__name__ for cause in causes):
        return NoAnswer(Silence.LOST, "no answer came in time")
    return NoAnswer(Silence.LOST, "the connection broke before the answer was whole")


def _causes(fault: BaseException) -> Iterator[BaseException]:
    """The libraries nest what happened as cause, as `reason` and as argument. Its context is no part of it: that holds
    whatever our caller was dealing with, and a failure to connect from there would pass for one from here."""
    seen: set[int] = set()
    left: list[object] = [fault]
    while left:
        one = left.pop()
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            left += [one.__cause__, getattr(one, "reason", None), *one.args]
