"""The command line as it is typed, in this process and with the laboratory that all tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass

import pytest

from smokegate import cli
from smokegate.review.check import Workbench


@dataclass(frozen=True, slots=True)
class Outcome:
    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def run(bench: Workbench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    for module in ("check", "history"):
        monkeypatch.setattr(f"smokegate.review.{module}.Workbench", lambda: nullcontext(bench))

    def run(*arguments: str) -> Outcome:
        code = cli.run([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err, printed.err
        assert code != cli.EXIT_BUG
        return Outcome(code, printed.out, printed.err)

    yield run
