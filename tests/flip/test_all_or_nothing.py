"""A flip that fails at any step leaves the tree as it was; one that is killed leaves the registry as it was."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from flip.tree import SEEDS, accepted, five, flip, snapshot
from forge import Forge
from smokegate.errors import SmokegateError
from smokegate.review import flip as flipping
from smokegate.review.replacement import Draft, Replacement, WriteError

OPERATIONS = ("link", "replace", "chmod", "mkdir", "fsync")
REGISTRY = "model/registry.json"
DRAFTS = (
    Draft("model/proofs/a_PROMOTE.json", None, b"evidence"),
    Draft("docs/models/a.md", b"# a\n", b"# a\n\nstatus\n"),
    Draft("model/a.json", b"{}", b'{"gate": {}}'),
    Draft(REGISTRY, b"smoke", b"production"),
)


@pytest.fixture
def top(tmp_path: Path) -> Path:
    for draft in DRAFTS:
        path = tmp_path / "repo" / draft.path
        if draft.was is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(draft.was)
    (tmp_path / "repo" / ".git").mkdir()
    (tmp_path / "repo" / "model" / "a.json").chmod(0o664)
    return tmp_path / "repo"


def write(top: Path) -> None:
    with Replacement(top, top / ".git", DRAFTS) as replacement:
        replacement.apply()


@contextmanager
def intercepted(monkeypatch: pytest.MonkeyPatch, act: Callable[[int, str], None]) -> Iterator[list[int]]:
    """`act` is called before each operation, with its number."""
    count = [0]

    def wrap(name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def operation(*arguments: Any, **options: Any) -> Any:
            count[0] += 1
            act(count[0], name)
            return real(*arguments, **options)

        return operation

    with monkeypatch.context() as patch:
        for name in OPERATIONS:
            patch.setattr(os, name, wrap(name))
        yield count


def operations(top: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    with intercepted(monkeypatch, lambda number, name: None) as count:
        write(top)
    return count[0]


def test_all_of_it_is_written_with_the_modes_that_were(top: Path) -> None:
    write(top)
    assert {d.path: (top / d.path).read_bytes() for d in DRAFTS} == {d.path: d.now for d in DRAFTS}
    assert (top / "model/a.json").stat().st_mode & 0o777 == 0o664
    assert not list((top / ".git").iterdir())


@pytest.mark.parametrize("fault", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_at_any_step_leaves_nothing_behind(
    top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:
    before = snapshot(top)
    rehearsal = tmp_path / "rehearsal"
    os.system(f"cp -a {top} {rehearsal}")  # noqa: S605 - paths of our own
    steps = operations(rehearsal, monkeypatch)
    assert steps > 15
    for failing in range(1, steps + 1):

        def act(number: int, name: str, failing: int = failing) -> None:
            if number == failing:
                raise fault

        with intercepted(monkeypatch, act):
            try:
                write(top)
            except (WriteError, KeyboardInterrupt):
                assert snapshot(top) == before, failing
                assert not list((top / ".git").iterdir())
            else:  # only where there is another way, as by copying where no second name can be had
                assert (top / REGISTRY).read_bytes() == b"production"
                for draft in DRAFTS:
                    if draft.was is None:
                        (top / draft.path).unlink()
                        (top / draft.path).parent.rmdir()
                    else:
                        (top / draft.path).write_bytes(draft.was)
                assert isinstance(fault, OSError) and snapshot(top) == before


def test_a_kill_at_any_step_leaves_whole_files_and_the_registry_for_last(
    top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rehearsal = tmp_path / "rehearsal"
    os.system(f"cp -a {top} {rehearsal}")  # noqa: S605 - paths of our own
    steps = operations(rehearsal, monkeypatch)
    os.system(f"rm -r {rehearsal}")  # noqa: S605
    for killed in range(1, steps + 1):
        os.system(f"cp -a {top} {rehearsal}")  # noqa: S605
        child = os.fork()
        if child == 0:

            def act(number: int, name: str, killed: int = killed) -> None:
                if number == killed:
                    os._exit(9)

            with intercepted(monkeypatch, act):
                write(rehearsal)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
        done = []
        for draft in DRAFTS:
            path = rehearsal / draft.path
            data = path.read_bytes() if path.exists() else None
            assert data in {draft.was, draft.now}
            done.append(data == draft.now)
        assert all(done) or not done[-1], killed
        known = {*(draft.path for draft in DRAFTS), ".git"}
        there = {p for p in snapshot(rehearsal) if (rehearsal / p).is_file() and not p.startswith(".git/")}
        assert there <= known
        os.system(f"rm -r {rehearsal}")  # noqa: S605


def test_what_cannot_be_put_back_is_kept_and_named(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def act(number: int, name: str) -> None:
        if name == "replace" and number > 12:
            raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(WriteError, match="could not be put back") as error, intercepted(monkeypatch, act):
        write(top)
    (kept,) = (top / ".git").iterdir()
    assert str(kept) in str(error.value) and any(path.read_bytes() == b"# a\n" for path in kept.glob("*.was"))


def test_a_file_that_changed_meanwhile_is_not_overwritten(top: Path) -> None:
    (top / "model/a.json").write_bytes(b"edited")
    before = snapshot(top)
    with pytest.raises(WriteError, match=r"model/a\.json changed"):
        write(top)
    assert snapshot(top) == before


def test_a_file_that_came_to_be_meanwhile_is_left_alone(top: Path) -> None:
    before = snapshot(top)
    other = top / DRAFTS[0].path
    with pytest.raises(WriteError, match="came to be"), Replacement(top, top / ".git", DRAFTS) as replacement:
        other.parent.mkdir()
        other.write_bytes(b"somebody else's")
        replacement.apply()
    assert other.read_bytes() == b"somebody else's"
    after = snapshot(top)
    del after[DRAFTS[0].path], after[str(Path(DRAFTS[0].path).parent)]
    assert after == before


def test_a_folder_that_admits_no_file_is_told(top: Path) -> None:
    if os.geteuid() == 0:
        (top / "model/proofs").write_bytes(b"a file where a folder is wanted")
    else:
        (top / "model").chmod(0o555)
    before = snapshot(top)
    with pytest.raises(SmokegateError):
        write(top)
    assert snapshot(top) == before


# -- the whole command


def test_a_failure_while_it_is_judged_again_takes_everything_back(
    forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    five(forge)
    before = snapshot(forge.root)

    def fail(*_: object) -> None:
        assert forge.read_json("registry.json")["models"][0]["smoke"] is False
        raise KeyboardInterrupt

    monkeypatch.setattr(flipping, "_judged_as_it_is", fail)
    with pytest.raises(KeyboardInterrupt):
        flip(forge, *SEEDS)
    assert snapshot(forge.root) == before


def test_a_flip_that_was_killed_is_run_again(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    """All but the registry was written: no entry is in production, the check says so, and the same command mends it."""
    five(forge)
    registry = forge.path("registry.json").read_bytes()
    flip(forge, *SEEDS)
    finished = snapshot(forge.root)
    forge.write("registry.json", registry)
    assert {f.code for f in forge.check(head=None).blocking} == {"SG410"}
    assert not flip(forge, *SEEDS).refused
    assert snapshot(forge.root) == finished
    accepted(forge)
