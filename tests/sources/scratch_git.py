"""Real git repositories in temporary folders."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from pathlib import Path


class Scratch:
    """A repository to do things to, with the git that people use."""

    def __init__(self, top: Path, *init: str) -> None:
        self.top = top
        top.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main", *init)
        self.settle()

    @classmethod
    def clone(cls, source: str, top: Path, *options: str) -> Scratch:
        made = cls.__new__(cls)
        made.top = top
        subprocess.run(["git", "clone", "-q", *options, source, str(top)], check=True, capture_output=True)
        made.settle()
        return made

    def settle(self) -> None:
        for name, value in {"user.name": "A", "user.email": "a@example.org", "commit.gpgsign": "false"}.items():
            self.git("config", name, value)

    def git(self, *arguments: str, stdin: bytes | None = None, env: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.top,
            input=stdin,
            capture_output=True,
            check=False,
            env={**os.environ, **(env or {})},
        )
        assert done.returncode == 0, done.stderr.decode()
        return os.fsdecode(done.stdout).strip()

    def write(self, path: str, data: bytes | str) -> Path:
        place = self.top / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data.encode() if isinstance(data, str) else data)
        return place

    def commit(self, subject: str = "a change", **files: bytes | str) -> str:
        for path, data in files.items():
            self.write(path, data)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD")

    def put(self, path: str, data: bytes | str) -> str:
        self.write(path, data)
        return self.commit(f"put {path!r}")

    def loose(self, oid: str) -> Path:
        return self.top / ".git" / "objects" / oid[:2] / oid[2:]

    def state(self) -> dict[str, bytes | str]:
        """Every byte under the folder, `.git` and all, and (bar the object store) when it was last written."""
        seen: dict[str, bytes | str] = {}
        for folder, folders, files in os.walk(os.fsencode(self.top)):
            for name in [*folders, *files]:
                place = Path(os.fsdecode(folder), os.fsdecode(name))
                info = place.lstat()
                body = os.fsencode(place.readlink()) if place.is_symlink() else b""
                if stat.S_ISREG(info.st_mode):
                    body = place.read_bytes()
                # git renews the time of objects that it would have written again, so that `gc` spares them
                kept = "/.git/objects/" in str(place) or "/.git/sharedindex." in str(place)
                seen[str(place)] = b"%o %d " % (info.st_mode, 0 if kept else info.st_mtime_ns) + body
        return seen


def pointer_to(data: bytes) -> bytes:
    digest = hashlib.sha256(data).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(data)}\n".encode()


_BEFORE: set[str] = set()
"""Children that were there when the test began: what another test's repository left for the collector to close."""


def begin() -> None:
    _BEFORE.clear()
    _BEFORE.update(_git_children())


def children() -> list[str]:
    """Live or dead children of this process that are git, and that this test started."""
    return sorted(_git_children() - _BEFORE)


def _git_children() -> set[str]:
    found = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    pids = [pid for each in found for pid in each.read_text().split()]
    return {pid for pid in pids if _name_of(pid).startswith("git")}


def _name_of(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except FileNotFoundError:
        return ""
