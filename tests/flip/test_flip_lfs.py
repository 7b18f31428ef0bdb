"""In a working tree whose models git-lfs keeps: what a flip writes is added as a pointer, or nothing is written."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from forge import Forge, passes, sha256
from github_side.promotions import MEMBERS, NAME
from github_side.test_promote_local import ensemble, promote
from smokegate.review.flip_overlay import Overlay
from smokegate.sources.attributes import having
from smokegate.sources.command import Git
from smokegate.sources.git import GitRepo
from smokegate.sources.git_tree import GitTree
from smokegate.sources.lfs import pointer_to, written

__all__ = ["ensemble"]

CLEAN = """
import hashlib, pathlib, sys
data = sys.stdin.buffer.read()
oid = hashlib.sha256(data).hexdigest()
place = pathlib.Path(".git/lfs/objects", oid[:2], oid[2:4], oid)
place.parent.mkdir(parents=True, exist_ok=True)
place.write_bytes(data)
sys.stdout.write(f"version https://git-lfs.github.com/spec/v1\\noid sha256:{oid}\\nsize {len(data)}\\n")
"""
"""What `git-lfs clean` does."""


def set_up(forge: Forge) -> None:
    program = forge.root / ".git" / "clean.py"
    program.write_text(CLEAN)
    forge.git("config", "filter.lfs.clean", f"'{sys.executable}' -S -E '{program}'")
    forge.git("config", "filter.lfs.required", "true")


def test_models_are_added_as_pointers_or_not_written_at_all(ensemble: Forge) -> None:
    ensemble.git("switch", "-q", "main")
    set_up(ensemble)
    ensemble.write("/.gitattributes", "*.onnx filter=lfs diff=lfs merge=lfs -text\n")
    ensemble.git("add", "--renormalize", ".")
    ensemble.start()
    ensemble.git("switch", "-q", "-C", "topic")
    for setting in ("filter.lfs.clean", "filter.lfs.required"):
        ensemble.git("config", "--unset", setting)
    before = {member: ensemble.path(f"{member}.onnx").read_bytes() for member in MEMBERS}
    code, said = promote(ensemble, "--local", NAME)
    assert code == 2 and "git-lfs, which is not set up here" in said and "git lfs install" in said, said
    assert {member: ensemble.path(f"{member}.onnx").read_bytes() for member in MEMBERS} == before
    assert not ensemble.path(f"{NAME}_PROMOTE.json").exists()
    set_up(ensemble)
    code, said = promote(ensemble, "--local", NAME)
    assert code == 0 and "went to production" in said, said
    ensemble.registry = ensemble.read_json("registry.json")
    passes(ensemble.judged())
    for member in MEMBERS:
        data = ensemble.path(f"{member}.onnx").read_bytes()
        assert sha256(data) == ensemble.entry(member)["sha256"] != sha256(before[member])
        stored = ensemble.git("cat-file", "blob", f"HEAD:model/tiny/{member}.onnx").encode() + b"\n"
        assert stored == written(pointer_to(data))


@pytest.mark.parametrize("bare", [True, False])
def test_attributes_are_read_as_git_reads_them(forge: Forge, tmp_path: Path, bare: bool) -> None:
    forge.write(
        "/.gitattributes", "[attr]model filter=lfs -text\n*.onnx model\nweights/** filter=lfs\nx.onnx -filter\n"
    )
    forge.write("/plain/.gitattributes", "*.onnx filter=other\n")
    forge.write("/\u00e9t\u00e9/.gitattributes", '"a b.bin" filter=lfs\n')
    commit = forge.commit()
    forge.write("/.gitattributes", "* filter=lfs\n")  # in the working tree alone
    git = Git(forge.root)
    if bare:
        forge.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
        git = Git(tmp_path / "bare.git")
    kept = {"a.onnx", "deep/er/a.onnx", "weights/a/b", "\u00e9t\u00e9/a b.bin", "new\nline.onnx", "-a.onnx"}
    others = {"x.onnx", "plain/a.onnx", "a.onnx.json", "\u00e9t\u00e9/b.bin", ".gitattributes"}
    assert having(git, commit, kept | others, "filter", "lfs") == kept
    assert having(git, commit, (), "filter", "lfs") == frozenset()


def test_the_tree_as_it_would_be_is_the_one_that_git_makes(forge: Forge) -> None:
    forge.write("/.gitattributes", "*.onnx filter=lfs\n")
    forge.add("alpha_v1")
    first = forge.commit()
    data = {"alpha_v1.onnx": b"weights" * 99, "empty.onnx": b"", "alpha_v1.json": b"{}"}
    files: dict[str, bytes | None] = {f"model/tiny/{name}": content for name, content in data.items()}
    for name, content in data.items():
        forge.write(name, content)
    forge.to_lfs("alpha_v1.onnx")
    second = forge.commit(save=False)
    with GitRepo.discover(forge.root) as repo:
        base, real = repo.tree(first), repo.tree(second)
        assert isinstance(base, GitTree)
        made = Overlay(base, files)
        assert made.differs_from(base) == real.differs_from(base)
        assert made.objects == {"model/tiny/alpha_v1.onnx": data["alpha_v1.onnx"]}
        for path in files:
            assert made.node(path) == real.node(path)
            assert made.content(path) == real.content(path)
            assert made.content(path).seen
            assert made.read(path, 1 << 20) == real.read(path, 1 << 20) == made.stored(path)
            assert made.stored_size(path) == real.stored_size(path)
            with made.open(path) as ours, real.open(path) as theirs:
                assert ours.read() == theirs.read()
