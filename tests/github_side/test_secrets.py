"""No token, key or signed address in a message, a repr, a log or a header where it has no business."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from github_side.conftest import ClientOf
from github_side.emulator import APP_ID, REPOSITORY, TOKENS, Emulator
from github_side.exchange import Request, Response, answer, refusal
from github_side.hub import Fault, Hub, Plan, Served
from github_side.still_clock import StillClock
from github_side.world import open_pull
from smokegate.errors import SmokegateError
from smokegate.github.api import credentials
from smokegate.github.api.client import Client
from smokegate.github.api.credentials import App, Credentials, Token, app
from smokegate.github.api.faults import CredentialsError, GitHubError
from smokegate.github.api.sending import Settings
from smokegate.github.api.wire import HttpWire
from smokegate.github.api.words import Hidden

SIGNED = "as-good-as-a-password"


@pytest.fixture(params=["token", "app"])
def secretive(request: pytest.FixtureRequest, emulator: Emulator) -> Credentials:
    return Token(TOKENS["writer"]) if request.param == "token" else App(APP_ID, emulator.private_key)


@pytest.fixture
def client(served: Served, secretive: Credentials) -> Client:
    return Client(Settings(REPOSITORY, secretive, api=served.url), clock=StillClock())


@pytest.fixture
def everything(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """All that was logged at any level, or written."""
    caplog.set_level(logging.DEBUG)

    def read() -> str:
        records = [f"{record.getMessage()} {record.__dict__}" for record in caplog.records]
        return "\n".join([*records, *capfd.readouterr()])

    return read


def secrets_in_use(hub: Hub, emulator: Emulator) -> set[str]:
    """What was sent to prove who we are, and what that could be made from."""
    key = [line for line in emulator.private_key.splitlines() if not line.startswith("-----")]
    return {one.token for one in hub.asked if one.token} | set(hub.stub.logins) | set(key) | {SIGNED}


def told(act: Callable[[], object]) -> str:
    try:
        act()
    except SmokegateError as fault:
        return "\n".join([*traceback.format_exception(fault), repr(fault), repr(vars(fault)), repr(fault.args)])
    raise AssertionError("it was to fail")


def parrot(asked: Request) -> Response:
    """A server that says back whatever it was told."""
    said = f"you said {asked.headers} {asked.token}"
    # Where texts are cut, a piece of a token must not be left.
    cut = [f"{'x' * (600 - length)}{asked.token}" for length in (25, 30, 35)]
    return answer(422, {"message": cut[0], "errors": [said, cut[1], {"message": cut[2]}, {"resource": said}]})


def parrot_alone(asked: Request) -> Response:
    return answer(422, {"message": f"you said {asked.headers} {asked.token}"})


def fits(asked: Request) -> bool:
    return "/installation" not in asked.path


def test_no_secret_is_told(
    client: Client,
    served: Served,
    emulator: Emulator,
    everything: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub = served.hub
    number = open_pull(hub)
    run_id = client.dispatch("gpu-harness.yml", "main", {"nonce": "n"})
    assert run_id is not None
    artifact = hub.stub.upload(run_id, "evidence", b"x" * 5000)
    texts = [told(lambda: client.download_artifact(artifact, limit=100))]
    hub.stub.zips.clear()
    texts.append(told(lambda: client.download_artifact(artifact, limit=100)))
    hub.stub.store = "http://localhost:1"
    texts.append(told(lambda: client.download_artifact(artifact, limit=100)))
    hub.stub.store = "file:///"
    texts.append(told(lambda: client.download_artifact(artifact, limit=100)))
    truly = hub.truly
    monkeypatch.setattr(hub, "truly", lambda asked: parrot(asked) if fits(asked) else truly(asked))
    texts.append(told(lambda: client.create_comment(number, "x")))
    monkeypatch.setattr(hub, "truly", lambda asked: parrot_alone(asked) if fits(asked) else truly(asked))
    texts.append(told(lambda: client.create_comment(number, "x")))
    for reply in (refusal(401, "no"), refusal(403, "no"), refusal(404, "no"), Response(200, b"{"), Response(200, b"3")):
        monkeypatch.setattr(hub, "truly", lambda asked, reply=reply: reply if fits(asked) else truly(asked))
        texts.append(told(lambda: client.create_comment(number, "x")))
    hub.plan = Plan(rate=1.0, kinds=(Fault.RESET_AFTER, Fault.TRUNCATED))
    texts.append(told(lambda: client.create_comment(number, "x")))
    texts.append(told(client.repository))
    texts += [repr(client), repr(client._session), repr(vars(client._session)), repr(vars(client._session._sender))]
    texts.append(everything())
    assert "you said" in "".join(texts)
    assert "***" in "".join(texts)
    for secret in secrets_in_use(hub, emulator):
        assert all(secret not in text for text in texts), secret[:8]
        assert all(secret[:20] not in text for text in texts), secret[:8]


@pytest.mark.parametrize("status", [401, 403, 422])
def test_the_apps_signature_is_not_told(
    status: int, client_of: ClientOf, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is good for minutes, and buys a token."""
    monkeypatch.setattr(hub, "truly", lambda asked: answer(status, {"message": f"you said {asked.token}"}))
    text = told(client_of().repository)
    assert "you said ***" in text and hub.asked[0].token not in text


def test_the_check_above_would_notice(
    client: Client, hub: Hub, emulator: Emulator, everything: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Hidden, "out_of", lambda _, text: text)
    truly = hub.truly
    monkeypatch.setattr(hub, "truly", lambda asked: parrot(asked) if fits(asked) else truly(asked))
    text = told(lambda: client.create_comment(1, "x"))
    assert any(secret in text for secret in secrets_in_use(hub, emulator))


def test_values_that_hold_secrets_do_not_show_them(emulator: Emulator, secretive: Credentials) -> None:
    settings = Settings(REPOSITORY, secretive)
    for shown in (repr(secretive), repr(settings), f"{settings}"):
        assert "PRIVATE" not in shown
        assert all(secret not in shown for secret in credentials.secrets_of(secretive))


def test_a_netrc_and_cookies_do_not_speak_for_us(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    truly = served.hub.truly

    def with_cookie(asked: Request) -> Response:
        reply = truly(asked)
        return Response(reply.status, reply.body, {**reply.headers, "Set-Cookie": "session=1; Path=/"})

    monkeypatch.setattr(served.hub, "truly", with_cookie)
    client = Client(Settings(REPOSITORY, Token(TOKENS["writer"]), api=served.url))
    client.repository()
    client.repository()
    assert {one.token for one in served.hub.asked} == {TOKENS["writer"]}
    assert all("cookie" not in one.headers for one in served.hub.asked)
    run_id = client.dispatch("gpu-harness.yml", "main", {})
    assert run_id is not None
    client.download_artifact(served.hub.stub.upload(run_id, "evidence", b"zip"), limit=100)
    assert all(not {"authorization", "cookie"} & one.headers.keys() for one in served.downloads)


def test_a_proxys_password_is_not_told(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://user:hunter2hunter2@127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")
    settings = Settings(REPOSITORY, Token(TOKENS["writer"]), api=served.url)
    text = told(lambda: Client(settings, clock=StillClock()).create_comment(1, "x"))
    assert "the proxy cannot be reached" in text
    assert "hunter2" not in text
    assert served.hub.asked == []


@pytest.fixture
def pem(emulator: Emulator) -> Iterator[str]:
    yield emulator.private_key


def test_a_key_is_taken_as_workflows_hand_it_over(pem: str) -> None:
    for written in (pem, pem.strip(), pem.replace("\n", "\\n"), pem.replace("\n", "\r\n"), f"\n  {pem}\n"):
        assert app(str(APP_ID), written) == App(APP_ID, pem.strip() + "\n")


PUBLIC = "-----BEGIN PUBLIC KEY-----\nQUJD\n-----END PUBLIC KEY-----"


@pytest.mark.parametrize("given", ["", "secret-secret", "-----BEGIN RSA PRIVATE KEY-----", PUBLIC])
def test_a_key_that_is_none(given: str) -> None:
    with pytest.raises(CredentialsError, match="not a PEM private key") as caught:
        app("1", given)
    assert "secret-secret" not in str(caught.value)


@pytest.mark.parametrize("given", ["", "0", "abc", "-1", "1 2", "\u0661", "9" * 19])
def test_an_app_id_that_is_none(given: str, pem: str) -> None:
    with pytest.raises(CredentialsError, match="App's id is not a number"):
        app(given, pem)


def test_a_key_that_cannot_sign_is_not_shown(pem: str) -> None:
    lines = pem.splitlines()
    for broken in ([lines[0], *lines[5:]], [lines[0], "!" * 64, *lines[2:]], [lines[0], "QUJDREVGRw==", lines[-1]]):
        given = "\n".join(broken) + "\n"
        with pytest.raises(CredentialsError, match="cannot be used to sign") as caught:
            Client(Settings(REPOSITORY, app(str(APP_ID), given)))
        text = "".join(traceback.format_exception(caught.value))
        assert all(line not in text for line in broken[1:-1])


@pytest.mark.parametrize("given", ["", "a b", "a\n", "\x00", "t\u00f6ken", "x" * 5000])
def test_a_token_that_could_break_a_header(given: str) -> None:
    with pytest.raises(CredentialsError, match="no token has") as caught:
        Token(given)
    assert not re.search(r"a b|x{50}", str(caught.value))


def test_a_token_that_is_nobodys(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    for reply in ({"errors": [{"message": "no"}]}, {"data": None}, {"data": {"viewer": None}}):
        monkeypatch.setattr(served.hub, "truly", lambda _, reply=reply: answer(200, reply))
        with pytest.raises(CredentialsError, match="does not say whose the token is"):
            Client(Settings(REPOSITORY, Token("t"), api=served.url)).viewer()


def test_a_word_too_short_to_be_a_secret_is_left_alone() -> None:
    hidden = Hidden(["x", "secret-1", "secret-12"])
    assert hidden.out_of("x secret-12 secret-1") == "x *** ***"


def test_a_key_is_not_used_by_a_token(served: Served) -> None:
    client = Client(Settings(REPOSITORY, Token("t"), api=served.url), wire=HttpWire())
    with pytest.raises(AssertionError, match="App's key alone"):
        client._session.ask("installation")
    with pytest.raises(GitHubError):
        client.pull(404)
