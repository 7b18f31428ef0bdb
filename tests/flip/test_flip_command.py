"""`smokegate flip` as it is typed."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass

import click
import pytest

from flip.tree import EVIDENCE, SEEDS, five, one, snapshot
from forge import Forge
from smokegate.commands.flip import command


@dataclass(frozen=True, slots=True)
class Said:
    code: int
    out: str
    err: str


@pytest.fixture
def run(forge: Forge, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    monkeypatch.setattr("smokegate.review.flip.Workbench", lambda: nullcontext(forge.bench))

    def run(*arguments: str) -> Said:
        told = [*arguments, "--repo", str(forge.root), "--evidence", str(forge.path(EVIDENCE))]
        code = command.main(told, standalone_mode=False)
        return Said(code, *capsys.readouterr())

    return run


def test_it_says_what_it_wrote_and_what_comes_next(forge: Forge, run) -> None:  # type: ignore[no-untyped-def]
    one(forge)
    said = run("saliency_v1")
    assert said.code == 0
    assert "saliency_v1 went to production" in said.out and "PASS" in said.out
    assert "git -C" in said.out and "add model/tiny/saliency_v1_PROMOTE.json" in said.out


def test_a_refusal_reads_like_a_check_and_exits_with_1(forge: Forge, run) -> None:  # type: ignore[no-untyped-def]
    five(forge)
    before = snapshot(forge.root)
    said = run(*SEEDS[:4])
    assert said.code == 1
    assert (
        "SG409" in said.err and "flips as one" in said.err and "fix:" in said.err and "nothing was written" in said.err
    )
    assert snapshot(forge.root) == before


def test_a_dry_run_prints_a_diff_and_nothing_else_on_standard_output(forge: Forge, run) -> None:  # type: ignore[no-untyped-def]
    one(forge)
    said = run("saliency_v1", "--dry-run")
    assert said.code == 0
    assert said.out.startswith("diff --git") and '+      "smoke": false,' in said.out
    assert "would go" in said.err


def test_what_still_blocks_is_told_and_is_exit_1(forge: Forge, run) -> None:  # type: ignore[no-untyped-def]
    one(forge)
    forge.add("broken_v1", sha256="0" * 64)
    forge.save()
    said = run("saliency_v1")
    assert said.code == 1
    assert "SG202" in said.out and forge.read_json("registry.json")["models"][0]["smoke"] is False


def test_evidence_is_asked_for(forge: Forge) -> None:
    with pytest.raises(click.MissingParameter):
        command.main(["saliency_v1"], standalone_mode=False)
