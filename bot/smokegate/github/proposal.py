"""A pull request of the bot's own, made through git's data API: one branch under its own prefix, one pull request.

Trees are made in the local store first, so that what GitHub makes of the same entries can be held to it.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from smokegate.errors import RepositoryError, UsageError
from smokegate.github.faults import GitHubError
from smokegate.github.office import Office
from smokegate.github.once import once
from smokegate.github.port import Commit, Pull, TreeEntry
from smokegate.sources.git import GitRepo

PREFIX = "smokegate/"
_TRAILER = "Smokegate-Request"
_ZERO = re.compile(r"0+")
_LARGEST = 100 << 20
"""What GitHub takes as one blob."""


@dataclass(frozen=True, slots=True)
class Proposal:
    branch: str
    base_ref: str
    title: str
    body: str
    message: str
    key: str
    """By which its commit is known again: letters and digits."""
    start: str
    """The commit that it starts at, which is on GitHub."""
    tree: str
    """In the store: what it comes to."""
    parents: tuple[str, ...]


def written(repo: GitRepo, tree: str, files: Mapping[str, bytes | None]) -> str:
    """A tree with some files written, and some taken away, in the store alone."""
    lines = []
    for path, data in files.items():
        blob = "0" * len(tree) if data is None else _kept(repo, data)
        lines.append(f"{'0' if data is None else '100644'} {blob}\t{path}\0")
    with tempfile.TemporaryDirectory(prefix="smokegate-") as folder:
        git = repo.git.configured({}, {"GIT_INDEX_FILE": str(Path(folder, "index"))})
        git.run("read-tree", tree)
        git.run("update-index", "-z", "--index-info", stdin="".join(lines).encode("utf-8", "surrogateescape"))
        return git.text("write-tree")


def _kept(repo: GitRepo, data: bytes) -> str:
    return repo.git.run("hash-object", "-w", "--stdin", stdin=data).decode().strip()


def propose(office: Office, proposal: Proposal) -> Pull:
    """Opened, or brought up to date; never a second one, and never onto a branch that is not the bot's."""
    ref = f"refs/heads/{proposal.branch}"
    if not proposal.branch.startswith(PREFIX) or proposal.branch in {office.branch, proposal.base_ref}:
        raise AssertionError(f"the bot writes no branch {proposal.branch}")
    there = office.hub.ref(ref)
    before = office.hub.get_commit(there.sha) if there else None
    if before is not None and key_of(before.message) is None:
        raise UsageError(
            f"the branch {proposal.branch} has commits that are not smokegate's, and they are not written over",
            fix=f"move them elsewhere, then: git push origin :{ref}",
        )
    if before is None or key_of(before.message) != proposal.key:
        _pushed(office, ref, before, _committed(office, proposal).sha)
    return _opened(office, proposal)


def key_of(message: str) -> str | None:
    """From its last line: what stands above may be anybody's."""
    found = re.fullmatch(rf"{_TRAILER}: ([0-9a-z]+)", message.rstrip().rpartition("\n")[2], re.ASCII)
    return found[1] if found else None


def _committed(office: Office, proposal: Proposal) -> Commit:
    message = f"{proposal.message.rstrip()}\n\n{_TRAILER}: {proposal.key}\n"
    with office.repo() as repo:
        start = repo.git.text("rev-parse", f"{proposal.start}^{{tree}}")
        known = {line.partition("\t")[0].split()[2] for one in proposal.parents for line in _listed(repo, one)}
        entries = list(_entries(office, repo, start, proposal.tree, known))
    made = office.hub.create_tree(entries, base=start) if entries else start
    if made != proposal.tree:
        raise GitHubError(
            f"GitHub made the tree {made} of what is {proposal.tree} here, so it is not proposed",
            fix="run the job again; if it says so twice, report it",
        )
    return office.hub.create_commit(message=message, tree=made, parents=proposal.parents)


def _listed(repo: GitRepo, commit: str) -> Iterator[str]:
    yield from (line.decode("utf-8", "surrogateescape") for line in repo.git.fields("ls-tree", "-r", "-z", commit))


def _entries(office: Office, repo: GitRepo, start: str, tree: str, known: set[str]) -> Iterator[TreeEntry]:
    """What differs; bytes that GitHub has are named, and not sent again."""
    fields = iter(repo.git.fields("diff-tree", "-r", "-z", "--no-renames", start, tree))
    for meta in fields:
        path = next(fields).decode("utf-8", "surrogateescape")
        _, mode, _, blob, _ = meta.decode().removeprefix(":").split(" ")
        if _ZERO.fullmatch(blob):
            yield TreeEntry(path, None)
            continue
        if blob not in known and mode != "160000":
            _send(office, repo, blob, path)
        match mode:
            case "160000":
                yield TreeEntry(path, blob, "160000", "commit")
            case "100755":
                yield TreeEntry(path, blob, "100755")
            case "120000":
                yield TreeEntry(path, blob, "120000")
            case _:
                yield TreeEntry(path, blob)


def _send(office: Office, repo: GitRepo, blob: str, path: str) -> None:
    size = int(repo.git.text("cat-file", "-s", blob))
    if size > _LARGEST:
        raise UsageError(f"{path} has {size:,} bytes, and GitHub takes {_LARGEST:,}", fix="keep it in git-lfs")
    sent = office.hub.create_blob(repo.git.run("cat-file", "blob", blob))
    if sent != blob:
        raise RepositoryError(f"GitHub keeps {path} as {sent}, and here it is {blob}")


def _pushed(office: Office, ref: str, before: Commit | None, sha: str) -> None:
    def there() -> bool | None:
        found = office.hub.ref(ref)
        return True if found is not None and found.sha == sha else None

    if before is None and once(there, lambda: office.hub.create_ref(ref, sha), office.clock, looked=True):
        return
    # It starts at another head now, so it is no continuation of what was proposed before.
    if not office.hub.update_ref(ref, sha, force=True):
        raise GitHubError(f"the branch {ref} could not be moved to {sha}", fix="run the job again")


def _opened(office: Office, proposal: Proposal) -> Pull:
    owner = office.hub.repository_name.partition("/")[0]

    def there() -> Pull | None:
        return next((one for one in office.hub.pulls_of_head(owner, proposal.branch) if _same(one)), None)

    def _same(one: Pull) -> bool:
        here = (one.head_repository or "").casefold() == office.hub.repository_name.casefold()
        return here and one.head_ref == proposal.branch and one.base_ref == proposal.base_ref

    def act() -> Pull:
        return office.hub.create_pull(
            title=proposal.title, body=proposal.body, head=proposal.branch, base=proposal.base_ref
        )

    found = once(there, act, office.clock)
    if (found.title, found.body) != (proposal.title, proposal.body):
        return office.hub.update_pull(found.number, title=proposal.title, body=proposal.body)
    return found
