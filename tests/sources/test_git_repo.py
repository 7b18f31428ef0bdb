from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from smokegate.errors import MissingObject, RepositoryError
from smokegate.sources.command import Git
from smokegate.sources.git import GitRepo
from smokegate.sources.worktree import WorkTree
from sources.scratch_git import Scratch, children


@pytest.mark.parametrize("init", [(), ("--object-format=sha256",)])
def test_revisions_history_and_trees_of_any_object_format(tmp_path: Path, init: tuple[str, ...]) -> None:
    scratch = Scratch(tmp_path / "r", *init)
    first = scratch.commit("first", a="1")
    with GitRepo.discover(scratch.top) as repo:
        assert repo.resolve("HEAD") == first
        assert repo.tree(None).paths() == {}.keys()
        assert repo.tree("main").content("a").size == 1
        assert [c.parent for c in repo.commits_touching("main", ["a"])] == [None]


def test_discovery_from_a_folder_inside(scratch: Scratch) -> None:
    scratch.commit(a="1")
    (scratch.top / "deep" / "er").mkdir(parents=True)
    with GitRepo.discover(scratch.top / "deep" / "er") as repo:
        assert repo.top == scratch.top


def test_a_bare_store_and_a_linked_worktree(scratch: Scratch, tmp_path: Path) -> None:
    head = scratch.commit(a="1")
    scratch.git("worktree", "add", "-q", str(tmp_path / "linked"))
    scratch.git("clone", "-q", "--bare", str(scratch.top), str(tmp_path / "bare"))
    with GitRepo.discover(tmp_path / "bare") as bare, GitRepo.discover(tmp_path / "linked") as linked:
        assert bare.top is None
        assert bare.tree("HEAD").read("a", 9) == b"1"
        assert linked.top == tmp_path / "linked"
        assert linked.common_dir.resolve() == (scratch.top / ".git").resolve()
        assert linked.resolve("HEAD") == head


def test_not_a_repository(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="not in a git repository"):
        GitRepo.discover(tmp_path)
    with pytest.raises(RepositoryError, match="not a folder"):
        GitRepo.discover(tmp_path / "absent")


def test_git_is_absent(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RepositoryError, match="git is not installed"):
        GitRepo.discover(scratch.top)


def test_a_repository_of_somebody_else(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(RepositoryError, match="belongs to somebody else") as refused:
        GitRepo.discover(scratch.top)
    assert refused.value.fix == f"git config --global --add safe.directory {scratch.top}"


def test_run_inside_a_hook_it_reads_the_repository_it_was_given(
    scratch: Scratch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = scratch.commit(a="ours")
    other = Scratch(tmp_path / "other")
    other.commit(a="other")
    monkeypatch.setenv("GIT_DIR", str(other.top / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.top))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.top / ".git" / "index"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(other.top / ".git" / "objects"))
    with GitRepo.discover(scratch.top) as repo:
        assert repo.resolve("HEAD") == ours
        assert repo.tree("HEAD").read("a", 9) == b"ours"


def test_a_pre_receive_hook_sees_the_pushed_objects(scratch: Scratch, tmp_path: Path) -> None:
    scratch.commit(a="1")
    server = Scratch.clone(str(scratch.top), tmp_path / "server.git", "--bare")
    source = Path(__file__).parents[2] / "bot"
    hook = server.write(
        "hooks/pre-receive",
        f"""#!{sys.executable}
import sys; sys.path.insert(0, {str(source)!r})
from smokegate.sources.git import GitRepo
with GitRepo.discover(".") as repo:
    print("seen:", repo.tree(sys.stdin.read().split()[1]).read("a", 99).decode())
""",
    )
    hook.chmod(0o755)
    scratch.commit(a="pushed")
    done = subprocess.run(
        ["git", "push", str(server.top), "main"], cwd=scratch.top, capture_output=True, text=True, check=True
    )
    assert "seen: pushed" in done.stderr


@pytest.mark.parametrize("rev", ["--upload-pack=x", "-h", "--all", "--git-dir", "", "a\0b", "nope", "HEAD:a", "a..b"])
def test_a_revision_is_never_an_option(scratch: Scratch, rev: str) -> None:
    scratch.commit(a="1")
    with GitRepo.discover(scratch.top) as repo, pytest.raises(RepositoryError, match="does not name a commit"):
        repo.resolve(rev)


def test_a_branch_that_looks_like_an_option_can_be_named(scratch: Scratch) -> None:
    head = scratch.commit(a="1")
    scratch.git("update-ref", "refs/heads/--output=x", head)
    with GitRepo.discover(scratch.top) as repo:
        assert repo.resolve("--output=x") == head


def test_no_commits_yet(scratch: Scratch) -> None:
    with GitRepo.discover(scratch.top) as repo:
        with pytest.raises(RepositoryError, match="no commits yet"):
            repo.resolve("HEAD")
        with pytest.raises(RepositoryError, match="does not say which branch"):
            repo.default_branch()


def test_the_default_branch(scratch: Scratch, tmp_path: Path) -> None:
    scratch.commit(a="1")
    scratch.git("branch", "-m", "trunk")
    with GitRepo.discover(scratch.top) as repo, pytest.raises(RepositoryError):
        repo.default_branch()
    scratch.git("config", "init.defaultBranch", "trunk")
    clone = Scratch.clone(str(scratch.top), tmp_path / "clone")
    with GitRepo.discover(scratch.top) as repo, GitRepo.discover(clone.top) as cloned:
        assert repo.default_branch() == "refs/heads/trunk"
        assert cloned.default_branch() == "refs/remotes/origin/trunk"
        clone.git("branch", "master")
        clone.git("remote", "set-head", "origin", "--delete")
        assert cloned.default_branch() == "refs/heads/master"
        clone.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/gone")
        assert cloned.default_branch() == "refs/heads/master"


def test_the_way_to_learn_the_default_branch_works(scratch: Scratch, tmp_path: Path) -> None:
    scratch.commit(a="1")
    scratch.git("branch", "-m", "trunk")
    scratch.git("checkout", "-q", "-b", "side")
    single = Scratch.clone(f"file://{scratch.top}", tmp_path / "single", "--single-branch", "--branch=side")
    single.git("remote", "set-head", "origin", "--delete")
    scratch.git("checkout", "-q", "trunk")
    for place, where in ((scratch, "refs/heads/trunk"), (single, "refs/remotes/origin/trunk")):
        with GitRepo.discover(place.top) as repo, pytest.raises(RepositoryError) as told:
            repo.default_branch()
        command = str(told.value).partition(" or: ")[2].replace("NAME", "trunk")
        subprocess.run(command, shell=True, cwd=place.top, check=True, capture_output=True)  # noqa: S602 - ours
        with GitRepo.discover(place.top) as repo:
            assert repo.default_branch() == where


def test_merge_bases(scratch: Scratch, tmp_path: Path) -> None:
    base = scratch.commit("base", a="1")
    scratch.git("branch", "side")
    scratch.commit("main", a="2")
    scratch.git("checkout", "-q", "side")
    scratch.commit("side", b="1")
    scratch.git("checkout", "-q", "--orphan", "island")
    scratch.commit("island")
    with GitRepo.discover(scratch.top) as repo:
        assert repo.merge_base("main", "side") == base
        with pytest.raises(RepositoryError, match="unrelated"):
            repo.merge_base("main", "island")
        with pytest.raises(RepositoryError, match="does not name"):
            repo.merge_base("main", "nowhere")
    options = ["--depth=1", "--no-single-branch"]
    shallow = Scratch.clone(f"file://{scratch.top}", tmp_path / "shallow", *options)
    with GitRepo.discover(shallow.top) as repo:
        with pytest.raises(RepositoryError, match="shallow") as cut:
            repo.merge_base("origin/main", "origin/side")
        assert "--unshallow" in str(cut.value)
        assert [c.cut for c in repo.first_parents("origin/main")] == [True]


def test_history_follows_first_parents(scratch: Scratch) -> None:
    root = scratch.commit("root", a="1", b="1")
    scratch.git("checkout", "-q", "-b", "side")
    scratch.commit("on the side", a="2")
    scratch.git("checkout", "-q", "main")
    scratch.commit("elsewhere", b="2")
    scratch.git("merge", "-q", "--no-ff", "-m", "merge: \xe9 \t'quoted'", "side")
    merge = scratch.git("rev-parse", "HEAD")
    scratch.git("config", "log.showSignature", "true")
    with GitRepo.discover(scratch.top) as repo:
        found = repo.commits_touching("HEAD", ["a"])
        assert [c.oid for c in found] == [root, merge]
        assert found[1].subject == "merge: \xe9 \t'quoted'"
        assert found[1].parent == scratch.git("rev-parse", "HEAD^1")
        assert merge.startswith(found[1].short)
        assert found[1].date == scratch.git("log", "-1", "--format=%aI")
        assert [c.oid for c in repo.commits_touching("HEAD", ["a"], since=root)] == [merge]
        assert next(repo.first_parents("HEAD")).oid == merge
        assert len(list(repo.first_parents("HEAD", limit=2))) == 2
        assert [c.oid for c in repo.commits_touching("HEAD", ["*"])] == []


def test_history_of_a_path_ends_where_the_path_began(scratch: Scratch) -> None:
    scratch.put("before", "text\n" * 99)
    scratch.git("config", "log.follow", "true")
    scratch.git("mv", "before", "after")
    renamed = scratch.commit()
    with GitRepo.discover(scratch.top) as repo:
        assert [c.oid for c in repo.commits_touching("HEAD", ["after"])] == [renamed]


def test_history_that_is_left_early_leaves_no_process(scratch: Scratch) -> None:
    for i in range(3):
        scratch.commit(a=str(i))
    with GitRepo.discover(scratch.top) as repo:
        commits = repo.first_parents("HEAD")
        next(commits)
        commits.close()  # type: ignore[attr-defined]
    assert children() == []


def test_a_commit_whose_tree_is_lost(scratch: Scratch) -> None:
    scratch.commit(a="1")
    tree = scratch.git("rev-parse", "HEAD^{tree}")
    scratch.loose(tree).unlink()
    with GitRepo.discover(scratch.top) as repo, pytest.raises(RepositoryError, match=r"tree|missing"):
        repo.tree("HEAD").paths()


def test_replaced_objects_are_read_as_they_are(scratch: Scratch) -> None:
    scratch.commit(a="true")
    true = scratch.git("rev-parse", "HEAD:a")
    false = scratch.git("hash-object", "-w", "--stdin", stdin=b"false")
    scratch.git("replace", true, false)
    with GitRepo.discover(scratch.top) as repo:
        assert repo.tree("HEAD").read("a", 99) == b"true"


def test_no_hook_of_the_repository_runs(scratch: Scratch, tmp_path: Path) -> None:
    hook = scratch.write(".git/hooks/post-index-change", f"#!/bin/sh\ntouch '{tmp_path}/ran'\n")
    hook.chmod(0o755)
    scratch.commit(a="1")
    assert (tmp_path / "ran").exists()
    (tmp_path / "ran").unlink()
    scratch.write("a", "2")
    with GitRepo.discover(scratch.top) as repo, WorkTree.snapshot(repo) as tree:
        assert tree.read("a", 9) == b"2"
    assert not (tmp_path / "ran").exists()


def test_nothing_asks(scratch: Scratch) -> None:
    environment = Git(scratch.top)._environment()
    assert environment["GIT_TERMINAL_PROMPT"] == "0"
    assert environment["LC_ALL"] == "C"


def test_missing_object_names_oid_and_path(scratch: Scratch) -> None:
    scratch.commit(a="lost", b="kept")
    oid = scratch.git("rev-parse", "HEAD:a")
    scratch.loose(oid).unlink()
    with GitRepo.discover(scratch.top) as repo:
        tree = repo.tree("HEAD")
        for look in (tree.content, tree.stored_size, tree.open):
            with pytest.raises(MissingObject, match=rf"{oid} \(a\)"):
                look("a")
        assert tree.read("b", 9) == b"kept"
