"""Bytes of git trees as plain files: what they mean, no link, and nothing from where nobody pointed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from forge import Forge, sha256
from smokegate.errors import SmokegateError
from smokegate.github.measuring.laying_out import corpus, lay_out, scratch
from smokegate.sources.git import GitRepo
from smokegate.sources.tree import Pointer


@dataclass
class Fetched:
    """Objects that come, or do not."""

    store: Path
    there: dict[str, bytes] = field(default_factory=dict)

    def bring(self, pointers: Iterable[Pointer]) -> Iterator[tuple[Pointer, str]]:
        for one in pointers:
            if one.oid not in self.there:
                yield one, "the server has none"
                continue
            place = self.store / "lfs" / "objects" / one.oid[:2] / one.oid[2:4] / one.oid
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(self.there[one.oid])


@pytest.fixture
def repo(forge: Forge) -> Iterator[GitRepo]:
    forge.add("alpha_v1")
    forge.write("/data/a.jsonl", "a\n")
    forge.write("/data/deep/b.jsonl", "b\n")
    forge.write("/data/big.bin", b"large " * 100)
    forge.link("/data/link", "/etc/passwd")
    forge.link("/elsewhere", "/etc")
    forge.write("/.gitattributes", "*.jsonl text eol=crlf\n*.onnx filter=evil\n")
    forge.to_lfs("/data/big.bin", at_hand=False)
    forge.start()
    with GitRepo.discover(forge.root) as repo:
        yield repo


def test_a_folder_comes_whole_but_for_its_links(repo: GitRepo, tmp_path: Path) -> None:
    tree = repo.tree("HEAD")
    data = b"large " * 100
    lfs = Fetched(repo.common_dir, {sha256(data): data})
    found = corpus(tree, "data", None, tmp_path / "out", lfs)  # type: ignore[arg-type]
    files = {one.relative_to(found).as_posix(): one.read_bytes() for one in found.rglob("*") if one.is_file()}
    assert files == {"a.jsonl": b"a\n", "deep/b.jsonl": b"b\n", "big.bin": data}


def test_an_object_that_does_not_come_is_an_error(repo: GitRepo, tmp_path: Path) -> None:
    with pytest.raises(SmokegateError, match="1 LFS objects did not come: the server has none"):
        corpus(repo.tree("HEAD"), "data", None, tmp_path, Fetched(repo.common_dir))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["data/link", "elsewhere"])
def test_a_link_is_no_corpus(repo: GitRepo, tmp_path: Path, name: str) -> None:
    with pytest.raises(SmokegateError, match="is no plain file on the target branch"):
        corpus(repo.tree("HEAD"), name, str(tmp_path), tmp_path / "out", None)
    assert not (tmp_path / "out" / name).exists()


def test_what_git_does_not_have_comes_from_the_runners_folder(repo: GitRepo, tmp_path: Path) -> None:
    (tmp_path / "sets").mkdir()
    tree = repo.tree("HEAD")
    assert corpus(tree, "sets", str(tmp_path), tmp_path / "out", None) == tmp_path / "sets"
    for data, told in ((None, "names no folder on this machine"), (str(tmp_path / "sets"), "there is no corpus")):
        with pytest.raises(SmokegateError, match=told):
            corpus(tree, "sets", data, tmp_path / "out", None)


def test_a_scratch_tree_has_git_at_peace_with_what_is_not_there(repo: GitRepo, forge: Forge, tmp_path: Path) -> None:
    """No filter and no end of line of the tree's own touches a byte, and no hook of anybody's runs."""
    paths = ["model/tiny/registry.json", "model/tiny/alpha_v1.onnx", "data/link", "data/a.jsonl"]
    folder = scratch(repo, forge.base, tmp_path / "scratch", paths, None)
    there = sorted(
        one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file() and ".git" not in one.parts
    )
    assert there == ["data/a.jsonl", "model/tiny/alpha_v1.onnx", "model/tiny/registry.json"]
    assert (folder / "data/a.jsonl").read_bytes() == b"a\n"
    assert (folder / "model/tiny/alpha_v1.onnx").read_bytes() == forge.path("alpha_v1.onnx").read_bytes()
    head = subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert head.stdout.strip() == forge.base


def test_nothing_is_written_over(repo: GitRepo, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.jsonl").symlink_to(tmp_path / "precious")
    with pytest.raises(FileExistsError):
        lay_out(repo.tree("HEAD"), ["data/a.jsonl"], tmp_path, None)
    assert not (tmp_path / "precious").exists()
