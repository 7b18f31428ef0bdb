"""Commits between a real repository and the emulator, under the same ids on both sides."""

from __future__ import annotations

import base64
import subprocess
from datetime import datetime
from pathlib import Path

from github_side.emulator import REPOSITORY
from github_side.hub import Hub


def push(hub: Hub, folder: Path, revision: str, branch: str, *, login: str = "acme", to: str = REPOSITORY) -> str:
    """Makes `branch` on GitHub what `revision` is here, by force, with all that it stands on."""
    sha = _git(folder, "rev-parse", f"{revision}^{{commit}}").decode().strip()
    for one in _git(folder, "rev-list", "--reverse", "--topo-order", sha).decode().split():
        _push_commit(hub, folder, one, login, to)
    refs = {ref["ref"] for ref in hub.as_(login, "GET", f"/repos/{to}/git/matching-refs/heads/").data}
    if f"refs/heads/{branch}" in refs:
        hub.as_(login, "PATCH", f"/repos/{to}/git/refs/heads/{branch}", {"sha": sha, "force": True})
    else:
        hub.as_(login, "POST", f"/repos/{to}/git/refs", {"ref": f"refs/heads/{branch}", "sha": sha})
    return sha


def _push_commit(hub: Hub, folder: Path, sha: str, login: str, to: str) -> None:
    entries = []
    for line in _git(folder, "ls-tree", "-r", "-z", sha).split(b"\0")[:-1]:
        meta, _, path = line.partition(b"\t")
        mode, kind, blob = meta.decode().split()
        if kind == "blob":
            content = base64.b64encode(_git(folder, "cat-file", "blob", blob)).decode()
            made = hub.as_(login, "POST", f"/repos/{to}/git/blobs", {"content": content, "encoding": "base64"})
            assert made.data["sha"] == blob
        entries.append({"path": path.decode(), "mode": mode, "type": kind, "sha": blob})
    tree = hub.as_(login, "POST", f"/repos/{to}/git/trees", {"tree": entries}).data["sha"]
    told = _git(folder, "show", "-s", "--format=%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B", sha).decode()
    parents, an, ae, ad, cn, ce, cd, message = told.split("\0")
    fields = {
        "message": message.rstrip("\n"),
        "tree": tree,
        "parents": parents.split(),
        "author": {"name": an, "email": ae, "date": ad},
        "committer": {"name": cn, "email": ce, "date": cd},
    }
    made = hub.as_(login, "POST", f"/repos/{to}/git/commits", fields)
    assert made.data["sha"] == sha, "the two sides do not name this commit alike"


def fetch(hub: Hub, sha: str, folder: Path, *, login: str = "acme", of: str = REPOSITORY) -> None:
    """Brings a commit that was made on GitHub, and what it stands on, into the repository here."""
    if _there(folder, sha):
        return
    commit = hub.as_(login, "GET", f"/repos/{of}/git/commits/{sha}").data
    for parent in commit["parents"]:
        fetch(hub, parent["sha"], folder, login=login, of=of)
    _fetch_tree(hub, commit["tree"]["sha"], folder, login, of)
    lines = [f"tree {commit['tree']['sha']}", *(f"parent {parent['sha']}" for parent in commit["parents"])]
    lines += [f"{role} {_person(commit[role])}" for role in ("author", "committer")]
    content = "\n".join([*lines, "", commit["message"].removesuffix("\n"), ""]).encode()
    assert _write(folder, "commit", content) == sha, "the two sides do not name this commit alike"


def _fetch_tree(hub: Hub, sha: str, folder: Path, login: str, of: str) -> None:
    if _there(folder, sha):
        return
    lines = []
    for entry in hub.as_(login, "GET", f"/repos/{of}/git/trees/{sha}").data["tree"]:
        if entry["type"] == "tree":
            _fetch_tree(hub, entry["sha"], folder, login, of)
        elif entry["type"] == "blob" and not _there(folder, entry["sha"]):
            blob = hub.as_(login, "GET", f"/repos/{of}/git/blobs/{entry['sha']}").data
            _write(folder, "blob", base64.b64decode(blob["content"]))
        lines.append(f"{entry['mode']} {entry['type']} {entry['sha']}\t{entry['path']}\0".encode())
    made = _git(folder, "mktree", "-z", stdin=b"".join(lines)).decode().strip()
    assert made == sha


def _person(told: dict[str, str]) -> str:
    when = datetime.fromisoformat(told["date"])
    return f"{told['name']} <{told['email']}> {int(when.timestamp())} {when.strftime('%z')}"


def _there(folder: Path, sha: str) -> bool:
    run = subprocess.run(["git", "cat-file", "-e", sha], cwd=folder, capture_output=True, check=False)
    return run.returncode == 0


def _write(folder: Path, kind: str, content: bytes) -> str:
    return _git(folder, "hash-object", "-w", "-t", kind, "--stdin", stdin=content).decode().strip()


def _git(folder: Path, *arguments: str, stdin: bytes | None = None) -> bytes:
    return subprocess.run(["git", *arguments], cwd=folder, input=stdin, capture_output=True, check=True).stdout
