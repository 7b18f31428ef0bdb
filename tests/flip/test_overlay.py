"""A tree with files written over it is the tree that git would have."""

from __future__ import annotations

import pytest

from forge import Forge
from smokegate.review.flip_overlay import Overlay
from smokegate.sources.git import GitRepo
from smokegate.sources.git_tree import GitTree

WRITTEN: dict[str, bytes | None] = {
    "model/tiny/registry.json": b'{"models": []}\n',
    "model/tiny/new.json": b"{}",
    "model/tiny/alpha_v1.json": None,
    "model/tiny/link.json": b"a file now",
}


@pytest.mark.parametrize("objects", ["sha1", "sha256"])
def test_it_tells_what_a_commit_of_the_same_files_tells(forge: Forge, objects: str) -> None:
    forge.git("init", "-q", "--object-format", objects, "other")
    forge.root /= "other"
    forge.add("alpha_v1")
    forge.link("link.json", "alpha_v1.json")
    first = forge.commit()
    for path, data in WRITTEN.items():
        if data is None:
            forge.delete(f"/{path}")
        else:
            forge.path(f"/{path}").unlink(missing_ok=True)
            forge.write(f"/{path}", data)
    second = forge.commit(save=False)
    with GitRepo.discover(forge.root) as repo:
        base, real = repo.tree(first), repo.tree(second)
        assert isinstance(base, GitTree)
        made = Overlay(base, WRITTEN)
        assert sorted(made.paths()) == sorted(real.paths())
        assert sorted(made.paths("model/tiny")) == sorted(real.paths("model/tiny"))
        assert made.differs_from(base) == real.differs_from(base) == frozenset(WRITTEN)
        assert made.symlinks() == real.symlinks() == frozenset()
        for path in [*real.paths(), *WRITTEN]:
            assert made.node(path) == real.node(path)
        for path in real.paths():
            assert made.content(path) == real.content(path)
            assert made.read(path, 1 << 20) == real.read(path, 1 << 20)
            assert made.stored_size(path) == real.stored_size(path)
            with made.open(path) as ours, real.open(path) as theirs:
                assert ours.read() == theirs.read()
