"""Several files replaced as one: all of them, or none."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from smokegate.errors import SmokegateError
from smokegate.sources.files import open_beneath


@dataclass(frozen=True, slots=True)
class Draft:
    """A file as it is and as it is to be."""

    path: str
    """From the top of the working tree."""
    was: bytes | None
    now: bytes


class WriteError(SmokegateError):
    """Nothing was written, or it was taken back."""


class Replacement:
    """Drafts come into place in their order by `apply`; leaving the block by an exception takes them all back.

    Everything that takes space is written aside first, in `store`: a full disk is met before anything is replaced, and
    taking back only renames. A kill in between leaves whole files, the last of the drafts unchanged, and no litter
    in the working tree.
    """

    def __init__(self, top: Path, store: Path, drafts: Sequence[Draft]) -> None:
        self._top = top
        self._drafts = list(drafts)
        self._places = store
        self._folder: Path | None = None
        self._begun: list[int] = []
        self._made: list[Path] = []

    def __enter__(self) -> Replacement:
        try:
            self._folder = self._store()
            for number, draft in enumerate(self._drafts):
                self._stage(number, draft)
        except OSError as error:
            self._clean()
            raise _explained(error) from error
        except BaseException:
            self._clean()
            raise
        return self

    def apply(self) -> None:
        for number, draft in enumerate(self._drafts):
            self._make_folders(self._top / draft.path)
            self._begun.append(number)
            self._put(number, draft)
        for folder in {(self._top / draft.path).parent for draft in self._drafts}:
            _sync(folder)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._clean()
            return
        lost = self._take_back()
        if lost:
            names = ", ".join(lost)
            raise WriteError(f"{names} could not be put back; what was there lies in {self._folder}") from error
        self._clean()
        if isinstance(error, OSError):
            raise _explained(error) from error

    # -- aside ------------------------------------------------------------------------------------------------------

    def _store(self) -> Path:
        """Beside git's own files, where nothing mistakes it for content, if a file can be renamed from there."""
        apart = self._places.stat().st_dev != self._top.stat().st_dev
        return Path(tempfile.mkdtemp(prefix=".smokegate-", dir=self._top if apart else self._places))

    def _staged(self, number: int) -> Path:
        return self._aside / f"{number}.now"

    def _backup(self, number: int) -> Path:
        return self._aside / f"{number}.was"

    @property
    def _aside(self) -> Path:
        if self._folder is None:
            raise AssertionError("outside of its block")
        return self._folder

    def _stage(self, number: int, draft: Draft) -> None:
        path = self._top / draft.path
        if current(self._top, draft.path) != draft.was:
            raise WriteError(f"{draft.path} changed while this was worked out", fix="run it again")
        mode = 0o644
        if draft.was is not None:
            mode = path.stat().st_mode & 0o7777
            _keep(path, self._backup(number))
        with self._staged(number).open("xb") as stream:
            stream.write(draft.now)
            stream.flush()
            os.fsync(stream.fileno())
        self._staged(number).chmod(mode)

    # -- into place, and back ---------------------------------------------------------------------------------------

    def _make_folders(self, path: Path) -> None:
        for folder in reversed([p for p in path.parents if p.is_relative_to(self._top)]):
            if not folder.exists():
                self._made.append(folder)
                folder.mkdir()

    def _put(self, number: int, draft: Draft) -> None:
        path = self._top / draft.path
        if draft.was is None:
            _link_new(self._staged(number), path)
        else:
            self._staged(number).replace(path)

    def _take_back(self) -> list[str]:
        lost = []
        for number in reversed(self._begun):
            draft = self._drafts[number]
            try:
                self._restore(number, draft)
            except OSError:
                lost.append(draft.path)
        for folder in reversed(self._made):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        return lost

    def _restore(self, number: int, draft: Draft) -> None:
        path, staged = self._top / draft.path, self._staged(number)
        if draft.was is not None:
            self._backup(number).replace(path)
        elif path.exists() and (not staged.exists() or staged.samefile(path)):
            path.unlink()  # ours: what somebody else put there meanwhile is another file

    def _clean(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def current(top: Path, path: str) -> bytes | None:
    """What lies at a path; None where nothing does. Nothing is read, and so nothing written, through a link."""
    if not os.path.lexists(top / path):
        return None
    try:
        with open_beneath(top, path) as stream:
            return stream.read()
    except OSError:
        raise WriteError(
            f"{path} is not a plain file that can be read, so it cannot be written", fix=f"look at {path}"
        ) from None


def _keep(path: Path, backup: Path) -> None:
    """A second name for the very file; a copy where the file system knows no second names."""
    try:
        backup.hardlink_to(path)
    except OSError:
        shutil.copy2(path, backup)


def _link_new(staged: Path, path: Path) -> None:
    """Never over what is there."""
    try:
        path.hardlink_to(staged)
    except FileExistsError:
        raise WriteError(f"{path} came to be while this was carried out", fix="run it again") from None
    except OSError:
        if path.exists():
            raise
        staged.replace(path)


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _explained(error: OSError) -> WriteError:
    where = f" ({error.filename})" if error.filename else ""
    return WriteError(f"writing failed: {error.strerror or error}{where}; nothing was changed")
