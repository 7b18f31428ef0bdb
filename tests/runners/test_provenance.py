"""The record of a run says what ran, on which commit, on what, and what came out."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from smokegate_runners import provenance


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.invalid", "-c", "commit.gpgsign=false")
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "main.py").write_text("run()\n")
    (tmp_path / ".gitignore").write_text("/venv/\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def test_code_in_a_checkout_has_a_commit(checkout: Path) -> None:
    head = git(checkout, "rev-parse", "HEAD")
    code = checkout / "code" / "main.py"
    assert provenance.repository(code) == {"commit": head, "dirty": False}
    (checkout / "notes.txt").write_text("not code\n")
    assert provenance.repository(code) == {"commit": head, "dirty": False}
    code.write_text("run(2)\n")
    assert provenance.repository(code) == {"commit": head, "dirty": True}


def test_code_that_was_never_added_is_dirty(checkout: Path) -> None:
    new = checkout / "code" / "new.py"
    new.write_text("")
    assert provenance.repository(new) == {"commit": git(checkout, "rev-parse", "HEAD"), "dirty": True}


def test_installed_code_is_not_of_the_checkout_around_it(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    installed = checkout / "venv" / "main.py"
    installed.parent.mkdir()
    installed.write_text("")
    assert provenance.repository(installed) is None
    alone = tmp_path_factory.mktemp("alone") / "main.py"
    alone.write_text("")
    assert provenance.repository(alone) is None


def test_the_record(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(checkout)
    monkeypatch.setattr(sys, "argv", [str(checkout / "code" / "main.py"), "--deep"])
    (checkout / "in.txt").write_text("in")
    (checkout / "out.txt").write_text("out")
    run = provenance.Run(checkout / "code" / "main.py", {"deep": True}, ["pytest", "no-such-package"], {"tool": "9"})
    inputs = [provenance.file("clip", checkout / "in.txt"), provenance.text("generator", "card", "testsrc2")]
    run.write(checkout / "run.json", inputs, [provenance.file("corpus", checkout / "out.txt")])
    said = json.loads((checkout / "run.json").read_text())
    assert said["schema"] == "ai-run-provenance-v1"
    assert said["argv"] == ["code/main.py", "--deep"]
    assert said["args"] == {"deep": True}
    assert said["entrypoint"]["sha256"] == hashlib.sha256(b"run()\n").hexdigest()
    assert [(given["kind"], given["path"], given["size"]) for given in said["inputs"]] == [
        ("clip", "in.txt", 2),
        ("generator", "card", 8),
    ]
    assert said["outputs"][0]["sha256"] == hashlib.sha256(b"out").hexdigest()
    assert said["packages"]["tool"] == "9"
    assert {"python", "pytest"} <= said["packages"].keys()
    assert "no-such-package" not in said["packages"]
    assert said["repo"]["commit"] == git(checkout, "rev-parse", "HEAD")
    assert not list(checkout.glob(".*.part"))
