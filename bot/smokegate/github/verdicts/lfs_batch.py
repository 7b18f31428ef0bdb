"""The batch API of git-lfs: where each object is to be fetched from, or put.

https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md
"""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import IO, Any, Literal
from urllib.parse import urlsplit

from smokegate.github.verdicts.store import Remote
from smokegate.sources.tree import Pointer

TYPE = "application/vnd.git-lfs+json"
PAGE = 100
"""Objects in one question, as git-lfs itself asks."""
_ANSWER = 4 << 20
# Not implemented, no room left, no bandwidth left: asking again changes nothing.
_FINAL = frozenset({501, 507, 509})
_AGAIN = frozenset({408, 429})
_SECONDS = 60


class LfsFault(Exception):
    """Why an object did not come or go, without an address: a signed one opens the door for whoever reads it."""

    def __init__(self, why: str, status: int | None = None) -> None:
        super().__init__(why)
        self.status = status
        """What the server answered; None where it answered nothing, or nothing that makes sense."""

    @property
    def passing(self) -> bool:
        """Whether asking once more may do."""
        return self.status is None or self.status in _AGAIN or (self.status >= 500 and self.status not in _FINAL)


@dataclass(frozen=True, slots=True)
class Action:
    """An address, and what it is to be told. One of the server's choosing comes with headers of the server's, and never
    gets our token."""

    href: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


def server(remote: Remote) -> str:
    return f"{remote.url.removesuffix('/').removesuffix('.git')}.git/info/lfs"


def offers(remote: Remote, operation: Literal["download", "upload"], wanted: Iterable[Pointer]) -> dict[str, Any]:
    """What the server says of each object, by its id."""
    body = {
        "operation": operation,
        "transfers": ["basic"],
        "hash_algo": "sha256",
        "objects": [{"oid": one.oid, "size": one.size} for one in wanted],
    }
    headers = {"Accept": TYPE, "Content-Type": TYPE}
    if remote.token is not None:
        basic = base64.b64encode(f"x-access-token:{remote.token}".encode()).decode()
        headers["Authorization"] = f"Basic {basic}"
    with opened(Action(f"{server(remote)}/objects/batch", headers), json.dumps(body).encode()) as answer:
        try:
            objects = json.loads(answer.read(_ANSWER))["objects"]
            return {one["oid"]: one for one in objects}
        except (OSError, ValueError, KeyError, TypeError, RecursionError, HTTPException):
            raise LfsFault("the LFS server's answer makes no sense") from None


def action(offer: Any, name: str, *, secure: bool) -> Action | None:
    """None where the server offers none of this name."""
    if not isinstance(offer, dict):
        raise LfsFault("the LFS server says nothing of it")
    if isinstance(error := offer.get("error"), dict):
        code = error.get("code")
        raise LfsFault(
            f"the LFS server refuses it: {printable(error.get('message'))}", code if isinstance(code, int) else None
        )
    found = _member(_member(offer, "actions"), name)
    if not found:
        return None
    href, headers = found.get("href"), _member(found, "header")
    if not isinstance(href, str) or not _fit(href, secure=secure):
        raise LfsFault("the LFS server offers no address for it")
    return Action(href, {str(name): str(value) for name, value in headers.items()})


def _fit(href: str, *, secure: bool) -> bool:
    try:
        parts = urlsplit(href)
    except ValueError:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and not secure)


def secure(remote: Remote) -> bool:
    """Whether nothing may go over plain HTTP."""
    return urlsplit(remote.url).scheme == "https"


def _member(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return found if isinstance(found, Mapping) else {}


class _Straight(urllib.request.HTTPRedirectHandler):
    """A redirect would take our credentials along."""

    def redirect_request(self, *_: Any) -> None:
        return None


def opened(at: Action, body: bytes | None = None, verb: str | None = None) -> IO[bytes]:
    request = urllib.request.Request(at.href, body, dict(at.headers), method=verb)  # noqa: S310 - http or https, see above
    try:
        answer: IO[bytes] = urllib.request.build_opener(_Straight).open(request, timeout=_SECONDS)
    except urllib.error.HTTPError as error:
        said = _said(error)
        raise LfsFault(f"the LFS server answers {error.code}{said and f': {said}'}", error.code) from None
    except (OSError, ValueError, HTTPException) as error:
        reason = getattr(error, "reason", None) or type(error).__name__
        raise LfsFault(f"the LFS server cannot be reached: {printable(reason)}") from None
    return answer


def _said(error: urllib.error.HTTPError) -> str:
    """In the API's own form alone: what a store of objects writes may hold an address."""
    try:
        message = json.loads(error.read(_ANSWER)).get("message")
    except (OSError, ValueError, AttributeError, HTTPException):
        return ""
    return printable(message) if isinstance(message, str) else ""


def printable(text: object) -> str:
    return "".join(char if char.isprintable() else " " for char in str(text)[:200])
