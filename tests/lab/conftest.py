from __future__ import annotations

from collections.abc import Iterator

import pytest

from smokegate.lab.client import Lab
from smokegate.policy import Limits


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """One laboratory for all tests: what one model does to it, the next must not notice."""
    with Lab(Limits(run_seconds=10)) as shared:
        yield shared


@pytest.fixture(scope="session")
def strict_lab() -> Iterator[Lab]:
    with Lab(Limits(run_seconds=1, run_memory_mib=256, model_mib=4, model_nodes=50)) as shared:
        yield shared
