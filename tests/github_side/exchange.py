"""A request and an answer, as the tests' servers pass them on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit


@dataclass(frozen=True, slots=True)
class Request:
    verb: str
    path: str
    """Still quoted."""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def data(self) -> Any:
        return json.loads(self.body) if self.body else None

    @property
    def token(self) -> str:
        return self.headers.get("authorization", "").rpartition(" ")[2]

    @property
    def parts(self) -> list[str]:
        return [unquote(part) for part in self.path.strip("/").split("/")]

    @property
    def target(self) -> str:
        return self.path + (f"?{urlencode(self.query)}" if self.query else "")

    def on_page(self, number: int) -> Request:
        return replace(self, query={**self.query, "page": str(number)})


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Any:
        return json.loads(self.body) if self.body else None


Forward = Callable[[Request], Response]


def request(verb: str, target: str, headers: Mapping[str, str], body: bytes) -> Request:
    parts = urlsplit(target)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Request(verb, parts.path, query, {name.lower(): value for name, value in headers.items()}, body)


def answer(status: int, data: Any = None, **headers: str) -> Response:
    body = b"" if data is None else json.dumps(data).encode()
    return Response(status, body, {"Content-Type": "application/json; charset=utf-8", **headers})


def refusal(status: int, message: str) -> Response:
    return answer(
        status, {"message": message, "documentation_url": "https://docs.github.com/rest", "status": str(status)}
    )


def listed(asked: Request, items: list[Any], *, under: str | None = None) -> Response:
    """A page of a list, with its neighbours in the Link header."""
    size, page = int(asked.query.get("per_page", "30")), int(asked.query.get("page", "1"))
    last = max(1, -(-len(items) // size))
    near = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
    links = [
        f'<https://api.github.com{asked.on_page(number).target}>; rel="{relation}"'
        for relation, number in near.items()
        if (page > 1 if relation in {"prev", "first"} else page < last)
    ]
    some = items[(page - 1) * size : page * size]
    data = some if under is None else {"total_count": len(items), under: some}
    return answer(200, data, **({"Link": ", ".join(links)} if links else {}))
