"""A bare repository with what one verdict needs: objects fetched by their ids, and nothing checked out."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from smokegate.errors import RepositoryError
from smokegate.sources.command import Git, Reply, decoded

_OID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PULL = re.compile(r"refs/pull/([1-9][0-9]{0,9})/head", re.ASCII)
_USAGE = 129
"""git's exit code where it does not know an option."""
_TRIES = 4
_PAUSE = 2.0
_HTTP = {
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "60",
    # Once redirected, git asks the other place with the header that holds our token.
    "http.followRedirects": "false",
}
# Of these fetching again can only say the same.
_FINAL = re.compile(
    r"not our ref|couldn't find remote ref|Repository not found|repository '.*' not found|Authentication failed"
    r"|could not read Username|does not appear to be a git repository|Permission denied"
    r"|returned error: (?:30[12378]|40[134])"
)
_NOBODY = {
    "GIT_AUTHOR_NAME": "smokegate",
    "GIT_AUTHOR_EMAIL": "smokegate@invalid",
    "GIT_AUTHOR_DATE": "@0 +0000",
    "GIT_COMMITTER_NAME": "smokegate",
    "GIT_COMMITTER_EMAIL": "smokegate@invalid",
    "GIT_COMMITTER_DATE": "@0 +0000",
}


class Conflict(RepositoryError):
    """Head does not merge into the target's tip, so there is nothing that could be judged."""

    def __init__(self, paths: Sequence[str]) -> None:
        named = ", ".join(paths[:5]) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")
        super().__init__(
            f"it does not merge into the target branch: conflicts in {named}",
            fix="merge the target branch into this one, and settle the conflicts",
        )
        self.paths = tuple(paths)


@dataclass(frozen=True, slots=True)
class Remote:
    """Where objects come from; `token` is sent to this server alone, and stands in no command line and no message."""

    url: str
    token: str | None = None

    def environment(self) -> dict[str, str]:
        if self.token is None:
            return {}
        basic = base64.b64encode(f"x-access-token:{self.token}".encode()).decode()
        return {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{self.url}.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
        }

    def __repr__(self) -> str:
        return f"Remote({self.url!r})"


class Store:
    def __init__(self, folder: Path, remote: Remote, *, sleep: Callable[[float], None] = time.sleep) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self._remote, self._sleep = folder, remote, sleep
        self._git = Git(folder)
        if not (folder / "HEAD").exists():
            self._git.run("init", "--quiet", "--bare", "--template=", "--initial-branch=none", ".")

    def fetch(self, *commits: str) -> None:
        """Commits with all that they reach."""
        if odd := [one for one in commits if not _OID.fullmatch(one)]:
            raise RepositoryError(f"{odd[0]!r} is no object id")
        missing = [one for one in commits if not self.has(one)]
        if missing:
            self._fetch(missing)

    def tip(self, branch: str) -> str:
        """What a branch of the remote points at now; its objects come along."""
        return self._now(f"refs/heads/{branch}")

    def pull_head(self, number: int) -> str:
        return self._now(f"refs/pull/{number}/head")

    def _now(self, ref: str) -> str:
        local = "refs/smokegate/now"
        self._fetch([f"+{ref}:{local}"])
        return self._git.text("rev-parse", "--verify", f"{local}^{{commit}}")

    def tree(self, commit: str) -> str:
        return self._git.text("rev-parse", "--verify", f"{commit}^{{tree}}")

    def pulls_at(self, head: str) -> tuple[int, ...]:
        """Numbers of the pull requests that have this head, closed ones too. Asked by commit, GitHub's API leaves out
        those of forks, and a verdict that is green for one would be green for the others unseen."""
        listed = self._remotely((head,), "ls-remote", "--refs", self._remote.url, "refs/pull/*/head")
        lines = (line.partition("\t") for line in decoded(listed.out).splitlines())
        found = (_PULL.fullmatch(ref) for commit, _, ref in lines if commit == head)
        return tuple(sorted(int(one[1]) for one in found if one))

    def has(self, commit: str) -> bool:
        return self._git.ask("cat-file", "-e", f"{commit}^{{commit}}").code == 0

    def merged(self, tip: str, head: str) -> str:
        """The commit that merging head into tip would make: `tip` is its first parent."""
        reply = self._git.ask("merge-tree", "--write-tree", "--no-messages", "--name-only", "-z", tip, head)
        tree, *paths = decoded(reply.out).split("\0")
        if reply.code == 1:
            raise Conflict([path for path in paths if path])
        if reply.code == _USAGE:
            raise RepositoryError(
                "this machine's git cannot merge without a working tree", fix="install git 2.38 or newer on the runner"
            )
        if reply.code != 0:
            raise RepositoryError(f"{head[:12]} and {tip[:12]} cannot be merged: {reply.reason}")
        author = self._git.configured({}, _NOBODY)
        return author.text("commit-tree", tree, "-p", tip, "-p", head, "-m", "What merging would give")

    def _fetch(self, wanted: Sequence[str]) -> None:
        said = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-gc")
        self._remotely(wanted, *said, self._remote.url, *wanted)

    def _remotely(self, wanted: Sequence[str], *arguments: str) -> Reply:
        git = self._git.configured(_HTTP, self._remote.environment())
        for left in reversed(range(_TRIES)):
            reply = git.ask(*arguments)
            if reply.code == 0:
                return reply
            if not left or _FINAL.search(reply.reason):
                raise self._failed(wanted, reply)
            self._sleep(_PAUSE * (_TRIES - left))
        raise AssertionError("the last try returns or raises")

    def _failed(self, wanted: Sequence[str], reply: Reply) -> RepositoryError:
        named = ", ".join(one.partition(":")[0].removeprefix("+").removeprefix("refs/heads/") for one in wanted)
        return RepositoryError(
            f"{named} could not be fetched from {self._remote.url}: {reply.reason}",
            fix="see that the job has `contents: read`, and that the commit is still there",
        )
