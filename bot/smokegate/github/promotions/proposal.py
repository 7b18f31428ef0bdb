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
from smokegate.github.api.faults import GitHubError
from smokegate.github.api.once import once
from smokegate.github.api.port import Commit, Pull, TreeEntry
from smokegate.github.promotions.office import Office
from smokegate.sources.git import GitRepo

PREFIX = "smokegate/"
_TRAILER = "Smokegate-Request"
_LAST = re.compile(rf"{_TRAILER}: ([0-9a-z]+) ([0-9a-f]{{40}}|[0-9a-f]{{64}})", re.ASCII)
_ZERO = re.compile(r"0+")
_MOST_UPDATES = 100
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
    """The commit upon whose tree its own is made. Of the target branch where it can be: GitHub lets no App without the
    permission `workflows` name a workflow in a tree, be it one that the target branch has."""
    tree: str
    """In the store: what it comes to."""
    parents: tuple[str, ...]


def branch(office: Office, what: str, base_ref: str) -> str:
    """One for each target: what is proposed for one branch is not moved onto another."""
    return f"{PREFIX}{what}" if base_ref == office.branch else f"{PREFIX}into/{base_ref}/{what}"


def written(repo: GitRepo, tree: str, files: Mapping[str, bytes | None]) -> str:
    """A tree with some files written, and some taken away, in the store alone."""
    executable = {path for meta, _, path in _listed(repo, tree) if meta.startswith("100755")}
    lines = []
    for path, data in files.items():
        blob = "0" * len(tree) if data is None else _kept(repo, data)
        mode = "0" if data is None else "100755" if path in executable else "100644"
        lines.append(f"{mode} {blob}\t{path}\0")
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
    if before is not None and not _untouched(office, before, proposal.base_ref):
        raise UsageError(
            f"the branch {proposal.branch} has commits that are not smokegate's, and they are not written over",
            fix=f"move them elsewhere, then: git push origin :{ref}",
        )
    shown = _shown(office, proposal)
    if before is None or not _same(before, proposal):
        _pushed(office, ref, before, _committed(office, proposal).sha)
    return _opened(office, proposal, shown)


def _same(commit: Commit, proposal: Proposal) -> bool:
    """Of the same asking, and with the same in it: the key alone, whoever reads the comment can put on a branch."""
    told = _told(commit)
    made = (commit.tree, commit.parents) == (proposal.tree, tuple(proposal.parents))
    return made and told is not None and told[0] == proposal.key


def _told(commit: Commit) -> tuple[str, str] | None:
    """Key and tree, from its last line: what stands above may be anybody's."""
    found = _LAST.fullmatch(commit.message.rstrip().rpartition("\n")[2])
    return (found[1], found[2]) if found else None


def _untouched(office: Office, commit: Commit, base_ref: str) -> bool:
    """As it was left here, or with the target branch merged in and nothing else, as the site's button does it."""
    for _ in range(_MOST_UPDATES):
        if told := _told(commit):
            return told[1] == commit.tree
        if len(commit.parents) != 2 or not _updated(office, commit, base_ref):
            return False
        commit = office.hub.get_commit(commit.parents[0])
    return False


def _updated(office: Office, commit: Commit, base_ref: str) -> bool:
    ours, theirs = commit.parents
    store = office.court.store
    store.fetch(commit.sha)
    tip = store.tip(base_ref)
    with office.repo() as repo:
        if repo.git.ask("merge-base", "--is-ancestor", theirs, tip).code != 0:
            return False
        merged = repo.git.ask("merge-tree", "--write-tree", ours, theirs)
    return merged.code == 0 and merged.out.decode().strip() == commit.tree


def _committed(office: Office, proposal: Proposal) -> Commit:
    message = f"{proposal.message.rstrip()}\n\n{_TRAILER}: {proposal.key} {proposal.tree}\n"
    with office.repo() as repo:
        start = repo.git.text("rev-parse", f"{proposal.start}^{{tree}}")
        known = {meta.split()[2] for one in proposal.parents for meta, _, _ in _listed(repo, one)}
        entries = list(_entries(office, repo, start, proposal.tree, known))
    made = office.hub.create_tree(entries, base=start) if entries else start
    if made != proposal.tree:
        raise GitHubError(
            f"GitHub made the tree {made} of what is {proposal.tree} here, so it is not proposed",
            fix="run the job again; if it says so twice, report it",
        )
    return office.hub.create_commit(message=message, tree=made, parents=proposal.parents)


def _listed(repo: GitRepo, tree: str) -> Iterator[tuple[str, str, str]]:
    """Mode, kind and id; a tab; the path."""
    lines = (line.decode("utf-8", "surrogateescape") for line in repo.git.fields("ls-tree", "-r", "-z", tree))
    yield from (line.partition("\t") for line in lines)


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

    if before is None:
        if not once(there, lambda: office.hub.create_ref(ref, sha), office.clock, looked=True):
            raise GitHubError(f"somebody else made the branch {ref} in this very moment", fix="run the job again")
    # It starts at another head now, so it is no continuation of what was proposed before.
    elif not office.hub.update_ref(ref, sha, force=True):
        raise GitHubError(f"the branch {ref} could not be moved to {sha}", fix="run the job again")


def _shown(office: Office, proposal: Proposal) -> Pull | None:
    """The pull request of this branch that is open already: ours, as somebody else's is not rewritten."""
    owner = office.hub.repository_name.partition("/")[0]
    pulls = (one for one in office.hub.pulls_of_head(owner, proposal.branch) if _is_of(one, office, proposal))
    found = next(pulls, None)
    if found is not None and found.author.login.casefold() != office.ours.login.casefold():
        raise UsageError(
            f"#{found.number} proposes the branch {proposal.branch} already, and it is not smokegate's",
            fix=f"close #{found.number}, then ask again",
        )
    return found


def _is_of(pull: Pull, office: Office, proposal: Proposal) -> bool:
    here = (pull.head_repository or "").casefold() == office.hub.repository_name.casefold()
    return here and pull.head_ref == proposal.branch and pull.base_ref == proposal.base_ref


def _opened(office: Office, proposal: Proposal, shown: Pull | None) -> Pull:
    def act() -> Pull:
        return office.hub.create_pull(
            title=proposal.title, body=proposal.body, head=proposal.branch, base=proposal.base_ref
        )

    found = shown or once(lambda: _shown(office, proposal), act, office.clock, looked=True)
    if (found.title, found.body) != (proposal.title, proposal.body):
        return office.hub.update_pull(found.number, title=proposal.title, body=proposal.body)
    return found
