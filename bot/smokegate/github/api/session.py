"""Requests about one repository: asked as ourselves, read as values, lists to their end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from smokegate.github.api import shapes
from smokegate.github.api.bearers import AppBearer, Bearer, TokenBearer
from smokegate.github.api.clock import Clock
from smokegate.github.api.credentials import Token, secrets_of
from smokegate.github.api.faults import GitHubError
from smokegate.github.api.port import Viewer
from smokegate.github.api.sending import PER_PAGE, Ask, Reply, Sender, linked_pages

T = TypeVar("T")
Values = Mapping[str, str | int]


class Session:
    def __init__(self, sender: Sender, clock: Clock) -> None:
        self._sender = sender
        self._settings = sender.settings
        credentials = self._settings.credentials
        for secret in secrets_of(credentials):
            sender.hidden.hide(secret)
        self._bearer: Bearer = (
            TokenBearer(sender, credentials)
            if isinstance(credentials, Token)
            else AppBearer(sender, credentials, clock)
        )
        owner, _, name = self._settings.repository.partition("/")
        self._repository: Values = {"owner": owner, "repo": name}

    def viewer(self) -> Viewer:
        return self._understood("viewer", self._bearer.viewer)

    def ask(self, name: str, values: Values | None = None, **rest: Any) -> Reply:
        return self._as_ourselves(Ask(name, {**self._repository, **(values or {})}, **rest))

    def one(self, read: Callable[[Any], T], name: str, values: Values | None = None, **rest: Any) -> T:
        ask = Ask(name, {**self._repository, **(values or {})}, **rest)
        # Headers that break off are taken for an answer of nothing.
        reply = self._as_ourselves(ask, right=lambda reply: reply.data is not None)
        return self._understood(name, lambda: read(reply.data))

    def fetch(self, name: str, values: Values, *, limit: int) -> bytes:
        ask = Ask(name, {**self._repository, **values})
        return self._renewing(lambda: self._sender.fetch(ask, self._bearer.auth(ask.row), limit=limit))

    def every(
        self,
        read: Callable[[Any], T],
        name: str,
        values: Values | None = None,
        *,
        query: Values | None = None,
        under: str | None = None,
    ) -> tuple[T, ...]:
        """All items of a list, each once, in the list's order."""

        def page(number: int) -> Reply:
            ask = Ask(
                name,
                {**self._repository, **(values or {})},
                {**(query or {}), "per_page": PER_PAGE, **({"page": number} if number > 1 else {})},
            )
            return self._as_ourselves(ask, right=lambda reply: _is_page(reply, number))

        def items(reply: Reply) -> list[shapes.Object]:
            return shapes.things(reply.data if under is None else shapes.thing(reply.data).get(under), under or name)

        def all_of_it() -> tuple[T, ...]:
            found = {number: items(reply) for number, reply in self._pages(name, page)}
            once = {_identity(item): item for number in sorted(found) for item in found[number]}
            return tuple(read(item) for item in once.values())

        return self._understood(name, all_of_it)

    def _pages(self, name: str, page: Callable[[int], Reply]) -> Iterator[tuple[int, Reply]]:
        """A list that grows at its end is read from there to its beginning: what is deleted meanwhile moves the rest
        forward, onto a page still to be read, and nothing is passed over. One that grows at its front is read upwards
        for the same reason."""
        first = page(1)
        links = linked_pages(first.headers)
        last = links.get("last")
        if "next" not in links:
            yield 1, first
        elif last is not None and not Ask(name).row.newest_first:
            self._bounded(name, last)
            for number in range(last, 0, -1):
                yield number, page(number)
        else:
            number, reply = 1, first
            yield number, reply
            while "next" in linked_pages(reply.headers):
                number += 1
                self._bounded(name, number)
                reply = page(number)
                yield number, reply

    def _bounded(self, name: str, pages: int) -> None:
        if pages > self._settings.pages:
            raise GitHubError(
                f"GitHub lists more than {self._settings.pages * PER_PAGE:,} items for {name}, too many to read"
            )

    def _as_ourselves(self, ask: Ask, *, right: Callable[[Reply], bool] | None = None) -> Reply:
        return self._renewing(lambda: self._sender.send(ask, self._bearer.auth(ask.row), right=right))

    def _renewing(self, act: Callable[[], T]) -> T:
        """A 401 says that nothing was done; an App's token may have been revoked under us."""
        try:
            return act()
        except GitHubError as fault:
            if fault.status != 401 or not self._bearer.renew():
                raise
        return act()

    def _understood(self, name: str, read: Callable[[], T]) -> T:
        try:
            return read()
        except shapes.Misshapen as fault:
            raise GitHubError(
                f"GitHub's answer to {name} is not what its description says: {fault}",
                fix="see whether GITHUB_API_URL is the address of GitHub's API",
            ) from None


def _is_page(reply: Reply, number: int) -> bool:
    """Caches have handed out one page for another; the neighbours it names give it away."""
    links = linked_pages(reply.headers)
    return links.get("next", number + 1) == number + 1 and links.get("prev", number - 1) in {number - 1, number}


def _identity(item: shapes.Object) -> str:
    for key in ("id", "sha"):
        if isinstance(found := item.get(key), int | str):
            return f"{key} {found}"
    return json.dumps(item, sort_keys=True)
