"""Who speaks: a token, or an App whose key buys tokens for one repository. No secret shows in a repr or an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from smokegate.github.api.faults import CredentialsError

ACTIONS_BOT = "github-actions[bot]"
"""Whose comments those are that are written with a workflow's own token."""

_PRINTABLE = re.compile(r"[\x21-\x7e]{1,4096}")
_PEM = re.compile(r"-----BEGIN ((?:RSA )?PRIVATE KEY)-----\s.+\s-----END \1-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Token:
    secret: str = field(repr=False)
    login: str | None = None
    """Whose it is, where that is known; else GitHub is asked."""

    def __post_init__(self) -> None:
        if not _PRINTABLE.fullmatch(self.secret):
            raise CredentialsError(
                "the token for GitHub is empty or holds characters that no token has (a line break, perhaps)",
                fix="set the action's `token` input, or GITHUB_TOKEN",
            )


@dataclass(frozen=True, slots=True)
class App:
    """`permissions` narrows what its tokens may do, such as {"checks": "write"}; None is all that the App was given."""

    app_id: int
    private_key: str = field(repr=False)
    permissions: Mapping[str, str] | None = None


Credentials = Token | App


def app(app_id: str, private_key: str, permissions: Mapping[str, str] | None = None) -> App:
    """From text as workflows hand it over, where line breaks of a key are often written `\\n`."""
    if not re.fullmatch(r"[1-9][0-9]{0,17}", app_id.strip(), re.ASCII):
        raise CredentialsError(
            "the App's id is not a number", fix="set `app-id` to the App ID from the App's settings page"
        )
    key = private_key.replace("\\n", "\n").replace("\r\n", "\n").strip()
    if not _PEM.fullmatch(key):
        raise CredentialsError(
            "the App's private key is not a PEM private key",
            fix="store the whole .pem file as the secret, its BEGIN and END lines included",
        )
    return App(int(app_id), key + "\n", permissions)


def secrets_of(credentials: Credentials) -> tuple[str, ...]:
    """What must never be shown: tokens whole, a key by each of its lines."""
    if isinstance(credentials, Token):
        return (credentials.secret,)
    lines = (line.strip() for line in credentials.private_key.splitlines())
    return tuple(line for line in lines if len(line) >= 8 and not line.startswith("-----"))
