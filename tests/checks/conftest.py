"""One laboratory for a whole worker's tests: a model is inspected once, however many repositories hold it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from forge import Forge
from smokegate.review.check import Workbench


@pytest.fixture(scope="session")
def bench() -> Iterator[Workbench]:
    with Workbench() as bench:
        yield bench


@pytest.fixture
def forge(tmp_path: Path, bench: Workbench) -> Forge:
    return Forge(tmp_path / "repo", bench)
