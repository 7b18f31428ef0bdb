"""What every test may use: golden files (`pytest --update-golden` writes them anew), a forge, a laboratory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from forge import Forge
from smokegate.review.check import Workbench

Golden = Callable[[str, str], None]

# What a loaded machine takes for one example says nothing about the code.
settings.register_profile("any-machine", deadline=None)
settings.load_profile("any-machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew, to be read in review")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Holds text to `golden/<name>` beside the test."""
    folder = request.path.parent / "golden"
    update = bool(request.config.getoption("--update-golden"))

    def check(name: str, text: str) -> None:
        path: Path = folder / name
        if update:
            folder.mkdir(exist_ok=True)
            path.write_bytes(text.encode())
            return
        assert path.is_file(), (
            f"no golden file {path.name}; write it with: python -m pytest {request.path} --update-golden"
        )
        assert text == path.read_bytes().decode(), f"{path.name} differs; if that is meant: pytest --update-golden"

    return check


@pytest.fixture(scope="session")
def bench() -> Iterator[Workbench]:
    """One laboratory for all tests of a process: a model is inspected once, however many repositories hold it."""
    with Workbench() as bench:
        yield bench


@pytest.fixture
def forge(tmp_path: Path, bench: Workbench) -> Forge:
    return Forge(tmp_path / "repo", bench)
