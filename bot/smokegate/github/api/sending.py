"""A request, until it is answered or given up. PyGithub builds it and says who we are; the answer goes round PyGithub,
which would sleep on a 202, follow a 301 without the query, and write bodies that hold tokens to its log."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

from github import Auth
from github.Requester import Requester

from smokegate import __version__
from smokegate.github.api import retrying, words
from smokegate.github.api.clock import Clock
from smokegate.github.api.credentials import Credentials
from smokegate.github.api.faults import GitHubError
from smokegate.github.api.requests import GRAPHQL, TABLE, Row
from smokegate.github.api.retrying import Answer, Limits, Past, Silence, Verdict
from smokegate.github.api.wire import NoAnswer, Received, Sent, Wire

API_VERSION = "2022-11-28"
PER_PAGE = 100

_HOPS = 3
_REDIRECTS = frozenset({301, 302, 307, 308})
_LINK = re.compile(r'<([^<>]{1,2000})>\s*;\s*rel="(\w+)"')


@dataclass(frozen=True, slots=True)
class Settings:
    repository: str
    """owner/name"""
    credentials: Credentials
    api: str = "https://api.github.com"
    limits: Limits = field(default_factory=Limits)
    pages: int = 30
    """GitHub takes no more than 2,500 comments on one pull request."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request of the table, with its holes filled."""

    name: str
    values: Mapping[str, str | int] = field(default_factory=dict)
    query: Mapping[str, str | int] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    repeatable: bool | None = None
    """Where this one differs from its row."""

    @property
    def row(self) -> Row:
        return TABLE[self.name]

    @property
    def path(self) -> str:
        return self.row.filled(self.values)

    @property
    def may_repeat(self) -> bool:
        return self.row.repeatable if self.repeatable is None else self.repeatable


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str] = field(repr=False)
    data: Any = field(repr=False)


class Sender:
    def __init__(self, settings: Settings, *, wire: Wire, clock: Clock, dice: Callable[[], float]) -> None:
        self.settings, self._wire, self._clock, self._dice = settings, wire, clock, dice
        self.hidden = words.Hidden()

    def send(self, ask: Ask, auth: Auth.Auth, *, right: Callable[[Reply], bool] | None = None) -> Reply:
        """`right` tells an answer to this request from one to another."""

        def once() -> Reply:
            received = self._at_home(ask, auth)
            reply = Reply(received.status, received.headers, _data(received))
            if right is not None and reply.status < 400 and not right(reply):
                raise NoAnswer(Silence.LOST, "its answer is empty, or another request's")
            return reply

        return self._until_answered(ask, once)

    def fetch(self, ask: Ask, auth: Auth.Auth, *, limit: int) -> bytes:
        """What a 302 leads to, which is another host's and gets no token. Its address is good for a minute, so another
        attempt asks for another address."""
        found: list[bytes] = []

        def once() -> Reply:
            received = self._at_home(ask, auth, follow=_REDIRECTS - {302})
            if received.status == 302:
                received = self._abroad(received, limit)
            if received.status < 400:
                found[:] = [received.body]
                return Reply(received.status, received.headers, None)
            return Reply(received.status, received.headers, _data(received))

        self._until_answered(ask, once)
        return found[0]

    def _until_answered(self, ask: Ask, once: Callable[[], Reply]) -> Reply:
        past = Past(0)
        while True:
            outcome, reply, why = self._tried(once)
            past = Past(past.sent + 1, past.waited)
            step = retrying.step(
                outcome,
                repeatable=ask.may_repeat,
                past=past,
                limits=self.settings.limits,
                now=self._clock.now(),
                dice=self._dice(),
            )
            if step.verdict is Verdict.TAKE and reply is not None:
                return reply
            if step.verdict is not Verdict.AGAIN:
                told = words.Told(f"{ask.row.verb} {ask.path}", self.hidden.out_of(why), past.sent)
                raise self._error(told, step, outcome, ask.row.needs)
            self._clock.sleep(step.pause)
            past = Past(past.sent, past.waited + step.pause)

    def _tried(self, once: Callable[[], Reply]) -> tuple[retrying.Outcome, Reply | None, str]:
        try:
            reply = once()
        except NoAnswer as fault:
            return fault.silence, None, fault.why
        said = words.said(reply.data) if reply.status >= 400 else ""
        return Answer(reply.status, reply.headers, said), reply, said

    def _error(self, told: words.Told, step: retrying.Step, outcome: retrying.Outcome, needs: str) -> GitHubError:
        if step.verdict is Verdict.UNCERTAIN:
            return words.uncertain(told, outcome)
        if isinstance(outcome, Silence):
            return words.unanswered(told, self.settings.api)
        if step.verdict is Verdict.LIMITED:
            return words.limited(told, outcome.status, self._clock.now() + step.pause)
        return words.refused(told, outcome, needs)

    # One exchange.

    def _at_home(self, ask: Ask, auth: Auth.Auth, *, follow: frozenset[int] = _REDIRECTS) -> Received:
        """Follows a redirect, as a renamed repository answers with, as long as it stays with this API."""
        path: str | None = None
        for _ in range(_HOPS + 1):
            received = self._exchange(ask, auth, path)
            if received.status not in follow:
                return received
            path = self._path_here(received.headers.get("location", ""), path or ask.path)
        raise NoAnswer(Silence.REFUSED, f"it redirects more than {_HOPS} times")

    def _path_here(self, location: str, path: str) -> str:
        api = urlsplit(self.settings.api)
        try:
            target = urlsplit(urljoin(f"{self.settings.api}{path}", location))
            home = (target.scheme, target.hostname, target.port) == (api.scheme, api.hostname, api.port)
        except ValueError:
            home = False
        if not home or not target.path.startswith(f"{api.path}/"):
            raise NoAnswer(Silence.REFUSED, "it redirects to another place, which does not get the token")
        return target.path.removeprefix(api.path) + (f"?{target.query}" if target.query else "")

    def _exchange(self, ask: Ask, auth: Auth.Auth, elsewhere: str | None) -> Received:
        api = urlsplit(self.settings.api)
        handover = _Handover(self._wire, f"{api.scheme}://{api.netloc}")
        requester = Requester(
            auth=auth,
            base_url=self.settings.api,
            timeout=30,
            user_agent=f"smokegate/{__version__}",
            per_page=PER_PAGE,
            verify=True,
            retry=0,
            pool_size=None,
        )
        try:
            requester.requestJson(
                ask.row.verb,
                requester.graphql_url if ask.row.path == GRAPHQL else elsewhere or ask.path,
                parameters=dict(ask.query) if elsewhere is None else {},
                headers={"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": API_VERSION},
                input=ask.body,
                cnx=handover,  # type: ignore[arg-type]
            )
        except UnicodeError:
            raise NoAnswer(Silence.REFUSED, "it holds text that is not Unicode") from None
        return handover.received

    def _abroad(self, received: Received, limit: int) -> Received:
        secure = urlsplit(self.settings.api).scheme == "https"
        url = ""
        for _ in range(_HOPS):
            url = urljoin(url, received.headers.get("location", ""))
            if not url.startswith("https://" if secure else ("https://", "http://")):
                raise NoAnswer(Silence.REFUSED, "it redirects to a place that is not https")
            received = self._wire.exchange(Sent("GET", url, {"User-Agent": f"smokegate/{__version__}"}), limit=limit)
            if received.status not in _REDIRECTS:
                return received
        raise NoAnswer(Silence.REFUSED, f"it redirects more than {_HOPS} times")


class _Handover:
    """What PyGithub takes for a connection. It is told that all went well and nothing came back."""

    status = 204

    def __init__(self, wire: Wire, origin: str) -> None:
        self._wire, self._origin = wire, origin
        self._sent: Sent | None = None
        self._received: Received | None = None

    @property
    def received(self) -> Received:
        assert self._received is not None  # noqa: S101
        return self._received

    def request(self, verb: str, url: str, body: str | None, headers: dict[str, str], _stream: bool) -> None:
        self._sent = Sent(verb, self._origin + url, headers, body)

    def getresponse(self) -> _Handover:
        assert self._sent is not None  # noqa: S101
        self._received = self._wire.exchange(self._sent)
        return self

    def read(self) -> str:
        return ""

    def getheaders(self) -> list[tuple[str, str]]:
        return []


def _data(received: Received) -> Any:
    """None for an empty answer, and for an error page that is not JSON."""
    if not received.body:
        return None
    try:
        return json.loads(received.body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        if received.status >= 400:
            return None
        raise NoAnswer(Silence.LOST, "its answer is not whole JSON") from None


def _no_constant(name: str) -> None:
    raise ValueError(name)


def linked_pages(headers: Mapping[str, str]) -> dict[str, int]:
    """{"next": 3, "last": 7}, as the Link header has it."""
    found = {}
    for url, relation in _LINK.findall(headers.get("link", "")):
        page = parse_qs(urlsplit(url).query).get("page", [""])[0]
        if re.fullmatch(r"[1-9][0-9]{0,8}", page, re.ASCII):
            found[relation] = int(page)
    return found
