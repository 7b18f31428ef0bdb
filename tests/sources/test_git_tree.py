from __future__ import annotations

import hashlib
import io
import os
import shutil
import signal
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from smokegate.errors import MissingObject, RepositoryError
from smokegate.sources.cat_file import CatFile
from smokegate.sources.command import Git
from smokegate.sources.git import GitRepo
from smokegate.sources.tree import Content, Kind, Node, Tree
from sources.scratch_git import Scratch, children, pointer_to


@pytest.fixture
def repo(scratch: Scratch) -> Iterator[GitRepo]:
    with GitRepo.discover(scratch.top) as repo:
        yield repo
    assert children() == []


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def bare_of(scratch: Scratch, place: Path) -> Scratch:
    return Scratch.clone(str(scratch.top), place, "--bare")


def test_what_a_tree_says_of_its_files(scratch: Scratch, repo: GitRepo) -> None:
    head = scratch.put("m/x.onnx", b"\0model")
    tree: Tree = repo.tree("HEAD")
    assert tree.label == head[:12]
    assert list(tree.paths()) == ["m/x.onnx"]
    assert list(tree.paths("m")) == ["m/x.onnx"]
    assert list(tree.paths("m/x")) == []
    assert tree.node("m/x.onnx") == Node("m/x.onnx", Kind.FILE, scratch.git("rev-parse", "HEAD:m/x.onnx"))
    assert [tree.node(path) for path in ("m", "", "m/", "./m/x.onnx", "m/../m/x.onnx", "absent")] == [None] * 6
    assert tree.stored_size("m/x.onnx") == 6
    assert tree.content("m/x.onnx") == Content(sha256(b"\0model"), 6, 6)
    with tree.open("m/x.onnx") as file:
        assert file.seek(1) == 1
        assert file.read() == b"model"


def test_reading_is_bounded(scratch: Scratch, repo: GitRepo) -> None:
    scratch.put("a", b"12345")
    scratch.put("big", bytes(9 << 20))
    scratch.put("empty", b"")
    tree = repo.tree("HEAD")
    assert [tree.read("a", limit) for limit in (0, 4, 5, 6)] == [b"1", b"12345", b"12345", b"12345"]
    assert tree.read("big", 100) == bytes(101)
    assert tree.read("big", 2 << 20) == bytes((2 << 20) + 1)
    assert tree.read("a", 9) == b"12345"
    assert tree.read("empty", 9) == b""
    assert tree.content("empty").digest == sha256(b"")


def test_names_that_break_parsers(scratch: Scratch, repo: GitRepo) -> None:
    names = [
        b"new\nline",
        b"quo\"te's",
        b"-dash",
        b"--exec=x",
        b"tab\there",
        b"\xff\xfe.onnx",
        b"caf\xc3\xa9",
        b":(top)x",
    ]
    names += [b"*.onnx", b"\\back", b" lead", b"trail ", b"a\xcc\x81", b"d\n/\x80/-f"]
    for number, name in enumerate(names):
        scratch.write(os.fsdecode(name), str(number))
    scratch.commit()
    tree = repo.tree("HEAD")
    assert {name.encode("utf-8", "surrogateescape") for name in tree.paths()} == set(names)
    for number, name in enumerate(names):
        path = os.fsdecode(name)
        assert tree.read(path, 9) == str(number).encode()
        assert [c.subject for c in repo.commits_touching("HEAD", [path])] == ["a change"]


def test_forty_files_with_special_modes(scratch: Scratch, repo: GitRepo) -> None:
    oid = scratch.git("hash-object", "-w", "--stdin", stdin=b"target")
    commit = scratch.commit()
    modes = {"100644": Kind.FILE, "100755": Kind.FILE, "120000": Kind.SYMLINK, "160000": Kind.SUBMODULE}
    rows = {f"f{i}": (mode, modes[mode]) for i, mode in enumerate(list(modes) * 10)}
    listing = "".join(f"{m} {commit if m == '160000' else oid}\t{p}\n" for p, (m, _) in rows.items())
    scratch.git("update-index", "--index-info", stdin=listing.encode())
    scratch.git("commit", "-qm", "modes")
    tree = repo.tree("HEAD")
    for path, (_, kind) in rows.items():
        node = tree.node(path)
        assert node is not None
        assert node.kind is kind
        if kind is Kind.FILE:
            assert tree.read(path, 9) == b"target"
        else:
            for look in (tree.content, tree.open, tree.stored_size, lambda p: tree.read(p, 9)):
                with pytest.raises(RepositoryError, match=f"{path} is a {kind.value}"):
                    look(path)


def test_a_folder_that_is_a_symlink_has_nothing_below_it(scratch: Scratch, repo: GitRepo, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.onnx").write_bytes(b"outside")
    (scratch.top / "models").symlink_to(tmp_path / "outside")
    scratch.commit()
    tree = repo.tree("HEAD")
    assert list(tree.paths()) == ["models"]
    assert tree.node("models/x.onnx") is None
    with pytest.raises(RepositoryError, match="not a file"):
        tree.read("models/x.onnx", 9)


def test_one_blob_is_digested_once_over_trees_and_commits(
    scratch: Scratch, repo: GitRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch.commit("one", a="same", b="same")
    scratch.commit("two", c="same", d="other")
    asked: list[str] = []
    ask = CatFile.ask

    def noted(self: CatFile, oids: list[str]) -> None:
        asked.extend(oids)
        ask(self, oids)

    monkeypatch.setattr(CatFile, "ask", noted)
    for rev in ("HEAD", "HEAD~"):
        tree = repo.tree(rev)
        assert {tree.content(path).digest for path in tree.paths()} >= {sha256(b"same")}
    assert sorted(asked) == sorted({scratch.git("rev-parse", f"HEAD:{p}") for p in "cd"})


@pytest.mark.parametrize("packed", [False, True])
def test_big_blobs_stream(scratch: Scratch, tmp_path: Path, packed: bool) -> None:
    data = os.urandom(3 << 20) + bytes(3 << 20)
    scratch.put("big", data)
    scratch.put("big2", data + b"!")
    if packed:
        scratch.git("gc", "-q")
    bare = bare_of(scratch, tmp_path / "bare")
    with GitRepo.discover(bare.top) as repo:
        tree = repo.tree("HEAD")
        tree.prefetch(tree.paths())
        assert [tree.content(path).digest for path in ("big", "big2")] == [sha256(data), sha256(data + b"!")]
        with tree.open("big") as file:
            assert file.read() == data
    assert children() == []


def test_prefetch_says_what_content_says(scratch: Scratch, tmp_path: Path) -> None:
    for number in range(600):
        scratch.write(f"small/{number}", str(number))
    for number in range(3):
        scratch.write(f"big/{number}", bytes([number]) * (1 << 20))
    scratch.write("pointer", pointer_to(b"x"))
    scratch.commit()
    bare = bare_of(scratch, tmp_path / "bare")
    with GitRepo.discover(bare.top) as ahead, GitRepo.discover(bare.top) as plain:
        fast, slow = ahead.tree("HEAD"), plain.tree("HEAD")
        fast.prefetch([*fast.paths(), "absent"])
        assert len(ahead.blobs.known) == len(fast.paths())
        assert [fast.content(p) for p in fast.paths()] == [slow.content(p) for p in slow.paths()]


def test_prefetch_leaves_errors_to_the_read_that_needs_it(scratch: Scratch, repo: GitRepo) -> None:
    scratch.commit(a="a", b="b")
    lost = scratch.git("rev-parse", "HEAD:a")
    scratch.loose(lost).unlink()
    tree = repo.tree("HEAD")
    tree.prefetch(tree.paths())
    assert tree.content("b").digest == sha256(b"b")
    with pytest.raises(MissingObject):
        tree.content("a")


def test_the_working_file_stands_in_only_under_the_blobs_own_name(scratch: Scratch, repo: GitRepo) -> None:
    data = os.urandom(2 << 20)
    scratch.put("m", data)
    scratch.write("m", data[:-1] + bytes([data[-1] ^ 1]))
    assert repo.tree("HEAD").content("m").digest == sha256(data)
    (scratch.top / "m").unlink()
    os.mkfifo(scratch.top / "m")
    with GitRepo.discover(scratch.top) as again:
        assert again.tree("HEAD").content("m").digest == sha256(data)


def damaged(scratch: Scratch, how: str) -> str:
    data = os.urandom(3 << 20)
    scratch.put("m", data)
    oid = scratch.git("rev-parse", "HEAD:m")
    place = scratch.loose(oid)
    place.chmod(0o644)
    raw = place.read_bytes()
    header = f"blob {len(data)}\0".encode()
    place.write_bytes(
        {
            "truncated": raw[: len(raw) // 2],
            "empty": b"",
            "flipped": raw[:1000] + bytes([raw[1000] ^ 255]) + raw[1001:],
            "garbage": b"garbage" * 9,
            "shorter": zlib.compress(header + data[:-9]),
            "longer": zlib.compress(header + data + b"more"),
            "tree": zlib.compress(b"tree 0\0"),
        }[how]
    )
    (scratch.top / "m").unlink()
    return oid


@pytest.mark.parametrize("how", ["truncated", "empty", "flipped", "garbage", "shorter", "longer", "tree"])
def test_a_damaged_object_is_an_error_and_the_next_read_works(
    scratch: Scratch, repo: GitRepo, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(CatFile, "PATIENCE_S", 0.3)
    scratch.commit(fine="fine")
    oid = damaged(scratch, how)
    tree = repo.tree("HEAD")
    for look in (tree.content, tree.open):
        with pytest.raises(RepositoryError, match=oid) as error:
            look("m")
        # git itself calls a file with no header a missing object, and goes on
        assert isinstance(error.value, MissingObject) is (how in ("empty", "garbage"))
        assert error.value.fix
    assert tree.read("fine", 9) == b"fine"


def test_a_killed_git_is_started_again(scratch: Scratch, repo: GitRepo) -> None:
    scratch.commit(a="a", b="b", c="c")
    tree = repo.tree("HEAD")
    for path in "abc":
        assert tree.read(path, 9) == path.encode()
        assert tree.stored_size(path) == 1
        for pid in children():
            os.kill(int(pid), signal.SIGKILL)
            os.waitid(os.P_PID, int(pid), os.WEXITED | os.WNOWAIT)


def test_killed_in_the_middle_of_a_body(scratch: Scratch, repo: GitRepo) -> None:
    scratch.put("m", os.urandom(8 << 20))
    oid = scratch.git("rev-parse", "HEAD:m")
    git = CatFile(Git(scratch.top))
    git.ask([oid])
    body = git.body(git.header(oid, "m"), oid, "m")
    next(body)
    os.kill(int(children()[0]), signal.SIGKILL)
    with pytest.raises(RepositoryError, match="signal 9"):
        for _ in body:
            pass
    git.close()


def test_a_partial_clone_that_lost_its_promisor(scratch: Scratch, tmp_path: Path) -> None:
    scratch.commit("one", a="only in git")
    scratch.commit("two", a="now", b="b")
    scratch.git("config", "uploadpack.allowFilter", "true")
    scratch.git("config", "uploadpack.allowAnySHA1InWant", "true")
    partial = Scratch.clone(f"file://{scratch.top}", tmp_path / "partial", "--filter=blob:none")
    old = scratch.git("rev-parse", "HEAD~:a")
    with GitRepo.discover(partial.top) as repo:
        shutil.move(scratch.top, tmp_path / "away")
        tree = repo.tree("HEAD~")
        for look in (tree.content, tree.stored_size, tree.open):
            with pytest.raises(MissingObject, match=rf"{old} \(a\)") as missing:
                look("a")
            assert "git fetch" in str(missing.value)
        tree.prefetch(["a"])
        assert repo.tree("HEAD").read("b", 9) == b"b"
        shutil.move(tmp_path / "away", scratch.top)
        assert tree.read("a", 99) == b"only in git"
    assert children() == []


def test_a_treeless_clone_that_lost_its_promisor(scratch: Scratch, tmp_path: Path) -> None:
    scratch.commit("one", a="1")
    scratch.commit("two", a="2")
    scratch.git("config", "uploadpack.allowFilter", "true")
    partial = Scratch.clone(f"file://{scratch.top}", tmp_path / "partial", "--filter=tree:0")
    shutil.move(scratch.top, tmp_path / "away")
    with GitRepo.discover(partial.top) as repo:
        with pytest.raises(MissingObject):
            repo.tree("HEAD~").paths()
        with pytest.raises(MissingObject):
            repo.commits_touching("HEAD", ["a"])


def lfs_place(scratch: Scratch, data: bytes, store: str = ".git/lfs") -> Path:
    oid = sha256(data)
    return scratch.write(f"{store}/objects/{oid[:2]}/{oid[2:4]}/{oid}", data)


def test_an_lfs_object_counts_when_its_bytes_were_digested(scratch: Scratch) -> None:
    data = b"the model" * 1000
    scratch.put("m", pointer_to(data))

    def seen() -> bool:
        with GitRepo.discover(scratch.top) as repo:
            return repo.tree("HEAD").content("m").seen

    with GitRepo.discover(scratch.top) as repo:
        tree = repo.tree("HEAD")
        content = tree.content("m")
        with pytest.raises(RepositoryError, match="not at hand"):
            tree.open("m")
    assert (content.digest, content.size, content.stored_size) == (sha256(data), len(data), len(pointer_to(data)))
    assert not content.seen
    place = lfs_place(scratch, data)
    with GitRepo.discover(scratch.top) as repo:
        tree = repo.tree("HEAD")
        assert tree.content("m").seen
        with tree.open("m") as file:
            assert file.read() == data
        assert tree.read("m", 9999) == pointer_to(data)
    place.write_bytes(data[:-1] + b"!")
    assert not seen()
    place.write_bytes(data[:-1])
    assert not seen()
    place.unlink()
    place.symlink_to(scratch.write("elsewhere", data))
    assert not seen()
    place.unlink()
    os.mkfifo(place)
    assert not seen()


def test_the_trees_own_lfsconfig_is_never_used(scratch: Scratch) -> None:
    data = b"planted"
    scratch.write(".lfsconfig", "[lfs]\n\tstorage = planted\n")
    lfs_place(scratch, data, "planted")
    lfs_place(scratch, data, ".git/planted")
    scratch.put("m", pointer_to(data))
    with GitRepo.discover(scratch.top) as repo:
        assert not repo.tree("HEAD").content("m").seen
    scratch.git("config", "--global", "lfs.storage", str(scratch.top / "planted"))
    with GitRepo.discover(scratch.top) as repo:
        assert not repo.tree("HEAD").content("m").seen
    scratch.git("config", "--local", "lfs.storage", "planted")
    with GitRepo.discover(scratch.top) as repo:
        assert repo.tree("HEAD").content("m").seen


def test_a_malformed_pointer_is_told(scratch: Scratch, repo: GitRepo) -> None:
    data = pointer_to(b"x") + b"more 1\n"
    scratch.put("m", data)
    content = repo.tree("HEAD").content("m")
    assert content.pointer is None
    assert content.pointer_fault
    assert content.digest == sha256(data)


def test_many_paths_cost_little(scratch: Scratch, repo: GitRepo) -> None:
    oid = scratch.git("hash-object", "-w", "--stdin", stdin=b"x")
    listing = "".join(f"100644 {oid}\tm/{n:05}.onnx\n" for n in range(20_000))
    scratch.git("update-index", "--index-info", stdin=listing.encode())
    scratch.git("commit", "-qm", "many")
    tree = repo.tree("HEAD")
    assert len(tree.paths("m")) == 20_000
    assert "m/00042.onnx" in tree.paths()


@pytest.mark.parametrize("packed", [False, True])
def test_memory_is_flat(scratch: Scratch, tmp_path: Path, packed: bool) -> None:
    """The child's and our own peak, for a blob of 128 MiB."""
    with scratch.write("m", b"").open("wb") as file:
        file.truncate(128 << 20)
    scratch.git("-c", "core.compression=1", "add", "m")  # git maps the whole file of a loose object
    scratch.commit()
    bare = bare_of(scratch, tmp_path / "bare")
    if packed:
        bare.git("gc", "-q")
    # not getrusage: its peak starts at that of the process that forked
    program = """
import os, pathlib, sys
from smokegate.sources.git import GitRepo
with GitRepo.discover(sys.argv[1]) as repo:
    assert repo.tree("HEAD").content("m").size == 128 << 20
    git = pathlib.Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    assert git
    for pid in ("self", *git):
        print(*(line.split()[1] for line in open(f"/proc/{pid}/status") if line.startswith("VmHWM")))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(bare.top)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "bot")},
        capture_output=True,
        check=True,
    )
    assert max(map(int, done.stdout.split())) < 100_000


def test_open_is_seekable_binary(scratch: Scratch, repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch.commit(a="0123456789")
    for bound in (1 << 20, 4):
        monkeypatch.setattr("smokegate.sources.blobs._IN_MEMORY", bound)
        with repo.tree("HEAD").open("a") as file:
            file.seek(-2, io.SEEK_END)
            assert file.read() == b"89"


def test_a_closed_repository_starts_nothing(scratch: Scratch) -> None:
    scratch.commit(a="1")
    with GitRepo.discover(scratch.top) as repo:
        tree = repo.tree("HEAD")
        tree.paths()
    with pytest.raises(ValueError, match="closed"):
        tree.content("a")
    assert children() == []


def test_a_file_that_becomes_executable_says_nothing_new(scratch: Scratch, repo: GitRepo) -> None:
    before = scratch.put("model.onnx", b"bytes")
    (scratch.top / "model.onnx").chmod(0o755)
    after = scratch.commit("executable")
    assert repo.tree(after).differs_from(repo.tree(before)) == frozenset()
    assert repo.tree(before).differs_from(repo.tree(None)) == {"model.onnx"}
