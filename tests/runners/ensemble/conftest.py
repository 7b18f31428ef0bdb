"""One finished run for all tests that only read it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from evidence import corpora
from runners.ensemble.small import written
from smokegate.commands import exported
from smokegate_runners.commands.ensemble import command
from smokegate_runners.commands.judges_side import JUDGE

Invoke = Callable[..., Result]
EPOCHS = 60


def invoke(*arguments: object) -> Result:
    """As the command line would, but for its last line of defence."""
    said = [str(one) for one in arguments]
    return CliRunner().invoke(command, said, standalone_mode=False, obj={JUDGE: exported.opened})


@pytest.fixture
def ensemble() -> Invoke:
    return invoke


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with corpus.jsonl, and out/ as `ensemble run` leaves it."""
    folder = tmp_path_factory.mktemp("finished")
    corpus = written(folder / "corpus.jsonl", rows())
    done = invoke("run", "--corpus", corpus, "--out", folder / "out", "--epochs", EPOCHS, "--license", "Apache-2.0")
    assert (done.exception, done.return_value) == (None, 0), done.output
    return folder


def rows() -> list[dict[str, Any]]:
    return corpora.rows(1200, sources=5, encoders=("libx264", "h264_nvenc", "homebrew"))
