from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from smokegate.errors import RepositoryError
from smokegate.sources.git import GitRepo
from smokegate.sources.tree import Content, Kind, Tree
from smokegate.sources.worktree import WorkTree
from sources.scratch_git import Scratch, children, pointer_to

LFS_CLEAN = """
import hashlib, sys
data = sys.stdin.buffer.read()
sys.stdout.write("version https://git-lfs.github.com/spec/v1\\n")
sys.stdout.write(f"oid sha256:{hashlib.sha256(data).hexdigest()}\\nsize {len(data)}\\n")
"""


def snapshot(scratch: Scratch, *new_in: str) -> dict[str, bytes]:
    """What the working tree would be stored as, held to what git really stores, with nothing changed by looking."""
    before = scratch.state()
    with GitRepo.discover(scratch.top) as repo, WorkTree.snapshot(repo, new_in or None) as tree:
        found = {path: body(tree, path) for path in tree.paths()}
        oid = tree.oid
    assert scratch.state() == before
    assert children() == []
    if not new_in:
        scratch.git("add", "-A", env={"GIT_INDEX_FILE": copy_of_index(scratch)})
        assert oid == scratch.git("write-tree", env={"GIT_INDEX_FILE": str(scratch.top / ".git" / "index.copy")})
    return found


def copy_of_index(scratch: Scratch) -> str:
    copy = scratch.top / ".git" / "index.copy"
    if (scratch.top / ".git" / "index").exists():
        shutil.copy2(scratch.top / ".git" / "index", copy)
    return str(copy)


def body(tree: Tree, path: str) -> bytes:
    node = tree.node(path)
    assert node is not None
    return tree.read(path, 1 << 20) if node.kind is Kind.FILE else node.kind.value.encode()


def test_modified_new_deleted_ignored_and_staged(scratch: Scratch) -> None:
    scratch.commit(kept="1", changed="1", gone="1", **{".gitignore": "ignored\nbuild/\n"})
    scratch.write("changed", "2")
    scratch.write("new/file", "new")
    scratch.write("ignored", "x")
    scratch.write("build/tracked-anyway", "1")
    scratch.git("add", "-f", "build/tracked-anyway")
    scratch.write("build/tracked-anyway", "2")
    scratch.write("build/more", "x")
    (scratch.top / "gone").unlink()
    assert snapshot(scratch) == {
        ".gitignore": b"ignored\nbuild/\n",
        "build/tracked-anyway": b"2",
        "changed": b"2",
        "kept": b"1",
        "new/file": b"new",
    }


def test_new_files_only_where_they_are_asked_for_and_every_change_of_a_tracked_one(scratch: Scratch) -> None:
    scratch.commit(a="1", **{"m/x": "1", "m/y": "1"})
    for path in ("a", "m/x", "m/new", "*", "other"):
        scratch.write(path, "2")
    (scratch.top / "m" / "y").unlink()
    tracked = {"a": b"2", "m/x": b"2"}
    assert snapshot(scratch, "m", "absent", "-f", "build") == {**tracked, "m/new": b"2"}
    assert snapshot(scratch, "*") == {**tracked, "*": b"2"}
    with GitRepo.discover(scratch.top) as repo, WorkTree.snapshot(repo, []) as tree:
        assert set(tree.paths()) == {"a", "m/x"}
        assert tree.label == "working tree"


def test_a_new_file_that_is_not_asked_for_is_not_even_read(scratch: Scratch) -> None:
    scratch.commit(**{"m/x": "1"})
    os.mkfifo(scratch.top / "pipe")
    scratch.write("huge.mkv", "x")
    (scratch.top / "huge.mkv").chmod(0)
    assert snapshot(scratch, "m") == {"m/x": b"1"}


def test_files_and_folders_change_places(scratch: Scratch, tmp_path: Path) -> None:
    scratch.commit(file="1", **{"folder/x": "1", "linked/x": "1"})
    (scratch.top / "file").unlink()
    scratch.write("file/inside", "2")
    for folder in ("folder", "linked"):
        shutil.rmtree(scratch.top / folder)
    scratch.write("folder", "2")
    (scratch.top / "linked").symlink_to(tmp_path)
    assert snapshot(scratch) == {"file/inside": b"2", "folder": b"2", "linked": b"symlink"}


def test_names_that_break_parsers(scratch: Scratch) -> None:
    scratch.commit()
    names = [b"new\nline", b'"quoted"', b"-dash", b"\xff\xfe", b" lead", b"*", b":!x", b"caf\xc3\xa9"]
    for name in names:
        scratch.write(os.fsdecode(name), "1")
    found = snapshot(scratch)
    assert {name.encode("utf-8", "surrogateescape") for name in found} == set(names)
    with GitRepo.discover(scratch.top) as repo:
        assert set(WorkTree.candidates(repo)) == set(found)


def test_before_the_first_commit(scratch: Scratch) -> None:
    scratch.write("a", "1")
    assert snapshot(scratch) == {"a": b"1"}


def test_intent_to_add(scratch: Scratch) -> None:
    scratch.commit()
    scratch.write("a", "1")
    scratch.write("b", "1")
    scratch.git("add", "-N", "a", "b")
    (scratch.top / "b").unlink()
    assert snapshot(scratch) == {"a": b"1"}


@pytest.mark.parametrize("new_in", [(), ("other",)])
def test_unmerged_entries_are_the_file_as_it_lies_there(scratch: Scratch, new_in: tuple[str, ...]) -> None:
    scratch.commit(a="base", gone="base")
    scratch.git("checkout", "-q", "-b", "side")
    scratch.commit(a="theirs", gone="theirs")
    scratch.git("checkout", "-q", "main")
    scratch.git("rm", "-q", "gone")
    scratch.commit(a="ours")
    with pytest.raises(AssertionError):
        scratch.git("merge", "side")
    (scratch.top / "gone").unlink(missing_ok=True)
    found = snapshot(scratch, *new_in)
    assert b"<<<<<<<" in found["a"]
    assert "gone" not in found


def test_line_endings_and_modes(scratch: Scratch) -> None:
    scratch.commit(**{".gitattributes": "*.txt text\n", "b.bin": "\r\n\0"})
    scratch.git("config", "core.autocrlf", "true")
    scratch.git("config", "core.safecrlf", "true")
    scratch.write("a.txt", "one\r\ntwo\r\n")
    scratch.write("b.bin", b"\0\r\n")
    scratch.write("run", "x").chmod(0o755)
    scratch.git("config", "core.safecrlf", "false")
    found = snapshot(scratch)
    assert (found["a.txt"], found["b.bin"]) == (b"one\ntwo\n", b"\0\r\n")


def test_submodules_and_repositories_inside(scratch: Scratch) -> None:
    inner = Scratch(scratch.top / "sub")
    first = inner.commit(x="1")
    scratch.commit(a="1")
    assert scratch.git("rev-parse", "HEAD:sub") == first
    second = inner.commit(x="2")
    inner.write("dirt", "x")
    Scratch(scratch.top / "fresh").commit(y="1")
    found = snapshot(scratch)
    assert found == {"a": b"1", "fresh": b"submodule", "sub": b"submodule"}
    with GitRepo.discover(scratch.top) as repo, WorkTree.snapshot(repo) as tree:
        node = tree.node("sub")
        assert node is not None
        assert node.key == second
        assert tree.node("sub/x") is None


def test_a_repository_inside_that_has_no_commits_is_left_out(scratch: Scratch) -> None:
    scratch.commit(a="1")
    Scratch(scratch.top / "empty").write("x", "1")
    with GitRepo.discover(scratch.top) as repo, WorkTree.snapshot(repo) as tree:
        assert list(tree.paths()) == ["a"]


@pytest.mark.parametrize("cone", ["--cone", "--no-cone"])
def test_sparse_checkouts_keep_what_is_not_there(scratch: Scratch, cone: str) -> None:
    scratch.commit(**{"a/x": "1", "b/x": "1", "b/y": "1"})
    scratch.git("sparse-checkout", "set", cone, "a")
    assert not (scratch.top / "b" / "x").exists()
    scratch.write("a/x", "2")
    before = scratch.state()
    with GitRepo.discover(scratch.top) as repo, WorkTree.snapshot(repo) as tree:
        assert {p: body(tree, p) for p in tree.paths()} == {"a/x": b"2", "b/x": b"1", "b/y": b"1"}
    scratch.write("b/x", "2")
    with GitRepo.discover(scratch.top) as repo, WorkTree.snapshot(repo) as tree:
        assert tree.read("b/x", 9) == b"2"
    (scratch.top / "b" / "x").unlink()
    (scratch.top / "b").rmdir()
    assert {k: v for k, v in scratch.state().items() if ".git" in k} == {k: v for k, v in before.items() if ".git" in k}


def test_split_index_untracked_cache_and_fsmonitor(scratch: Scratch) -> None:
    scratch.commit(a="1")
    scratch.git("config", "core.splitIndex", "true")
    scratch.git("config", "core.untrackedCache", "true")
    scratch.git("update-index", "--split-index", "--untracked-cache")
    ran = scratch.write(".git/monitor", "#!/bin/sh\ntouch .git/monitor-ran\n")
    ran.chmod(0o755)
    scratch.write("a", "2")
    scratch.write("b", "1")
    assert snapshot(scratch) == {"a": b"2", "b": b"1"}
    scratch.git("config", "core.fsmonitor", str(ran))
    with GitRepo.discover(scratch.top) as repo, WorkTree.snapshot(repo) as tree:
        assert tree.read("a", 9) == b"2"
    assert not (scratch.top / ".git" / "monitor-ran").exists()


def test_same_size_and_time_is_still_seen_as_changed(scratch: Scratch) -> None:
    """A racy file: written again in the same tick as the index, which then cannot know."""
    scratch.git("config", "core.trustctime", "false")
    place = scratch.write("a", "1")
    at = place.stat().st_mtime_ns - 60 * 10**9
    os.utime(place, ns=(at, at))
    scratch.git("add", "a")
    place.write_bytes(b"2")
    os.utime(place, ns=(at, at))
    os.utime(scratch.top / ".git" / "index", ns=(at, at))
    assert snapshot(scratch) == {"a": b"2"}


def test_fifos_are_not_files(scratch: Scratch) -> None:
    scratch.commit(a="1")
    os.mkfifo(scratch.top / "pipe")
    assert snapshot(scratch) == {"a": b"1"}


def lfs(scratch: Scratch, clean: str = LFS_CLEAN, required: str = "true") -> None:
    program = scratch.write(".git/clean.py", clean)
    scratch.git("config", "filter.lfs.clean", f"'{sys.executable}' -S -E '{program}'")
    scratch.git("config", "filter.lfs.smudge", "cat")
    scratch.git("config", "filter.lfs.required", required)
    scratch.write(".gitattributes", "*.onnx filter=lfs -text\n")


def test_an_lfs_file_is_its_pointer_and_at_hand(scratch: Scratch) -> None:
    scratch.commit()
    lfs(scratch)
    data = os.urandom(3 << 20)
    scratch.write("m/x.onnx", data)
    before = scratch.state()
    with GitRepo.discover(scratch.top) as repo, WorkTree.snapshot(repo) as tree:
        assert tree.read("m/x.onnx", 9999) == pointer_to(data)
        content = tree.content("m/x.onnx")
        assert (content.digest, content.size, content.seen) == (hashlib.sha256(data).hexdigest(), len(data), True)
        with tree.open("m/x.onnx") as file:
            assert file.read() == data
    assert scratch.state() == before
    scratch.commit()
    with GitRepo.discover(scratch.top) as repo:
        assert not repo.tree("HEAD").content("m/x.onnx").seen


def test_a_bare_pointer_in_the_working_tree_is_not_at_hand(scratch: Scratch, tmp_path: Path) -> None:
    scratch.write("p.onnx", pointer_to(b"elsewhere"))
    with GitRepo.discover(scratch.top) as repo, WorkTree.snapshot(repo) as tree:
        content = tree.content("p.onnx")
        assert (content.pointer is not None, content.seen) == (True, False)


@pytest.mark.parametrize("clean", ["raise SystemExit(1)", "import os; os.kill(os.getpid(), 9)"])
def test_a_required_filter_that_fails(scratch: Scratch, clean: str) -> None:
    scratch.commit()
    lfs(scratch, clean)
    scratch.write("x.onnx", "x")
    with (
        GitRepo.discover(scratch.top) as repo,
        pytest.raises(RepositoryError, match=r"clean filter failed.*lfs"),
        WorkTree.snapshot(repo),
    ):
        pass


def test_a_filter_that_may_fail_stores_the_bytes(scratch: Scratch) -> None:
    scratch.commit()
    lfs(scratch, "raise SystemExit(1)", "false")
    scratch.write("x.onnx", "x")
    assert snapshot(scratch)["x.onnx"] == b"x"


def test_big_files_stream_and_content_is_shared(scratch: Scratch) -> None:
    data = os.urandom(3 << 20)
    scratch.put("old", data)
    scratch.write("new", data + b"!")
    with GitRepo.discover(scratch.top) as repo, WorkTree.snapshot(repo) as tree:
        assert tree.content("new") == Content(hashlib.sha256(data + b"!").hexdigest(), len(data) + 1, len(data) + 1)
        tree.content("old")
        assert tree.node("old") == repo.tree("HEAD").node("old")
        assert len(repo.blobs.known) == 2


def test_the_repository_has_alternates_and_an_odd_place(tmp_path: Path) -> None:
    source = Scratch(tmp_path / "source")
    source.commit(a="1")
    clone = Scratch.clone(str(source.top), tmp_path / 'o:d "d\n é', "--shared")
    clone.write("b", "2")
    assert snapshot(clone) == {"a": b"1", "b": b"2"}


@pytest.mark.parametrize("prepare", ["sha256", "linked", "partial"])
def test_other_repositories(tmp_path: Path, prepare: str) -> None:
    source = Scratch(tmp_path / "source", *(["--object-format=sha256"] if prepare == "sha256" else []))
    source.commit("one", old="1", a="1")
    source.commit("two", a="2")
    top = tmp_path / "other"
    ways: dict[str, Callable[[], object]] = {
        "sha256": lambda: source.git("worktree", "add", "-q", str(top)),
        "linked": lambda: source.git("worktree", "add", "-q", str(top)),
        "partial": lambda: (
            source.git("config", "uploadpack.allowFilter", "true"),
            Scratch.clone(f"file://{source.top}", top, "--filter=blob:none", "--no-checkout").git("read-tree", "HEAD"),
            shutil.move(source.top, tmp_path / "away"),
        ),
    }
    ways[prepare]()
    (top / "a").write_text("3")
    (top / "old").write_text("1")
    with GitRepo.discover(top) as repo, WorkTree.snapshot(repo, []) as tree:
        assert tree.read("a", 9) == b"3"
        assert set(tree.paths()) == {"a", "old"}


def test_a_bare_repository_has_no_working_tree(scratch: Scratch, tmp_path: Path) -> None:
    bare = Scratch.clone(str(scratch.top), tmp_path / "bare", "--bare")
    with GitRepo.discover(bare.top) as repo:
        with pytest.raises(RepositoryError, match="bare"), WorkTree.snapshot(repo):
            pass
        with pytest.raises(RepositoryError, match="bare"):
            WorkTree.candidates(repo)


def test_candidates(scratch: Scratch) -> None:
    scratch.commit(a="1", gone="1", **{"m/registry.json": "{}", ".gitignore": "junk\n"})
    (scratch.top / "gone").unlink()
    scratch.write("m/new.onnx", "1")
    scratch.write("junk", "1")
    with GitRepo.discover(scratch.top) as repo:
        assert sorted(WorkTree.candidates(repo)) == [".gitignore", "a", "m/new.onnx", "m/registry.json"]


def test_nothing_is_left_behind(scratch: Scratch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "t"))
    scratch.write("a", "1")
    with GitRepo.discover(scratch.top) as repo, pytest.raises(KeyError), WorkTree.snapshot(repo) as tree:
        raise KeyError(tree.read("a", 1))
    assert list((tmp_path / "t").iterdir()) == []
