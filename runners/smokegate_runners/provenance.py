"""Who ran what on what: the record that a runner's command writes beside its results."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

SCHEMA = "ai-run-provenance-v1"


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file, or a text, that went in or came out."""

    kind: str
    name: str
    size: int
    sha256: str

    def document(self) -> dict[str, Any]:
        return {"kind": self.kind, "path": self.name, "size": self.size, "sha256": self.sha256}


def file(kind: str, path: Path) -> Artifact:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Artifact(kind, named(path), path.stat().st_size, digest)


def text(kind: str, name: str, content: str) -> Artifact:
    data = content.encode()
    return Artifact(kind, name, len(data), hashlib.sha256(data).hexdigest())


def named(path: Path) -> str:
    """As somebody in this folder would name it."""
    whole = path.absolute()
    return whole.relative_to(Path.cwd()).as_posix() if whole.is_relative_to(Path.cwd()) else str(whole)


@dataclass
class Run:
    """Made when the work starts, written when it is done. `entry` is the module that the command is."""

    entry: Path
    args: Mapping[str, Any]
    packages: Iterable[str]
    tools: Mapping[str, str] = field(default_factory=dict)
    """Programs that are no Python package, with their versions."""
    started: str = field(default_factory=now)

    def write(self, path: Path, inputs: Iterable[Artifact], outputs: Iterable[Artifact]) -> None:
        document = self.document(inputs, outputs)
        part = path.with_name(f".{path.name}.part")
        part.write_text(json.dumps(document, indent=2, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")
        part.replace(path)

    def document(self, inputs: Iterable[Artifact], outputs: Iterable[Artifact]) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "entrypoint": file("entrypoint", self.entry).document(),
            "repo": repository(self.entry),
            "argv": [named(Path(sys.argv[0])), *sys.argv[1:]],
            "args": dict(self.args),
            "inputs": [artifact.document() for artifact in inputs],
            "outputs": [artifact.document() for artifact in outputs],
            "packages": versions(self.packages) | dict(self.tools),
            "started_at_utc": self.started,
            "ended_at_utc": now(),
        }


def versions(packages: Iterable[str]) -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def repository(code: Path) -> dict[str, Any] | None:
    """The commit that the code stands at; None where it is installed, and no repository holds it."""
    folder, files = code.absolute().parent, ("--", code.name)
    if not _git(folder, "ls-files", "--cached", "--others", "--exclude-standard", *files):
        return None
    commit = _git(folder, "rev-parse", "HEAD")
    tracked = _git(folder, "ls-files", "--cached", *files)
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit and commit.strip(), "dirty": not tracked or changes is None or bool(changes)}


def _git(folder: Path, *arguments: str) -> str | None:
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
