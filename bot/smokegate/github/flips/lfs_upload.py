"""LFS objects put beside the repository, for a flip that carries models into one that keeps them in git-lfs.

https://github.com/git-lfs/git-lfs/blob/main/docs/api/basic-transfers.md
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from smokegate.errors import SmokegateError, UsageError
from smokegate.github.api.clock import Clock
from smokegate.github.api.faults import GitHubError
from smokegate.github.verdicts.lfs_batch import (
    PAGE,
    TYPE,
    Action,
    LfsFault,
    action,
    offers,
    opened,
    printable,
    secure,
    server,
)
from smokegate.github.verdicts.store import Remote
from smokegate.sources.command import Git, decoded
from smokegate.sources.tree import Pointer

_TRIES = 4
_PAUSE = 2.0
# How the body is framed is ours to say: it goes in one piece, with its length.
_FRAMING = frozenset({"content-length", "transfer-encoding"})
_SERVERS = r"^(lfs\.(push)?url|remote\..*\.lfs(push)?url)$"


def require_here(git: Git, tree: str, remote: Remote) -> None:
    """Whoever clones looks where `.lfsconfig` says. Our token is for the repository's own server."""
    told = git.ask("config", "--blob", f"{tree}:.lfsconfig", "--get-regexp", _SERVERS)
    urls = [line.partition(" ")[2] for line in decoded(told.out).splitlines()] if told.code == 0 else []
    other = next((url for url in urls if url.removesuffix("/").casefold() != server(remote).casefold()), None)
    if other is not None:
        raise UsageError(
            f"`.lfsconfig` names {printable(other)} for git-lfs, and the bot puts objects beside the repository alone",
            fix="smokegate promote --local  (commit what it writes and push: git-lfs puts the objects there)",
        )


@dataclass(frozen=True, slots=True)
class Uploads:
    remote: Remote
    clock: Clock

    def put(self, objects: Mapping[Pointer, bytes]) -> None:
        """All of them, or an error. What the server has already is not sent."""
        left = dict(objects)
        tries = 0
        while left:
            before = len(left)
            try:
                self._round(left)
            except LfsFault as fault:
                tries = 1 if len(left) < before else tries + 1
                if not fault.passing or tries == _TRIES:
                    raise self._error(fault) from None
                self.clock.sleep(_PAUSE * tries)

    def _round(self, left: dict[Pointer, bytes]) -> None:
        """Addresses are good for a while, so each round asks for new ones."""
        page = list(left)[:PAGE]
        found = offers(self.remote, "upload", page)
        for pointer in page:
            self._put(pointer, left[pointer], found.get(pointer.oid))
            del left[pointer]

    def _put(self, pointer: Pointer, data: bytes, offer: Any) -> None:
        safe = secure(self.remote)
        target, check = action(offer, "upload", secure=safe), action(offer, "verify", secure=safe)
        if target is None:
            return
        _send(target, data, "PUT", "application/octet-stream")
        if check is not None:
            _send(check, json.dumps({"oid": pointer.oid, "size": pointer.size}).encode(), "POST", TYPE)

    def _error(self, fault: LfsFault) -> SmokegateError:
        what = f"what the flip carries could not be put into git-lfs: {fault}"
        if fault.passing:
            return GitHubError(what, fix="run the job again")
        return UsageError(
            what,
            fix="see that git-lfs is on for this repository and within its quota, and that the job that finishes has "
            "`contents: write`; then ask again",
        )


def _send(target: Action, body: bytes, verb: str, kind: str) -> None:
    given = {name: value for name, value in target.headers.items() if name.lower() not in _FRAMING}
    defaults = {"Accept": TYPE, "Content-Type": kind} if verb == "POST" else {"Content-Type": kind}
    named = {name.lower() for name in given}
    headers = {**given, **{name: value for name, value in defaults.items() if name.lower() not in named}}
    with opened(Action(target.href, headers), body, verb):
        pass
