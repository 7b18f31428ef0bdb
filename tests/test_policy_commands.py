"""`smokegate policy init` and `smokegate policy show`."""

from __future__ import annotations

from pathlib import Path

import pytest

from forge import Forge, quiet
from smokegate.cli import run
from smokegate.policy_file import default_policy, parse


@pytest.fixture
def forge(tmp_path: Path) -> Forge:
    forge = Forge(tmp_path / "repo")
    for n in range(2):
        forge.add(f"fr_ensemble_v1_seed{n}")
    forge.start()
    return forge


def init(forge: Forge, *arguments: str) -> int:
    return run(["policy", "init", "--repo", str(forge.root), *arguments])


def show(forge: Forge, *arguments: str) -> int:
    return run(["policy", "show", "--repo", str(forge.root), *arguments])


def test_the_starter_is_a_policy_that_costs_no_owner(forge: Forge, capsys: pytest.CaptureFixture[str]) -> None:
    assert init(forge) == 0
    out = capsys.readouterr().out
    assert ".smokegate.yml" in out and "git add" in out
    text = forge.path("/.smokegate.yml").read_bytes()
    assert parse(text, "x").policy.registries == ("model/tiny/registry.json",)
    assert b"fr_ensemble_v1" in text
    quiet(forge.judged())


def test_on_standard_output_it_writes_nothing(forge: Forge, capsys: pytest.CaptureFixture[str]) -> None:
    assert init(forge, "--stdout") == 0
    assert parse(capsys.readouterr().out.encode(), "x").policy.registries == ("model/tiny/registry.json",)
    assert not forge.path("/.smokegate.yml").exists()


@pytest.mark.parametrize("place", ["/.smokegate.yml", ".smokegate.yml"])
def test_a_policy_that_is_there_is_kept(forge: Forge, capsys: pytest.CaptureFixture[str], place: str) -> None:
    forge.write(place, "owners: [ana]\n")
    assert init(forge) == 2
    assert "is there already" in capsys.readouterr().err
    assert forge.path(place).read_text() == "owners: [ana]\n"
    assert sum(forge.path(p).exists() for p in ("/.smokegate.yml", ".smokegate.yml")) == 1


def test_a_misspelt_one_is_pointed_at(forge: Forge, capsys: pytest.CaptureFixture[str]) -> None:
    forge.write("/.smokegate.yaml", "owners: [ana]\n")
    assert init(forge) == 2
    assert "git mv .smokegate.yaml .smokegate.yml" in capsys.readouterr().err


def test_without_a_registry_one_must_be_named(forge: Forge, capsys: pytest.CaptureFixture[str]) -> None:
    forge.git("mv", "model/tiny/registry.json", "model/tiny/models.json")
    assert init(forge) == 2
    assert "--registry" in capsys.readouterr().err
    assert init(forge, "--registry", "model/tiny/none.json") == 2
    assert init(forge, "--registry", "model/tiny/models.json") == 0
    assert b"model/tiny/models.json" in forge.path("/.smokegate.yml").read_bytes()


def test_of_several_registries_one_must_be_named(forge: Forge, capsys: pytest.CaptureFixture[str]) -> None:
    forge.write("/other/registry.json", forge.path("registry.json").read_text())
    assert init(forge) == 2
    assert "model/tiny/registry.json, other/registry.json" in capsys.readouterr().err


def test_it_works_before_the_first_commit(tmp_path: Path) -> None:
    forge = Forge(tmp_path / "new")
    forge.add("alpha_v1")
    forge.save()
    assert init(forge) == 0


def test_show_prints_the_default_where_base_has_none(forge: Forge, capsys: pytest.CaptureFixture[str]) -> None:
    assert show(forge) == 0
    out = capsys.readouterr().out
    assert parse(out.encode(), "x").policy == default_policy().policy
    assert default_policy().sha256 in out


def test_show_prints_what_is_on_base_and_not_what_is_in_the_working_tree(
    forge: Forge, capsys: pytest.CaptureFixture[str]
) -> None:
    forge.write("/.smokegate.yml", "owners: [ana]\n")
    forge.start()
    forge.write("/.smokegate.yml", "owners: [mallory]\n")
    assert show(forge) == 0
    assert parse(capsys.readouterr().out.encode(), "x").policy.owners == ("ana",)


def test_show_takes_a_base_and_an_operators_own(
    forge: Forge, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    first = forge.base
    forge.write("/.smokegate.yml", "owners: [ana]\n")
    forge.start()
    assert show(forge, "--base", first) == 0
    assert parse(capsys.readouterr().out.encode(), "x").policy.owners == ()
    own = tmp_path / "own.yml"
    own.write_text("owners: [ben]\n")
    assert show(forge, "--policy", str(own)) == 0
    assert parse(capsys.readouterr().out.encode(), "x").policy.owners == ("ben",)
    assert show(forge, "--policy", str(tmp_path / "none.yml")) == 2


def test_show_finds_the_policy_beside_the_registry(forge: Forge, capsys: pytest.CaptureFixture[str]) -> None:
    forge.write(".smokegate.yml", "owners: [ana]\n")
    forge.start()
    assert show(forge) == 0
    assert parse(capsys.readouterr().out.encode(), "x").policy.owners == ("ana",)


def test_a_broken_policy_is_said_with_its_line(
    forge: Forge, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    own = tmp_path / "own.yml"
    own.write_text("owners: [ana]\ngate: {}\n")
    assert show(forge, "--policy", str(own)) == 2
    error = capsys.readouterr().err
    assert "own.yml:2" in error and "gates" in error
