"""What one verdict needs is fetched by its id, and the result of merging is a commit like any other."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from github_side.git_server import GitServer, serving
from smokegate.errors import RepositoryError
from smokegate.github.verdicts.store import Conflict, Remote, Store

TOKEN = "ghs_a-token-that-nobody-may-see"  # noqa: S105 - it opens nothing
ADDRESS = "acme/models.git"


def git(folder: Path, *arguments: str) -> str:
    who = {f"GIT_{role}_{what}": "somebody" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], env={**os.environ, **who}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def commit(folder: Path, **files: str) -> str:
    for name, text in files.items():
        (folder / name).write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "change")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    root = tmp_path / "served" / ADDRESS
    root.mkdir(parents=True)
    git(root, "init", "--quiet", "--initial-branch=main")
    commit(root, shared="1\n2\n3\n", kept="x\n")
    return root


@pytest.fixture
def server(origin: Path, tmp_path: Path) -> Iterator[GitServer]:
    (origin.parent / "closed").mkdir()
    with serving(tmp_path / "served", TOKEN) as running:
        yield running


def remote(server: GitServer, token: str | None = TOKEN) -> Remote:
    return Remote(f"{server.url}/{ADDRESS}/.git", token)


def store(server: GitServer, folder: Path, token: str | None = TOKEN) -> Store:
    return Store(folder, remote(server, token), sleep=lambda seconds: None)


def branched(origin: Path) -> tuple[str, str]:
    """A tip of main that moved on, and a head that left main before."""
    git(origin, "switch", "--quiet", "--create", "pr")
    head = commit(origin, added="by the pull request\n", shared="1\n2\n3\n4\n")
    git(origin, "switch", "--quiet", "main")
    return commit(origin, kept="y\n"), head


def test_the_merge_result_holds_both_sides_and_grows_from_the_tip(
    server: GitServer, origin: Path, tmp_path: Path
) -> None:
    tip, head = branched(origin)
    one = store(server, tmp_path / "store")
    assert one.tip("main") == tip
    one.fetch(head)
    merged = one.merged(tip, head)
    assert git(tmp_path / "store", "log", "-1", "--format=%P", merged) == f"{tip} {head}"
    files = {name: git(tmp_path / "store", "show", f"{merged}:{name}") for name in ("shared", "kept", "added")}
    assert files == {"shared": "1\n2\n3\n4", "kept": "y", "added": "by the pull request"}
    assert one.merged(tip, head) == merged
    assert sorted(path.name for path in (tmp_path / "store").iterdir()) == ["HEAD", "config", "objects", "refs"]


def test_a_head_that_is_on_no_branch_is_fetched_by_its_id(server: GitServer, origin: Path, tmp_path: Path) -> None:
    git(origin, "switch", "--quiet", "--detach")
    head = commit(origin, of_a_fork="x\n")
    git(origin, "update-ref", "refs/pull/7/head", head)
    git(origin, "switch", "--quiet", "main")
    one = store(server, tmp_path / "store")
    one.fetch(head)
    before = len(server.seen)
    one.fetch(head)
    assert one.has(head) and len(server.seen) == before


def test_pull_requests_are_found_by_their_head(server: GitServer, origin: Path, tmp_path: Path) -> None:
    """A branch may be called like one, and a test merge is no head."""
    tip, head = branched(origin)
    for ref in ("refs/pull/7/head", "refs/pull/12/head", "refs/heads/refs/pull/8/head", "refs/pull/9/merge"):
        git(origin, "update-ref", ref, head)
    for ref in ("refs/pull/10/head", "refs/pull/7x/head", "refs/pull/0/head", "refs/pull/1/2/head"):
        git(origin, "update-ref", ref, tip if "10" in ref else head)
    one = store(server, tmp_path / "store")
    assert one.pulls_at(head) == (7, 12)
    assert one.pulls_at(tip) == (10,)
    assert one.pulls_at("d" * 40) == ()
    assert not one.has(head)


def test_conflicts_are_named(server: GitServer, origin: Path, tmp_path: Path) -> None:
    tip, _ = branched(origin)
    git(origin, "switch", "--quiet", "pr")
    head = commit(origin, kept="z\n", shared="0\n")
    git(origin, "switch", "--quiet", "main")
    tip = commit(origin, shared="9\n")
    one = store(server, tmp_path / "store")
    one.fetch(tip, head)
    with pytest.raises(Conflict, match="does not merge") as told:
        one.merged(tip, head)
    assert told.value.paths == ("kept", "shared")


def test_a_git_that_is_too_old_is_named(
    server: GitServer, origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2.34, as Ubuntu 22.04 has it, knows `merge-tree` without `--write-tree`."""
    tip, head = branched(origin)
    old = tmp_path / "bin" / "git"
    old.parent.mkdir()
    told = 'case " $* " in *" --write-tree "*) echo "usage: git merge-tree" >&2; exit 129;; esac'
    old.write_text(f"#!/bin/sh\n{told}\nPATH='{os.environ['PATH']}' exec git \"$@\"\n")
    old.chmod(0o755)
    one = store(server, tmp_path / "store")
    one.fetch(tip, head)
    monkeypatch.setenv("PATH", f"{old.parent}:{os.environ['PATH']}")
    with pytest.raises(RepositoryError, match=r"install git 2\.38 or newer"):
        one.merged(tip, head)


def test_no_attribute_of_a_tree_decides_how_it_merges(server: GitServer, origin: Path, tmp_path: Path) -> None:
    """`merge=union` would make one registry of two that nobody ever saw."""
    commit(origin, **{".gitattributes": "* merge=union\n"})
    git(origin, "switch", "--quiet", "--create", "pr")
    head = commit(origin, shared="theirs\n")
    git(origin, "switch", "--quiet", "main")
    tip = commit(origin, shared="ours\n")
    one = store(server, tmp_path / "store")
    one.fetch(tip, head)
    with pytest.raises(Conflict):
        one.merged(tip, head)


def test_histories_that_never_met_are_told(server: GitServer, origin: Path, tmp_path: Path) -> None:
    tip = git(origin, "rev-parse", "main")
    git(origin, "switch", "--quiet", "--orphan", "apart")
    head = commit(origin, other="x\n")
    one = store(server, tmp_path / "store")
    one.fetch(tip, head)
    with pytest.raises(RepositoryError, match="unrelated histories"):
        one.merged(tip, head)


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_that_stumbles_is_asked_again(status: int, server: GitServer, origin: Path, tmp_path: Path) -> None:
    server.answers = [status, status]
    assert store(server, tmp_path / "store").tip("main") == git(origin, "rev-parse", "main")


def test_a_server_that_stays_down_is_told(server: GitServer, tmp_path: Path) -> None:
    server.answers = [503] * 40
    waits: list[float] = []
    with pytest.raises(RepositoryError, match=r"main could not be fetched from .*503"):
        Store(tmp_path / "store", remote(server), sleep=waits.append).tip("main")
    assert waits == sorted(waits) and 0 < sum(waits) < 60


def test_what_is_not_there_is_told_at_once(server: GitServer, tmp_path: Path) -> None:
    def never(seconds: float) -> None:
        raise AssertionError(seconds)

    one = Store(tmp_path / "store", remote(server), sleep=never)
    with pytest.raises(RepositoryError, match="a" * 40):
        one.fetch("a" * 40)
    with pytest.raises(RepositoryError, match="could not be fetched"):
        one.tip("gone")


@pytest.mark.parametrize("odd", ["main", "--upload-pack=touch x", "", "A" * 40, "a" * 39, f"{'a' * 40}:refs/heads/x"])
def test_only_ids_are_fetched(odd: str, server: GitServer, tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="no object id"):
        store(server, tmp_path / "store").fetch(odd)
    assert server.seen == []


@pytest.mark.parametrize("branch", ["x --y", "a:b", "../up", "a b", "-x", "", "a..b", "x\ny"])
def test_a_branch_is_no_refspec(branch: str, server: GitServer, tmp_path: Path) -> None:
    with pytest.raises(RepositoryError):
        store(server, tmp_path / "store").tip(branch)


def test_the_token_opens_the_door_and_shows_nowhere(server: GitServer, origin: Path, tmp_path: Path) -> None:
    with pytest.raises(RepositoryError) as told:
        store(server, tmp_path / "none", None).tip("main")
    assert "could not be fetched" in str(told.value)
    with pytest.raises(RepositoryError) as told:
        store(server, tmp_path / "wrong", "another").tip("main")
    one = store(server, tmp_path / "right")
    one.tip("main")
    with pytest.raises(RepositoryError) as refused:
        one.fetch("b" * 40)
    encoded = next(iter(value for name, value in remote(server).environment().items() if "VALUE" in name))
    said = f"{refused.value!r} {refused.value} {remote(server)!r} {vars(one)!r}"
    kept = b"".join(path.read_bytes() for path in (tmp_path / "right").rglob("*") if path.is_file())
    for secret in (TOKEN, encoded.rpartition(" ")[2]):
        assert secret not in said and secret.encode() not in kept


def test_the_token_goes_to_its_own_server_alone(server: GitServer, tmp_path: Path) -> None:
    """git sends a header by the address that it was set for."""
    with serving(tmp_path / "served", TOKEN) as other:
        of_another = Remote(f"{other.url}/{ADDRESS}/.git", TOKEN)

        class Misled(Remote):
            def environment(self) -> dict[str, str]:
                return of_another.environment()

        with pytest.raises(RepositoryError, match="could not be fetched"):
            Store(tmp_path / "store", Misled(f"{server.url}/{ADDRESS}/.git")).tip("main")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_does_not_take_the_token_along(status: int, origin: Path, tmp_path: Path) -> None:
    """git's second request to the place it is led to bears the header that was set for the first."""
    slept: list[float] = []
    with serving(tmp_path / "served") as other, leading_to(other, status) as lead:
        one = Store(tmp_path / "store", remote(lead), sleep=slept.append)
        with pytest.raises(RepositoryError, match=f"returned error: {status}"):
            one.tip("main")
    assert other.seen == [] and slept == []


@contextmanager
def leading_to(other: GitServer, status: int) -> Iterator[GitServer]:
    """A server that says of everything that it is at `other`."""

    class Leading(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Location", f"http://localhost:{other.port}{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Leading) as http:
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        try:
            yield GitServer(other.root, http.server_address[1])
        finally:
            http.shutdown()
            thread.join()
