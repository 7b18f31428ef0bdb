"""The right token on each request. An App's key buys one for this repository alone, and another before that ends."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from github import Auth
from jwt.exceptions import PyJWTError

from smokegate.github.api import shapes
from smokegate.github.api.clock import Clock
from smokegate.github.api.credentials import App, Token
from smokegate.github.api.faults import CredentialsError, GitHubError
from smokegate.github.api.port import Viewer
from smokegate.github.api.requests import Row
from smokegate.github.api.retrying import Answer, server_time
from smokegate.github.api.sending import Ask, Sender

SPARE = 300.0
"""Seconds before its end from which an App's token is not used any more."""

WORD = 240.0
"""Seconds for which one signature of the App's is used; GitHub takes it for 300."""

_BEHIND = 300
"""Seconds by which this machine's clock may be fast: GitHub takes no signature from its future."""


class Bearer(Protocol):
    def auth(self, row: Row) -> Auth.Auth: ...

    def viewer(self) -> Viewer: ...

    def renew(self) -> bool:
        """After a 401: whether there may be a better token now."""
        ...


class TokenBearer:
    def __init__(self, sender: Sender, token: Token) -> None:
        self._sender = sender
        self._auth = Auth.Token(token.secret)
        self._login = token.login

    def auth(self, row: Row) -> Auth.Auth:
        if row.bearer == "app":
            raise AssertionError(f"{row.path} is asked with an App's key alone")
        return self._auth

    def viewer(self) -> Viewer:
        if self._login is None:
            ask = Ask("viewer", body={"query": "query { viewer { login } }"})
            data = shapes.thing(self._sender.send(ask, self._auth).data)
            found = shapes.thing(data.get("data") or {}, "data").get("viewer")
            if found is None:
                raise CredentialsError(
                    "GitHub does not say whose the token is, so our own comments cannot be told from others'",
                    fix="use a workflow's own token, or an App (`app-id` and `private-key`)",
                )
            self._login = shapes.text(shapes.thing(found, "viewer"), "login")
        return Viewer(self._login)

    def renew(self) -> bool:
        return False


class AppBearer:
    def __init__(self, sender: Sender, app: App, clock: Clock) -> None:
        self._sender, self._app, self._clock = sender, app, clock
        self._key = Auth.AppAuth(app.app_id, app.private_key, jwt_issued_at=-_BEHIND)
        self._word, self._word_until = self._signed(), clock.now() + WORD
        self._repository = _holes(sender.settings.repository)
        self._installation: int | None = None
        self._slug = ""
        self._token: Auth.Token | None = None
        self._until = 0.0

    def _signed(self) -> Auth.AppAuthToken:
        try:
            word = self._key.token
        except (PyJWTError, UnsupportedAlgorithm, ValueError, TypeError):
            # What the libraries say of a key that they cannot use may show some of it.
            raise CredentialsError(
                "the App's private key cannot be used to sign",
                fix="make a new key in the App's settings, and store the whole .pem file as the secret",
            ) from None
        self._sender.hidden.hide(word)
        return Auth.AppAuthToken(word)

    def _as_app(self) -> Auth.Auth:
        if self._clock.now() > self._word_until:
            self._word, self._word_until = self._signed(), self._clock.now() + WORD
        return self._word

    def auth(self, row: Row) -> Auth.Auth:
        if row.bearer == "app":
            return self._as_app()
        if self._token is None or self._clock.now() > self._until - SPARE:
            self._token = self._bought()
        return self._token

    def viewer(self) -> Viewer:
        self._installed()
        return Viewer(f"{self._slug}[bot]", self._app.app_id)

    def renew(self) -> bool:
        had, self._token = self._token, None
        return had is not None

    def _installed(self) -> int:
        if self._installation is None:
            try:
                reply = self._sender.send(Ask("installation", self._repository), self._as_app())
            except GitHubError as fault:
                if fault.status == 401:
                    raise CredentialsError(
                        f"GitHub does not take the App's signature: {fault.message}",
                        fix="see that `app-id` and `private-key` are of one App, that its key was not deleted there, "
                        "and that this machine's clock is right",
                    ) from None
                if fault.status != 404:
                    raise
                raise CredentialsError(
                    f"the App {self._app.app_id} is not installed on {self._sender.settings.repository}",
                    fix="install it there: the App's settings page, Install App",
                ) from None
            data = shapes.thing(reply.data)
            self._installation, self._slug = shapes.number(data, "id"), shapes.text(data, "app_slug")
        return self._installation

    def _bought(self) -> Auth.Token:
        body: dict[str, object] = {"repositories": [self._repository["repo"]]}
        if self._app.permissions is not None:
            body["permissions"] = dict(self._app.permissions)
        ask = Ask("installation_token", {"installation_id": self._installed()}, body=body)
        reply = self._sender.send(ask, self._as_app())
        data = shapes.thing(reply.data)
        token = Token(shapes.text(data, "token")).secret
        self._sender.hidden.hide(token)
        now = self._clock.now()
        ends = datetime.fromisoformat(shapes.text(data, "expires_at")).timestamp()
        self._until = now + ends - server_time(Answer(reply.status, reply.headers), now)
        return Auth.Token(token)


def _holes(repository: str) -> dict[str, str | int]:
    owner, _, name = repository.partition("/")
    return {"owner": owner, "repo": name}
