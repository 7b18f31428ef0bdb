"""The server that the client speaks to in tests: it holds each request to GitHub's description, answers by `stub.py`
or by the emulator behind it, and goes wrong in between as a plan has it."""

from __future__ import annotations

import http.client
import json
import random
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from github_side.emulator import OWNER, REPOSITORY, ROLES, TOKENS, Emulator
from github_side.exchange import Request, Response, answer, refusal, request
from github_side.openapi import description
from github_side.stub import Stub


class Fault(Enum):
    BAD_GATEWAY_BEFORE = auto()
    UNAVAILABLE_BEFORE = auto()
    BAD_GATEWAY_AFTER = auto()
    RESET_BEFORE = auto()
    RESET_AFTER = auto()
    LIMIT_WITH_RETRY_AFTER = auto()
    LIMIT_WITH_RESET = auto()
    LIMIT_BARE = auto()
    SECONDARY_LIMIT = auto()
    TRUNCATED = auto()
    SLOW = auto()
    OTHER_PAGE = auto()


_BEFORE = {
    Fault.BAD_GATEWAY_BEFORE: Response(502, b"<html>Bad Gateway</html>", {"Content-Type": "text/html"}),
    Fault.UNAVAILABLE_BEFORE: answer(503, {"message": "No server is currently available"}, **{"Retry-After": "2"}),
    Fault.LIMIT_WITH_RETRY_AFTER: answer(403, {"message": "Slow down"}, **{"Retry-After": "3"}),
    Fault.LIMIT_BARE: refusal(429, "Too many requests"),
    Fault.SECONDARY_LIMIT: refusal(403, "You have exceeded a secondary rate limit. Please wait a few minutes."),
}
_NEVER_SENT_BACK = frozenset({Fault.RESET_BEFORE, Fault.RESET_AFTER, Fault.SLOW})


@dataclass
class Plan:
    """The faults of the next requests: first those of the script, then at the rate, by the seed."""

    script: list[Fault | None] = field(default_factory=list)
    rate: float = 0.0
    seed: int = 0
    kinds: tuple[Fault, ...] = tuple(Fault)
    done: list[Fault] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)  # noqa: S311

    def next(self) -> Fault | None:
        if self.script:
            fault = self.script.pop(0)
        else:
            fault = self._dice.choice(self.kinds) if self._dice.random() < self.rate else None
        self.done += [fault] if fault else []
        return fault


class Hub:
    def __init__(self, emulator: Emulator, *, prefix: str = "") -> None:
        """`prefix` as a company's own server has it: /api/v3"""
        self.emulator, self.prefix = emulator, prefix
        self.stub, self.plan = Stub(), Plan()
        self.asked: list[Request] = []
        self.faults: list[str] = []
        """Where a request, or an answer of the stub, is not as GitHub describes it."""
        self.moved: dict[str, str] = {}
        """Paths that answer 301 with another address."""
        self.lock = threading.Lock()
        self.done = threading.Event()
        self._upstream = urlsplit(emulator.url)

    def respond(self, asked: Request) -> tuple[Response, Fault | None]:
        with self.lock:
            self.asked.append(asked)
            fault = self.plan.next()
        if fault in _BEFORE:
            return _BEFORE[fault], fault
        if fault is Fault.LIMIT_WITH_RESET:
            reset = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 5)}
            return answer(403, {"message": "API rate limit exceeded for installation"}, **reset), fault
        if fault is Fault.RESET_BEFORE:
            return Response(0), fault
        if fault is Fault.OTHER_PAGE and asked.query.get("page", "1") != "1":
            asked = asked.on_page(int(asked.query["page"]) - 1)
        reply = self.truly(asked)
        if fault is Fault.BAD_GATEWAY_AFTER:
            return _BEFORE[Fault.BAD_GATEWAY_BEFORE], fault
        return reply, fault

    def truly(self, asked: Request) -> Response:
        if asked.path in self.moved:
            return answer(301, {"message": "Moved Permanently"}, Location=self.moved[asked.path])
        described = not asked.path.startswith("/graphql")
        if described:
            found = description().faults_of_request(asked.verb, asked.path, asked.query, asked.data)
            self.faults += [f"{asked.verb} {asked.path}: {fault}" for fault in found]
        forwarded: list[Request] = []

        def forward(on: Request) -> Response:
            forwarded.append(on)
            return self.forward(on)

        reply = self.stub.answer(asked, forward)
        if reply is None:
            return self.forward(asked)
        if described and not forwarded:
            said = description().faults_of_answer(asked.verb, asked.path, reply.status, reply.data)
            self.faults += [f"{asked.verb} {asked.path}: our own answer: {fault}" for fault in said]
        return reply

    def forward(self, asked: Request) -> Response:
        connection = http.client.HTTPConnection(self._upstream.hostname or "", self._upstream.port, timeout=60)
        try:
            kept = {name: asked.headers[name] for name in ("authorization", "content-type") if name in asked.headers}
            connection.request(asked.verb, asked.target, asked.body or None, kept)
            got = connection.getresponse()
            headers = {name: value for name, value in got.getheaders() if name.lower() in {"link", "content-type"}}
            return Response(got.status, got.read(), headers)
        finally:
            connection.close()

    def as_(self, login: str, verb: str, path: str, data: object = None) -> Response:
        """What somebody else does on GitHub, past all faults and checks."""
        headers = {"authorization": f"Bearer {TOKENS[login]}", "content-type": "application/json"}
        body = b"" if data is None else json.dumps(data).encode()
        asked = request(verb, path, headers, body)
        reply = self.stub.answer(asked, self.forward) or self.forward(asked)
        assert reply.status < 400, (verb, path, reply.status, reply.body[:500])
        return reply


def settle(hub: Hub) -> None:
    """The emulator's seed knows no collaborators."""
    hub.emulator.reset()
    for login, permission in ROLES.items():
        hub.as_(OWNER, "PUT", f"/repos/{REPOSITORY}/collaborators/{login}", {"permission": permission})


@dataclass(frozen=True, slots=True)
class Served:
    hub: Hub
    url: str
    downloads: list[Request]
    """What was asked of the host that artifacts are kept on."""


@contextmanager
def serving(hub: Hub) -> Iterator[Served]:
    downloads: list[Request] = []
    api, store = _Api(hub), _Store(hub, downloads)
    # Two names of one machine: to a client they are two hosts.
    hub.stub.store = f"http://localhost:{store.server_port}"
    threads = [threading.Thread(target=server.serve_forever, args=(0.02,)) for server in (api, store)]
    for thread in threads:
        thread.start()
    try:
        yield Served(hub, f"http://127.0.0.1:{api.server_port}{hub.prefix}", downloads)
    finally:
        hub.done.set()
        for server in (api, store):
            server.shutdown()
            server.server_close()
        for thread in threads:
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is what many of these tests are about."""


class _Api(_Server):
    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        super().__init__(("127.0.0.1", 0), _ApiHandler)


class _Store(_Server):
    def __init__(self, hub: Hub, downloads: list[Request]) -> None:
        self.hub, self.downloads = hub, downloads
        super().__init__(("127.0.0.1", 0), _StoreHandler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return

    def read(self) -> Request:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        return request(self.command, self.path, dict(self.headers.items()), body)

    def write(self, reply: Response, *, cut: bool = False) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status != 204:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body[: len(reply.body) // 2] if cut else reply.body)
        self.close_connection = self.close_connection or cut

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True


class _ApiHandler(_Handler):
    server: _Api

    def handle_one_request(self) -> None:
        with suppress(ConnectionError):
            super().handle_one_request()

    def _do(self) -> None:
        hub = self.server.hub
        asked = self.read()
        if not asked.path.startswith(f"{hub.prefix}/"):
            self.write(refusal(404, f"not under {hub.prefix}"))
            return
        asked = Request(asked.verb, asked.path.removeprefix(hub.prefix), asked.query, asked.headers, asked.body)
        reply, fault = hub.respond(asked)
        if fault is Fault.SLOW:
            # Until the client has gone away, which is what it does when no answer comes.
            while not hub.done.is_set() and not select.select([self.connection], [], [], 0.05)[0]:
                pass
        if fault in _NEVER_SENT_BACK:
            self.reset()
        else:
            self.write(reply, cut=fault is Fault.TRUNCATED)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _do  # noqa: N815


class _StoreHandler(_Handler):
    server: _Store

    def do_GET(self) -> None:
        asked = self.read()
        self.server.downloads.append(asked)
        content = self.server.hub.stub.zips.get(int(asked.parts[0]))
        self.write(Response(404) if content is None else Response(200, content))
