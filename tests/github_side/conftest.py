"""GitHub, as far as tests have it: the emulator for a process's tests together, a fresh world for each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from forge import Forge
from github_side import emulator as emulators
from github_side.emulator import APP_ID, REPOSITORY, TOKENS, Emulator
from github_side.hub import Hub, Served, serving, settle
from github_side.promotions import CORPUS, NAME, POLICY, Town, founded, with_corpus
from github_side.still_clock import StillClock
from smokegate.github.api.client import Client
from smokegate.github.api.credentials import App, Credentials, Token
from smokegate.github.api.retrying import Limits
from smokegate.github.api.sending import Settings
from smokegate.github.api.wire import HttpWire, Reach
from smokegate.github.measuring import running
from smokegate.review.check import Workbench

ClientOf = Callable[..., Client]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's proxy has nothing to do with servers on the loopback."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost,nowhere.invalid")


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    running = emulators.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def served(emulator: Emulator) -> Iterator[Served]:
    hub = Hub(emulator)
    settle(hub)
    with serving(hub) as served:
        yield served
    assert hub.faults == []


@pytest.fixture
def hub(served: Served) -> Hub:
    return served.hub


@pytest.fixture
def client_of(served: Served, emulator: Emulator, clock: StillClock) -> ClientOf:
    """A client that speaks as somebody, or as the App; `silence` is how long it waits for an answer."""

    def make(login: str | None = None, *, silence: float = 20.0, limits: Limits | None = None) -> Client:
        credentials: Credentials = App(APP_ID, emulator.private_key)
        if login is not None:
            credentials = Token(TOKENS[login])
        settings = Settings(REPOSITORY, credentials, api=served.url, limits=limits or Limits())
        return Client(settings, wire=HttpWire(Reach(10.0, silence, 60.0)), clock=clock, dice=lambda: 1.0)

    return make


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What the harness leaves, for real: of every promotion here, its request is the only thing that differs."""
    folder = tmp_path_factory.mktemp("trained")
    forge = Forge(folder / "repo")
    with_corpus(forge)
    policy = forge.path("/policy.yml")
    policy.write_text(json.dumps(POLICY))
    told = ["--corpus", str(forge.path(f"/{CORPUS}")), "--out", "out", "--policy", str(policy), "--name", NAME]
    running.run(["ensemble", "run", *told], folder, 10)
    return {one.name: one.read_bytes() for one in (folder / "out").iterdir() if not one.name.startswith(".")}


@pytest.fixture
def client(client_of: ClientOf) -> Client:
    return client_of()


@pytest.fixture
def town(forge: Forge, tmp_path: Path, bench: Workbench) -> Iterator[Town]:
    """Where most promotions play: an ensemble as smoke, its corpus in the tree."""
    with_corpus(forge)
    town = founded(forge, tmp_path, bench)
    yield town
    assert town.hub.faults == []
