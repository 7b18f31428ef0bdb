"""What stands in for GitHub: how it is set up, and that the real and the emulated side name commits alike."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from github_side.emulator import HERE, START_SECONDS, start
from github_side.exchange import Request, listed
from github_side.hub import Hub
from github_side.mirror import fetch, push
from github_side.world import REPO, open_pull, tip
from smokegate.github.api.client import Client
from smokegate.github.api.port import Signature, TreeEntry

ROOT = HERE.parents[1]
LOCK = HERE / "package-lock.json"


def lock() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(LOCK.read_text("utf-8"))
    return found


def test_the_lock_names_no_place() -> None:
    # Whom to thank for a package is the one address that npm writes anyway.
    packages = [{**package, "funding": None} for package in lock()["packages"].values()]
    assert re.findall(r"://|file:|git\+|resolved", json.dumps(packages)) == []


def test_the_lock_pins_every_package_by_digest() -> None:
    packages = {name: package for name, package in lock()["packages"].items() if name}
    assert packages
    for name, package in packages.items():
        assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", package["integrity"]), name
        assert re.fullmatch(r"\d+\.\d+\.\d+", package["version"]), name
        assert "hasInstallScript" not in package, name


def test_the_lock_holds_what_is_asked_for() -> None:
    asked = json.loads((HERE / "package.json").read_text("utf-8"))["dependencies"]
    held = lock()["packages"]
    assert held[""]["dependencies"] == asked
    assert {name: held[f"node_modules/{name}"]["version"] for name in asked} == asked


def test_what_is_installed_is_what_the_lock_says() -> None:
    assert (HERE / "node_modules" / ".ready").read_bytes() == LOCK.read_bytes(), "fix: .ci/npm"


NPM = """#!/bin/sh
echo "$*" >> npm-was-asked
mkdir -p tests/github_side/node_modules/@octokit/openapi/generated
touch tests/github_side/node_modules/@octokit/openapi/generated/api.github.com.json
touch tests/github_side/node_modules/@octokit/openapi/generated/ghec.json
exit $(cat npm-exit)
"""


def set_up(folder: Path, npm_exit: int = 0) -> subprocess.CompletedProcess[str]:
    npm = folder / ".venv" / "bin" / "npm"
    npm.parent.mkdir(parents=True, exist_ok=True)
    npm.write_text(NPM, encoding="utf-8")
    npm.chmod(0o755)
    (folder / "npm-exit").write_text(str(npm_exit), encoding="utf-8")
    (folder / "tests" / "github_side").mkdir(parents=True, exist_ok=True)
    script = ["/bin/sh", str(ROOT / ".ci" / "npm")]
    return subprocess.run(script, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_set_up_is_done_once_for_each_lock(tmp_path: Path) -> None:
    target = tmp_path / "tests" / "github_side" / "package-lock.json"
    target.parent.mkdir(parents=True)
    target.write_text("1", encoding="utf-8")
    asked = tmp_path / "npm-was-asked"
    failed = set_up(tmp_path, npm_exit=1)
    assert failed.returncode == 2
    assert "fix: make test, with a network" in failed.stderr
    assert set_up(tmp_path).returncode == 0
    assert set_up(tmp_path).returncode == 0
    assert len(asked.read_text("utf-8").splitlines()) == 2
    target.write_text("2", encoding="utf-8")
    assert set_up(tmp_path).returncode == 0
    lines = asked.read_text("utf-8").splitlines()
    assert len(lines) == 3
    assert all("ci --prefix tests/github_side --ignore-scripts --no-audit --no-fund" in line for line in lines)
    generated = target.parent / "node_modules" / "@octokit" / "openapi" / "generated"
    assert [path.name for path in generated.iterdir()] == ["api.github.com.json"]


def test_the_script_may_be_run() -> None:
    assert os.access(ROOT / ".ci" / "npm", os.X_OK)


def test_the_emulator_ends_with_its_tests() -> None:
    running = start()
    assert running.process.stdin is not None
    running.process.stdin.close()
    assert running.process.wait(START_SECONDS) == 0


def test_a_reset_leaves_nothing(hub: Hub) -> None:
    open_pull(hub)
    hub.emulator.reset()
    assert hub.as_("acme", "GET", f"{REPO}/pulls").data == []
    assert hub.as_("acme", "GET", f"{REPO}/git/matching-refs/heads/topic").data == []


def test_pages_of_the_stub_are_as_githubs() -> None:
    asked = Request("GET", "/x", {"per_page": "2", "page": "2"})
    reply = listed(asked, [1, 2, 3, 4, 5], under="runs")
    assert reply.data == {"total_count": 5, "runs": [3, 4]}
    found = re.findall(r"page=(\d)>; rel=\"(\w+)\"", reply.headers["Link"])
    assert found == [("1", "prev"), ("3", "next"), ("3", "last"), ("1", "first")]
    assert "Link" not in listed(Request("GET", "/x"), [1]).headers


@pytest.fixture
def real(tmp_path: Path) -> Path:
    folder = tmp_path / "real"
    folder.mkdir()
    names = ("GIT_AUTHOR", "GIT_COMMITTER")
    who = {f"{name}_{key}": value for name in names for key, value in (("NAME", "Zo\u00eb"), ("EMAIL", "z@x.invalid"))}
    days = {f"{name}_DATE": day for name, day in zip(names, ("1700000000 +0530", "1700000001 -0800"), strict=True)}
    env = {**os.environ, **who, **days, "GIT_CONFIG_GLOBAL": os.devnull}

    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=folder, env=env, check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    (folder / "model" / "tiny").mkdir(parents=True)
    (folder / "model" / "tiny" / "a.onnx").write_bytes(bytes(range(256)))
    (folder / "run.sh").write_text("#!/bin/sh\n", encoding="utf-8")
    (folder / "run.sh").chmod(0o755)
    git("add", ".")
    git("commit", "-q", "-m", "First\n\nWith a body.")
    (folder / "model" / "registry.json").write_text("{}\n", encoding="utf-8")
    git("add", ".")
    git("commit", "-q", "-m", "Second")
    return folder


def test_real_commits_go_there_and_theirs_come_here(hub: Hub, client: Client, real: Path) -> None:
    sha = push(hub, real, "main", "main")
    assert tip(hub) == sha
    base = client.get_commit(sha)
    assert (base.message, base.author.name, base.author.date) == ("Second", "Zo\u00eb", "2023-11-15T03:43:20+05:30")
    tree = client.create_tree([TreeEntry("model/tiny/b.json", client.create_blob(b"{}\n"))], base=base.tree)
    who = Signature("smokegate", "smokegate@x.invalid", "2026-01-02T03:04:05Z")
    made = client.create_commit(message="Flip", tree=tree, parents=[sha], author=who)
    client.create_ref("refs/heads/flip", made.sha)
    fetch(hub, made.sha, real)
    shown = subprocess.run(
        ["git", "show", "--stat=200", "--format=%s", made.sha], cwd=real, capture_output=True, text=True, check=True
    ).stdout
    assert shown.splitlines()[0] == "Flip"
    assert "model/tiny/b.json" in shown
    assert push(hub, real, "main", "main") == sha
