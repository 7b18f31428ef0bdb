from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path

import pytest

from smokegate.errors import RepositoryError
from smokegate.sources.directory import DirectoryTree
from smokegate.sources.tree import Content, Kind, Tree
from sources.scratch_git import pointer_to


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root" / "m").mkdir(parents=True)
    (tmp_path / "root" / "m" / "x.onnx").write_bytes(b"model")
    return tmp_path / "root"


def test_what_it_says_of_its_files(root: Path) -> None:
    tree: Tree = DirectoryTree(root)
    assert tree.label == str(root)
    assert list(tree.paths()) == list(tree.paths("m")) == ["m/x.onnx"]
    assert tree.content("m/x.onnx") == Content(hashlib.sha256(b"model").hexdigest(), 5, 5)
    assert tree.stored_size("m/x.onnx") == 5
    assert tree.read("m/x.onnx", 2) == b"mod"
    assert [tree.node(p) for p in ("m", "", "../root/m/x.onnx", "m//x.onnx", str(root / "m/x.onnx"))] == [None] * 5
    with tree.open("m/x.onnx") as file:
        file.seek(1)
        assert file.read() == b"odel"


def test_equal_bytes_have_equal_keys_and_changed_ones_do_not(root: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "y").write_bytes(b"model")
    tree = DirectoryTree(root)
    here, there = tree.node("m/x.onnx"), DirectoryTree(tmp_path / "other").node("y")
    assert here is not None
    assert there is not None
    assert here.key == there.key
    (root / "m" / "x.onnx").write_bytes(b"MODEL")
    again = tree.node("m/x.onnx")
    assert again is not None
    assert again.key != here.key


def test_symlinks_are_never_followed(root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (root / "file").symlink_to(tmp_path / "secret")
    (root / "folder").symlink_to(tmp_path)
    (root / "loop").symlink_to(".")
    (root / "dangling").symlink_to("nowhere")
    tree = DirectoryTree(root)
    assert list(tree.paths()) == ["dangling", "file", "folder", "loop", "m/x.onnx"]
    for path in ("file", "folder", "loop", "dangling"):
        node = tree.node(path)
        assert node is not None
        assert node.kind is Kind.SYMLINK
    for path in ("file", "folder/secret", "loop/m/x.onnx"):
        for look in (tree.content, tree.open, tree.stored_size, lambda p: tree.read(p, 9)):
            with pytest.raises(RepositoryError):
                look(path)


@pytest.mark.parametrize("swap", ["m", "m/x.onnx"])
def test_a_symlink_put_in_place_after_the_listing_is_not_followed(root: Path, tmp_path: Path, swap: str) -> None:
    tree = DirectoryTree(root)
    assert list(tree.paths()) == ["m/x.onnx"]
    elsewhere = tmp_path / "elsewhere"
    (root / swap).rename(elsewhere)
    (root / swap).symlink_to(elsewhere)
    with pytest.raises(RepositoryError, match="cannot be read"):
        tree.read("m/x.onnx", 9)


def test_special_files_never_block(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = DirectoryTree(root)
    assert list(tree.paths()) == ["m/x.onnx"]
    (root / "m" / "x.onnx").unlink()
    os.mkfifo(root / "m" / "x.onnx")
    with pytest.raises(RepositoryError, match="not a regular file"):
        tree.read("m/x.onnx", 9)
    monkeypatch.chdir(root)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        assert list(DirectoryTree(root).paths()) == []
        assert DirectoryTree(root).node("m/x.onnx") is None


def test_git_folders_are_not_content(root: Path) -> None:
    for place in (".git", "m/.git"):
        (root / place).mkdir()
        (root / place / "config").write_text("x")
    (root / ".github").mkdir()
    (root / ".github" / "x.yml").write_text("x")
    assert list(DirectoryTree(root).paths()) == [".github/x.yml", "m/x.onnx"]


def test_names_that_are_not_utf8(root: Path) -> None:
    names = [b"\xff\xfe", b"new\nline", b"-dash", b'"']
    for name in names:
        Path(os.fsdecode(bytes(root) + b"/" + name)).write_bytes(name)
    tree = DirectoryTree(root)
    for name in names:
        assert tree.read(name.decode("utf-8", "surrogateescape"), 99) == name


def test_pointers_have_no_store(root: Path) -> None:
    (root / "p").write_bytes(pointer_to(b"data"))
    (root / "bad").write_bytes(pointer_to(b"data").rstrip())
    tree = DirectoryTree(root)
    content = tree.content("p")
    assert (content.digest, content.size, content.seen) == (hashlib.sha256(b"data").hexdigest(), 4, False)
    assert tree.content("bad").pointer_fault
    with pytest.raises(RepositoryError, match="pointer"):
        tree.open("p")


def test_an_absent_folder(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="not a folder"):
        DirectoryTree(tmp_path / "absent")
