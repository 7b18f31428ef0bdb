"""A git repository, read-only."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

from smokegate.errors import MissingObject, RepositoryError
from smokegate.sources import history
from smokegate.sources.blobs import Blobs
from smokegate.sources.checkout import Checkout
from smokegate.sources.command import Git, Reply, decoded, failure
from smokegate.sources.git_tree import GitTree
from smokegate.sources.history import Commit
from smokegate.sources.lfs_store import LfsStore

_SHORT = 12


class GitRepo:
    """Close it, or use it as a context manager: it keeps git processes running."""

    def __init__(self, git: Git, *, git_dir: Path, common_dir: Path, top: Path | None) -> None:
        self.git = git
        self.git_dir = git_dir
        self.common_dir = common_dir
        self.top = top
        """The top folder of the working tree; None in a bare repository."""
        self.blobs = Blobs(git, Checkout(top) if top else None)
        self.lfs = LfsStore(git, common_dir)

    @classmethod
    def discover(cls, path: Path | str) -> GitRepo:
        """The repository that `path` is in."""
        start = Path(path).absolute()
        if not start.is_dir():
            raise RepositoryError(f"{start} is not a folder", fix="name the folder of the repository with --repo")
        git = Git(start)
        reply = git.ask("rev-parse", "--is-inside-work-tree", "--absolute-git-dir")
        if reply.code != 0:
            _refuse(start, reply)
        inside, _, git_dir = decoded(reply.out.removesuffix(b"\n")).partition("\n")
        top = Path(git.text("rev-parse", "--show-toplevel")) if inside == "true" else None
        home = Git(top or Path(git_dir))
        common_dir = home.directory / home.text("rev-parse", "--git-common-dir")
        home = home.configured({}, _quarantine(common_dir))
        return cls(home, git_dir=Path(git_dir), common_dir=common_dir, top=top)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.blobs.close()

    def resolve(self, rev: str) -> str:
        """The object id of the commit that a revision names."""
        if rev and "\0" not in rev:
            reply = self.git.ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}")
            if reply.code == 0:
                return decoded(reply.out.strip())
            if isinstance(cause := failure(("rev-parse",), reply.code, reply.err), MissingObject):
                raise cause
        raise self._unknown(rev)

    def has_commits(self) -> bool:
        return self.git.ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}").code == 0

    def default_branch(self) -> str:
        """The full name of the ref that changes are merged into, as far as this clone knows."""
        wanted = [f"refs/{place}/{name}" for place in ("remotes/origin", "heads") for name in ("main", "master")]
        listed = self.git.text("for-each-ref", "--format=%(refname) %(symref)", "refs/remotes/origin/HEAD", *wanted)
        known = dict(line.split(" ", 1) for line in listed.splitlines())
        if target := known.get("refs/remotes/origin/HEAD"):
            return target
        for name in wanted:
            if name in known:
                return name
        configured = self.git.ask("config", "--get", "init.defaultBranch")
        name = f"refs/heads/{decoded(configured.out.strip())}"
        if configured.code == 0 and self.git.ask("show-ref", "--verify", "--quiet", name).code == 0:
            return name
        raise RepositoryError(
            "this clone does not say which branch is the default one (no origin/HEAD, main or master)",
            fix=f"name the base with --base REV, or: {self._telling_the_default_branch()}",
        )

    def _telling_the_default_branch(self) -> str:
        if self.git.ask("config", "--get", "remote.origin.url").code != 0:
            return "git config init.defaultBranch NAME"
        # a clone of one branch does not have the others to point at
        return "git fetch origin '+refs/heads/*:refs/remotes/origin/*' && git remote set-head origin --auto"

    def merge_base(self, ours: str, theirs: str) -> str:
        """The object id of the best common ancestor of two revisions."""
        reply = self.git.ask("merge-base", self.resolve(ours), self.resolve(theirs))
        if reply.code == 0:
            return decoded(reply.out.strip())
        if self.shallow:
            raise RepositoryError(
                f"the common ancestor of {_shown(ours)} and {_shown(theirs)} is not in this shallow clone",
                fix="git fetch --unshallow origin  (in a workflow: actions/checkout with fetch-depth: 0)",
            )
        if reply.code == 1:
            raise RepositoryError(
                f"{_shown(ours)} and {_shown(theirs)} have no common ancestor: their histories are unrelated",
                fix="name the base with --base REV",
            )
        raise failure(("merge-base",), reply.code, reply.err)

    @cached_property
    def shallow(self) -> frozenset[str]:
        """The commits at which this clone's history is cut off."""
        place = self.common_dir / "shallow"
        return frozenset(place.read_text("ascii").split()) if place.is_file() else frozenset()

    @cached_property
    def empty_tree(self) -> str:
        """What a parentless commit changed from."""
        return decoded(self.git.run("hash-object", "-t", "tree", "--stdin").strip())

    def first_parents(
        self, rev: str, paths: Sequence[str] = (), *, limit: int | None = None, since: str | None = None
    ) -> Iterator[Commit]:
        """Commits along first parents, newest first; only those that touched `paths`, if any are given."""
        oid, known = self.resolve(rev), self.resolve(since) if since else None
        return history.first_parents(self.git, oid, paths, since=known, limit=limit, shallow=self.shallow)

    def commits_touching(self, rev: str, paths: Sequence[str], *, since: str | None = None) -> list[Commit]:
        """Commits along first parents that touched `paths`, oldest first."""
        return list(self.first_parents(rev, paths, since=since))[::-1]

    def tree(self, rev: str | None, label: str | None = None) -> GitTree:
        """The files at a revision; at none, no files (what a root commit changed from)."""
        if rev is None:
            return self._tree(self.empty_tree, label or "nothing")
        oid = self.resolve(rev)
        return self._tree(oid, label or oid[:_SHORT])

    def _tree(self, oid: str, label: str) -> GitTree:
        return GitTree(self.git, self.blobs, self.lfs, oid, label)

    def _unknown(self, rev: str) -> RepositoryError:
        if rev in ("", "HEAD") and self.git.ask("rev-parse", "--verify", "--quiet", "HEAD").code != 0:
            return RepositoryError("the repository has no commits yet", fix="git commit --allow-empty -m 'Begin'")
        return RepositoryError(
            f"{_shown(rev)} does not name a commit in this clone{' (it is shallow)' if self.shallow else ''}",
            fix=f"git fetch origin {shlex.quote(rev)}  (git branch --all lists what is here)",
        )


def _refuse(start: Path, reply: Reply) -> NoReturn:
    if b"dubious ownership" in reply.err:
        raise RepositoryError(
            f"git refuses to read {start}: it belongs to somebody else",
            fix=f"git config --global --add safe.directory {shlex.quote(str(start))}",
        )
    if b"not a git repository" in reply.err:
        raise RepositoryError(
            f"{start} is not in a git repository ({reply.reason})",
            fix="run in a clone, or name one with --repo",
        )
    raise RepositoryError(f"git cannot read {start}: {reply.reason}", fix=f"git -C {shlex.quote(str(start))} status")


def _quarantine(common_dir: Path) -> dict[str, str]:
    """In a server's pre-receive hook the pushed objects lie in a quarantine of this repository: see them there."""
    quarantine = os.environ.get("GIT_QUARANTINE_PATH")
    if not quarantine or not Path(quarantine).resolve().is_relative_to((common_dir / "objects").resolve()):
        return {}
    names = ("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES")
    return {name: os.environ[name] for name in names if name in os.environ}


def _shown(rev: str) -> str:
    return repr(rev.encode("utf-8", "replace").decode("utf-8"))
