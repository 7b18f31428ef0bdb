"""`smokegate retire`: what it writes is what SG401 wants, and it touches nothing else."""

from __future__ import annotations

import difflib
import json
import os
from pathlib import Path

import pytest

from forge import Forge, passes, sha256
from onnx_models import mlp
from smokegate.cli import run


@pytest.fixture
def forge(tmp_path: Path) -> Forge:
    forge = Forge(tmp_path / "repo")
    forge.add("alpha_v1")
    forge.add("beta_v1", notes="caf\u00e9 \u2014 four corpora")
    forge.add("gamma_v1")
    forge.start()
    return forge


def retire(forge: Forge, *arguments: str, reason: str = "drifts on grain") -> int:
    return run(["retire", *arguments, "--reason", reason, "--repo", str(forge.root)])


def records(forge: Forge) -> list[dict[str, str]]:
    found: list[dict[str, str]] = forge.read_json("retired.json")["retired"]
    return found


def accepted(forge: Forge) -> None:
    forge.commit(save=False)
    passes(forge.check())


def test_the_change_passes_and_the_rest_of_the_registry_keeps_its_bytes(forge: Forge) -> None:
    before = forge.path("registry.json").read_text().splitlines()
    assert retire(forge, "beta_v1", "--superseded-by", "gamma_v1") == 0
    after = forge.path("registry.json").read_text().splitlines()
    assert not [line for line in difflib.ndiff(before, after) if line.startswith("+")]
    assert records(forge) == [
        {
            "id": "beta_v1",
            "sha256": forge.entry("beta_v1")["sha256"],
            "reason": "drifts on grain",
            "superseded_by": "gamma_v1",
        }
    ]
    accepted(forge)


def test_a_second_retirement_joins_the_first(forge: Forge) -> None:
    assert retire(forge, "beta_v1") == 0
    first = forge.path("retired.json").read_text()
    assert retire(forge, "gamma_v1") == 0
    assert [r["id"] for r in records(forge)] == ["beta_v1", "gamma_v1"]
    assert forge.path("retired.json").read_text().startswith(first[: first.index("]") - 4])
    accepted(forge)


def test_it_says_what_to_do_next(forge: Forge, capsys: pytest.CaptureFixture[str]) -> None:
    assert retire(forge, "beta_v1") == 0
    out = capsys.readouterr().out
    assert "beta_v1 is retired" in out and "git add" in out and "smokegate check" in out


def test_run_again_it_changes_nothing_more(forge: Forge) -> None:
    """As after being killed between its two writes."""
    text = forge.path("registry.json").read_text()
    assert retire(forge, "beta_v1") == 0
    once = forge.path("retired.json").read_bytes(), forge.path("registry.json").read_bytes()
    forge.write("registry.json", text)
    assert retire(forge, "beta_v1") == 0
    assert (forge.path("retired.json").read_bytes(), forge.path("registry.json").read_bytes()) == once


@pytest.mark.parametrize("committed", [True, False])
def test_an_entry_that_is_gone_already_gets_its_record(forge: Forge, committed: bool) -> None:
    """What SG401 tells the author to run, when the row is already out."""
    digest = forge.drop("beta_v1")["sha256"]
    forge.save()
    if committed:
        forge.commit()
        forge.write("/README.md", "x\n")
        forge.commit()
    assert retire(forge, "beta_v1") == 0
    assert records(forge)[0]["sha256"] == digest
    accepted(forge)


def test_a_rename_gets_its_record(forge: Forge) -> None:
    forge.entry("beta_v1")["id"] = "beta_v2"
    forge.commit()
    assert retire(forge, "beta_v1", "--superseded-by", "beta_v2") == 0
    accepted(forge)


def test_an_entry_without_a_digest_is_retired_by_that_of_its_bytes(forge: Forge) -> None:
    del forge.entry("beta_v1")["sha256"]
    forge.start()
    assert retire(forge, "beta_v1") == 0
    assert records(forge)[0]["sha256"] == sha256(mlp(1))
    accepted(forge)


def test_a_mode_survives(forge: Forge) -> None:
    forge.path("registry.json").chmod(0o664)
    assert retire(forge, "beta_v1") == 0
    assert forge.path("registry.json").stat().st_mode & 0o777 == 0o664


@pytest.mark.parametrize(
    ("arguments", "reason", "said"),
    [
        (["delta_v1"], "x", "has no entry 'delta_v1'"),
        (["beta_v1"], "   ", "a retirement needs a reason"),
        (["beta_v1"], "x" * 513, "at most 512 characters"),
        (["beta_v1", "--superseded-by", "delta_v1"], "x", "the successor 'delta_v1' is not in"),
        (["beta_v1", "--superseded-by", "beta_v1"], "x", "cannot be its own successor"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_written(
    forge: Forge, capsys: pytest.CaptureFixture[str], arguments: list[str], reason: str, said: str
) -> None:
    before = forge.path("registry.json").read_bytes()
    assert retire(forge, *arguments, reason=reason) == 2
    assert said in capsys.readouterr().err
    assert forge.path("registry.json").read_bytes() == before
    assert not forge.path("retired.json").exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("retired.json", "{"),
        ("retired.json", '{"retired": {}}'),
        ("retired.json", "[]"),
        ("registry.json", '{"models": ['),
        ("registry.json", '{"models": [], "models": []}'),
    ],
)
def test_broken_documents_are_left_alone(
    forge: Forge, capsys: pytest.CaptureFixture[str], name: str, text: str
) -> None:
    forge.write(name, text)
    assert retire(forge, "beta_v1") == 2
    assert "mend" in capsys.readouterr().err
    assert forge.path(name).read_text() == text


@pytest.mark.parametrize("name", ["registry.json", "retired.json"])
def test_a_link_is_not_written_through(forge: Forge, name: str) -> None:
    forge.write("/elsewhere.json", '{"retired": []}' if name == "retired.json" else forge.path(name).read_text())
    text = forge.path("/elsewhere.json").read_text()
    forge.path(name).unlink(missing_ok=True)
    forge.path(name).symlink_to("../../elsewhere.json")
    assert retire(forge, "beta_v1") == 2
    assert forge.path("/elsewhere.json").read_text() == text and forge.path(name).is_symlink()


def test_a_registry_that_is_not_checked_out_is_asked_for(forge: Forge, capsys: pytest.CaptureFixture[str]) -> None:
    forge.delete("registry.json")
    assert retire(forge, "beta_v1") == 2
    assert "git checkout HEAD -- model/tiny/registry.json" in capsys.readouterr().err


def test_of_several_registries_one_is_named(forge: Forge, capsys: pytest.CaptureFixture[str]) -> None:
    forge.write("/other/registry.json", forge.path("registry.json").read_text())
    forge.commit()
    assert retire(forge, "beta_v1") == 2
    assert "--registry" in capsys.readouterr().err
    assert retire(forge, "beta_v1", "--registry", "other/registry.json") == 0
    assert [e["id"] for e in json.loads(forge.path("/other/registry.json").read_text())["models"]] == [
        "alpha_v1",
        "gamma_v1",
    ]


def test_an_entry_without_an_id_gets_one_first(forge: Forge, capsys: pytest.CaptureFixture[str]) -> None:
    del forge.registry["models"][1]["id"]
    forge.start()
    assert retire(forge, "beta_v1.onnx") == 2
    assert "has no id" in capsys.readouterr().err


def test_a_folder_without_git_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["retire", "beta_v1", "--reason", "x", "--repo", str(tmp_path)]) == 2
    assert "git" in capsys.readouterr().err


def test_a_dry_run_shows_a_diff_that_applies_and_writes_nothing(
    forge: Forge, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["retire", "beta_v1", "--reason", "x", "--dry-run", "--repo", str(forge.root)]) == 0
    assert not forge.git("status", "--porcelain")
    forge.git("apply", "-", stdin=capsys.readouterr().out.encode())
    assert [e["id"] for e in forge.read_json("registry.json")["models"]] == ["alpha_v1", "gamma_v1"]
    assert records(forge)[0]["id"] == "beta_v1"
    accepted(forge)


def test_a_failure_between_its_two_files_leaves_neither(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = forge.path("registry.json").read_bytes()
    real = os.replace

    def fail(source: str, target: str) -> None:
        if str(target).endswith("registry.json") and str(source).endswith(".now"):
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "replace", fail)
    assert retire(forge, "beta_v1") == 2
    assert forge.path("registry.json").read_bytes() == registry and not forge.path("retired.json").exists()
    assert not forge.git("status", "--porcelain")
