"""LFS objects that the judge has to see, fetched from the server that the repository itself is fetched from.

https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md; head's `.lfsconfig` is never read.
"""

from __future__ import annotations

import base64
import hashlib
import json
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from smokegate.github.store import Remote
from smokegate.sources.tree import Pointer

_TYPE = "application/vnd.git-lfs+json"
_ANSWER = 4 << 20
_CHUNK = 1 << 20
_SECONDS = 60


class NotFetched(Exception):
    """Why an object did not come, without an address: a signed one opens the door for whoever reads it."""


@dataclass(frozen=True, slots=True)
class Objects:
    """The server's objects, and the store of the bare repository that they are put into."""

    remote: Remote
    folder: Path
    most_bytes: int = 8 << 30

    def bring(self, pointers: Iterable[Pointer]) -> Iterator[tuple[Pointer, str]]:
        """Gives those that did not come, each with the reason."""
        wanted = [one for one in dict.fromkeys(pointers) if not self._place(one).is_file()]
        total = sum(one.size for one in wanted)
        if total > self.most_bytes:
            why = f"{total:,} bytes are more than the {self.most_bytes:,} that are fetched for one verdict"
            yield from ((one, why) for one in wanted)
            return
        try:
            offers = self._offers(wanted) if wanted else {}
        except NotFetched as fault:
            yield from ((one, str(fault)) for one in wanted)
            return
        for one in wanted:
            try:
                self._download(one, offers.get(one.oid))
            except NotFetched as fault:
                yield one, str(fault)

    def _place(self, pointer: Pointer) -> Path:
        return self.folder / "lfs" / "objects" / pointer.oid[:2] / pointer.oid[2:4] / pointer.oid

    def _offers(self, wanted: list[Pointer]) -> dict[str, Any]:
        body = {
            "operation": "download",
            "transfers": ["basic"],
            "hash_algo": "sha256",
            "objects": [{"oid": one.oid, "size": one.size} for one in wanted],
        }
        address = f"{self.remote.url.removesuffix('/').removesuffix('.git')}.git/info/lfs/objects/batch"
        headers = {"Accept": _TYPE, "Content-Type": _TYPE}
        if self.remote.token is not None:
            basic = base64.b64encode(f"x-access-token:{self.remote.token}".encode()).decode()
            headers["Authorization"] = f"Basic {basic}"
        with _opened(address, headers, json.dumps(body).encode()) as answer:
            try:
                objects = json.loads(answer.read(_ANSWER))["objects"]
                return {one["oid"]: one for one in objects}
            except (ValueError, KeyError, TypeError):
                raise NotFetched("the LFS server's answer makes no sense") from None

    def _download(self, pointer: Pointer, offer: Any) -> None:
        href, headers = _action(offer, secure=urlsplit(self.remote.url).scheme == "https")
        place = self._place(pointer)
        place.parent.mkdir(parents=True, exist_ok=True)
        with _opened(href, headers) as answer, tempfile.NamedTemporaryFile(dir=place.parent, delete=False) as draft:
            part = Path(draft.name)
            try:
                _copied(answer, draft, pointer)
            except BaseException:
                part.unlink()
                raise
        part.replace(place)


def _copied(answer: IO[bytes], draft: IO[bytes], pointer: Pointer) -> None:
    sha256, size = hashlib.sha256(), 0
    while size <= pointer.size and (chunk := _read(answer)):
        sha256.update(chunk)
        size += len(chunk)
        draft.write(chunk)
    if (sha256.hexdigest(), size) != (pointer.oid, pointer.size):
        raise NotFetched("what the LFS server sent is not the object that the pointer stands for")


def _read(answer: IO[bytes]) -> bytes:
    try:
        return answer.read(_CHUNK)
    except (OSError, ValueError):
        raise NotFetched("the LFS server broke off in the middle") from None


def _action(offer: Any, *, secure: bool) -> tuple[str, dict[str, str]]:
    if not isinstance(offer, dict):
        raise NotFetched("the LFS server says nothing of it")
    if isinstance(error := offer.get("error"), dict):
        raise NotFetched(f"the LFS server refuses it: {_printable(error.get('message'))}")
    action = _member(_member(offer, "actions"), "download")
    href, headers = action.get("href"), _member(action, "header")
    schemes = ("https",) if secure else ("http", "https")
    if not isinstance(href, str) or urlsplit(href).scheme not in schemes:
        raise NotFetched("the LFS server offers no address for it")
    return href, {str(name): str(value) for name, value in headers.items()}


def _member(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return found if isinstance(found, Mapping) else {}


class _Straight(urllib.request.HTTPRedirectHandler):
    """A redirect would take our credentials along."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _opened(address: str, headers: Mapping[str, str], body: bytes | None = None) -> IO[bytes]:
    request = urllib.request.Request(address, body, dict(headers))  # noqa: S310 - http or https, see above
    try:
        answer: IO[bytes] = urllib.request.build_opener(_Straight).open(request, timeout=_SECONDS)
    except urllib.error.HTTPError as error:
        raise NotFetched(f"the LFS server answers {error.code}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or type(error).__name__
        raise NotFetched(f"the LFS server cannot be reached: {_printable(reason)}") from None
    return answer


def _printable(text: object) -> str:
    return "".join(char if char.isprintable() else " " for char in str(text)[:200])
