"""LFS objects that the judge has to see, fetched from the server that the repository itself is fetched from. Head's
`.lfsconfig` is never read."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any

from smokegate.github.verdicts.lfs_batch import PAGE, LfsFault, action, offers, opened, secure
from smokegate.github.verdicts.store import Remote
from smokegate.sources.tree import Pointer

_CHUNK = 1 << 20
_TRIES = 3
_PAUSE = 2.0


@dataclass(frozen=True, slots=True)
class Objects:
    """The server's objects, and the store of the bare repository that they are put into."""

    remote: Remote
    folder: Path
    most_bytes: int = 8 << 30
    sleep: Callable[[float], None] = time.sleep

    def bring(self, pointers: Iterable[Pointer]) -> Iterator[tuple[Pointer, str]]:
        """Gives those that did not come, each with the reason."""
        wanted = [one for one in dict.fromkeys(pointers) if not self._place(one).is_file()]
        total = sum(one.size for one in wanted)
        if total > self.most_bytes:
            why = f"{total:,} bytes are more than the {self.most_bytes:,} that are fetched for one verdict"
            yield from ((one, why) for one in wanted)
            return
        for left in reversed(range(_TRIES)):
            failed = dict(self._round(wanted))
            wanted = [one for one, fault in failed.items() if left and fault.passing]
            yield from ((one, str(fault)) for one, fault in failed.items() if not (left and fault.passing))
            if not wanted:
                return
            self.sleep(_PAUSE * (_TRIES - left))

    def _round(self, wanted: list[Pointer]) -> Iterator[tuple[Pointer, LfsFault]]:
        """Addresses are good for a while, so each round asks for new ones."""
        for at in range(0, len(wanted), PAGE):
            page = wanted[at : at + PAGE]
            try:
                found = offers(self.remote, "download", page)
            except LfsFault as fault:
                yield from ((one, fault) for one in page)
                continue
            for one in page:
                try:
                    self._download(one, found.get(one.oid))
                except LfsFault as fault:
                    yield one, fault

    def _place(self, pointer: Pointer) -> Path:
        return self.folder / "lfs" / "objects" / pointer.oid[:2] / pointer.oid[2:4] / pointer.oid

    def _download(self, pointer: Pointer, offer: Any) -> None:
        source = action(offer, "download", secure=secure(self.remote))
        if source is None:
            raise LfsFault("the LFS server offers no address for it")
        place = self._place(pointer)
        place.parent.mkdir(parents=True, exist_ok=True)
        with opened(source) as answer, tempfile.NamedTemporaryFile(dir=place.parent, delete=False) as draft:
            part = Path(draft.name)
            try:
                _copied(answer, draft, pointer)
            except BaseException:
                part.unlink()
                raise
        part.replace(place)


def _copied(answer: IO[bytes], draft: IO[bytes], pointer: Pointer) -> None:
    sha256, size = hashlib.sha256(), 0
    while size <= pointer.size and (chunk := _read(answer)):
        sha256.update(chunk)
        size += len(chunk)
        draft.write(chunk)
    if (sha256.hexdigest(), size) != (pointer.oid, pointer.size):
        raise LfsFault("what the LFS server sent is not the object that the pointer stands for")


def _read(answer: IO[bytes]) -> bytes:
    try:
        return answer.read(_CHUNK)
    except (OSError, ValueError, HTTPException):
        raise LfsFault("the LFS server broke off in the middle") from None
