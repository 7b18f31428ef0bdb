"""Which repository is meant, and where smokegate itself came from, where nobody says so."""

from __future__ import annotations

import importlib.metadata
import json
import re
import shlex

from smokegate.errors import UsageError
from smokegate.render.escape import visible
from smokegate.sources.git import GitRepo

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}", re.ASCII)
_ADDRESS = re.compile(
    r"(?:(?:https?|ssh|git)://[^/]+/|(?:[^@/:]+@)?[A-Za-z0-9.-]+:(?!/))(?P<path>.*?)(?:\.git)?/?", re.ASCII
)
_SOURCE_FIX = "--source OWNER/smokegate@COMMIT, with the 40 digits of the commit"


def checked(name: str) -> str:
    if not _NAME.fullmatch(name) or name.rpartition("/")[2] in {".", ".."}:
        raise UsageError(f"{visible(name)!r} is no repository on GitHub", fix="--repository OWNER/NAME")
    return name


def origin(repo: str) -> str:
    """By the address of the clone's origin."""
    with GitRepo.discover(repo) as opened:
        reply = opened.git.ask("config", "--get", "remote.origin.url")
    name = _path(reply.out.decode("utf-8", "replace").strip()) if reply.code == 0 else None
    if name is None:
        raise UsageError("this clone does not say which repository on GitHub it is of", fix="--repository OWNER/NAME")
    return name


def _path(address: str) -> str | None:
    """owner/name, of `https://host/owner/name.git`, `ssh://git@host/owner/name` and `git@host:owner/name.git`."""
    found = _ADDRESS.fullmatch(address)
    return found["path"] if found and _NAME.fullmatch(found["path"]) else None


def installed_from() -> str:
    """As pip wrote it down, where it was installed from git: https://packaging.python.org/specifications/direct-url/"""
    try:
        said = json.loads(importlib.metadata.distribution("smokegate").read_text("direct_url.json") or "{}")
        commit = said["vcs_info"]["commit_id"]
        name = _path(said["url"])
    except (importlib.metadata.PackageNotFoundError, KeyError, TypeError, ValueError):
        name = commit = None
    if not name or not isinstance(commit, str):
        raise UsageError("this smokegate does not say which repository it was installed from", fix=_SOURCE_FIX)
    return f"{name}@{commit}"


def as_cloned(repo: GitRepo, branch: str) -> str:
    """A branch as GitHub had it when this clone last asked."""
    for name in (f"refs/remotes/origin/{branch}", f"refs/heads/{branch}"):
        if repo.git.ask("show-ref", "--verify", "--quiet", name).code == 0:
            return name
    raise UsageError(f"this clone does not have {visible(branch)}", fix=f"git fetch origin {shlex.quote(branch)}")
