"""Finding the one registry, policy or working file that a command is about."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from smokegate.errors import UsageError
from smokegate.judge.groups import ensembles
from smokegate.judge.shell import pathspec
from smokegate.policy import POLICY_NAME
from smokegate.policy_file import LoadedPolicy, locate
from smokegate.policy_starter import starter
from smokegate.registry.document import JsonDocument, read_json
from smokegate.registry.entry import Entry, read_entries
from smokegate.registry.paths import join, parent
from smokegate.review.law import OWN_SCHEMA, effective_policy
from smokegate.review.registries import registries_of
from smokegate.review.sides import Sides, open_sides
from smokegate.sources.git import GitRepo
from smokegate.sources.tree import Kind
from smokegate.sources.worktree import WorkTree

_LARGEST = 64 << 20


@dataclass(frozen=True, slots=True)
class Working:
    """A registry in the working tree."""

    path: Path
    name: str
    """From the root of the repo."""


def working_registry(repo: str, registry: str | None) -> Working:
    with open_sides(repo, "HEAD", None, registry) as sides:
        name = the_one(registries_of(sides, registry, None))
        top = _top(sides)
    path = top / name
    if path.is_symlink() or not path.is_file():
        raise UsageError(f"{path} is not a plain file", fix=f"git checkout HEAD -- {pathspec(name)}")
    return Working(path, name)


def last_known(repo: str, registry: str, entry_id: str) -> Entry | None:
    """An entry as it was when HEAD's history last had it."""
    with GitRepo.discover(repo) as opened:
        if not opened.has_commits():
            return None
        for commit in opened.first_parents("HEAD", [registry]):
            for oid in (commit.oid, commit.parent):
                if oid and (entry := _entries_at(opened, oid, registry).get(entry_id)):
                    return entry
    return None


def _entries_at(repo: GitRepo, oid: str, registry: str) -> dict[str, Entry]:
    tree = repo.tree(oid)
    node = tree.node(registry)
    if node is None or node.kind is not Kind.FILE:
        return {}
    document = read_json(tree.read(registry, _LARGEST), registry, max_bytes=_LARGEST, max_depth=512)
    return {e.key: e for e in read_entries(document.value)} if isinstance(document, JsonDocument) else {}


def the_one(registries: list[str]) -> str:
    if len(registries) > 1:
        raise UsageError(f"there are several registries: {', '.join(registries)}", fix="name one with --registry")
    return registries[0]


def _top(sides: Sides) -> Path:
    if sides.repo is None or sides.repo.top is None:
        raise UsageError("this needs a git repository with a working tree", fix="run it in a clone")
    return sides.repo.top


def policy_in_force(repo: str, registry: str | None, base: str | None, override: str | None) -> LoadedPolicy:
    with open_sides(repo, base, "HEAD" if base else None, registry) as sides:
        found = registries_of(sides, registry, override)
        return effective_policy(sides, registry or the_one(found), override).loaded


def start_policy(repo: str, registry: str | None) -> tuple[Path, str]:
    """Where the starter goes, or the policy that is there already, and what the starter says."""
    with GitRepo.discover(repo) as opened:
        there = WorkTree.candidates(opened)
        top = opened.top or Path(repo)
        names = [registry] if registry else sorted(p for p in there if p.rpartition("/")[2] == "registry.json")
        if not names:
            raise UsageError("no registry.json here", fix="name the registry with --registry PATH")
        name = the_one(names)
        path = top / name
        try:
            document = read_json(path.read_bytes(), name, max_bytes=_LARGEST, max_depth=512)
        except OSError as error:
            raise UsageError(f"{name} cannot be read: {error.strerror}") from None
    entries = read_entries(document.value) if isinstance(document, JsonDocument) else []
    ids = [e.id for e in entries if e.id]
    has_schema = (top / join(parent(name), OWN_SCHEMA)).is_file()
    place = locate(name, lambda p: (top / p).exists()) or POLICY_NAME
    return top / place, starter(name, ids, ensembles(ids), has_schema)
