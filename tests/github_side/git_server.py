"""Repositories served over HTTP on the loopback, as GitHub serves them: by `git http-backend`, behind a token.

LFS objects too, by the batch API: https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class GitServer:
    root: Path
    port: int = 0
    token: str | None = None
    answers: list[int] = field(default_factory=list)
    """Statuses given to the next requests, before anything is served again."""
    seen: list[str] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)
    """LFS objects by the id under which they are served, whatever they hold."""
    offers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What the batch API says of an object, in place of where it is."""
    store: str = "127.0.0.1"
    """The host that objects are put at."""
    verified: list[str] = field(default_factory=list)
    said: str = ""
    """What stands in the body of a refusal."""
    answering: Callable[[str], int | None] = lambda _: None
    """Asked before each request is served: a status is given in place of an answer."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serving(root: Path, token: str | None = None) -> Iterator[GitServer]:
    """Every repository under `root`; any commit may be asked for by its id."""
    server = GitServer(root, token=token)
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(server)) as http:
        server.port = http.server_address[1]
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


def _handler(server: GitServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve(b"")

        def do_POST(self) -> None:
            self._serve(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        do_PUT = do_POST  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base class
            del format, args

        def _serve(self, body: bytes) -> None:
            server.seen.append(f"{self.command} {self.path}")
            if server.answers:
                self._answer(server.answers.pop(0))
            elif status := server.answering(server.seen[-1]):
                self._answer(status)
            elif self.path.startswith("/lfs/"):
                self._object(body)
            elif not self._known():
                self._answer(401, ("WWW-Authenticate", 'Basic realm="git"'))
            elif self.path.endswith("/info/lfs/objects/batch"):
                self._send("application/vnd.git-lfs+json", json.dumps(self._batch(json.loads(body))).encode())
            else:
                self._backend(body)

        def _batch(self, asked: dict[str, Any]) -> dict[str, Any]:
            assert self.headers["Accept"] == "application/vnd.git-lfs+json"
            offer = {"download": self._source, "upload": self._target}[asked["operation"]]
            objects = [
                {**one, **(server.offers[one["oid"]] if one["oid"] in server.offers else offer(one["oid"]))}
                for one in asked["objects"]
            ]
            return {"transfer": "basic", "objects": objects}

        def _source(self, oid: str) -> dict[str, Any]:
            if oid not in server.objects:
                return {"error": {"code": 404, "message": "Object does not exist"}}
            return {"actions": {"download": self._action(f"{server.url}/lfs/{oid}")}}

        def _target(self, oid: str) -> dict[str, Any]:
            if oid in server.objects:
                return {}
            return {
                "actions": {
                    "upload": self._action(f"http://{server.store}:{server.port}/lfs/{oid}"),
                    "verify": self._action(f"{server.url}/lfs/verify"),
                }
            }

        def _action(self, place: str) -> dict[str, Any]:
            return {"href": f"{place}?signature=secret", "header": {"X-Key": "of the store"}}

        def _object(self, body: bytes) -> None:
            oid = self.path.removeprefix("/lfs/").partition("?")[0]
            if self.headers.get("X-Key") != "of the store" or self.headers.get("Authorization"):
                self._answer(403)
            elif oid == "verify":
                asked = json.loads(body)
                there = len(server.objects.get(asked["oid"], b"")) == asked["size"]
                server.verified.append(asked["oid"])
                self._answer(200 if there else 404)
            elif self.command == "PUT":
                whole = hashlib.sha256(body).hexdigest() == oid
                typed = self.headers.get("Content-Type") == "application/octet-stream"
                if whole and typed:
                    server.objects[oid] = body
                self._answer(200 if whole and typed else 422)
            else:
                self._send("application/octet-stream", server.objects[oid])

        def _send(self, kind: str, payload: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def _known(self) -> bool:
            if server.token is None:
                return True
            wanted = base64.b64encode(f"x-access-token:{server.token}".encode()).decode()
            return self.headers.get("Authorization") == f"Basic {wanted}"

        def _answer(self, status: int, *headers: tuple[str, str]) -> None:
            body = json.dumps({"message": server.said}).encode() if server.said else b""
            self.send_response(status)
            elsewhere = [("Location", f"{server.url}/elsewhere")] if 300 <= status < 400 else []
            for name, value in (*headers, *elsewhere, ("Content-Length", str(len(body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def _backend(self, body: bytes) -> None:
            path, _, query = self.path.partition("?")
            allowed = {"uploadpack.allowAnySHA1InWant": "true", "safe.directory": "*", "http.receivepack": "true"}
            told = {
                "GIT_CONFIG_COUNT": str(len(allowed)),
                **{f"GIT_CONFIG_KEY_{at}": name for at, name in enumerate(allowed)},
                **{f"GIT_CONFIG_VALUE_{at}": value for at, value in enumerate(allowed.values())},
            }
            environment = {
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(server.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "REMOTE_ADDR": "127.0.0.1",
                **told,
            }
            done = subprocess.run(
                ["git", "http-backend"], input=body, capture_output=True, env=environment, check=False
            )
            head, _, payload = done.stdout.partition(b"\r\n\r\n")
            headers = [line.partition(": ")[::2] for line in head.decode().split("\r\n")]
            status = next((value for name, value in headers if name == "Status"), "200 OK")
            self.send_response(int(status.partition(" ")[0]))
            for name, value in headers:
                if name != "Status":
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

    return Handler
