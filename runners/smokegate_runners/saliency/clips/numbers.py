"""The number of each row's wish, in the order of the rows: a file, eight bytes a row."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from smokegate_runners.saliency.clips.roll import Roll
from smokegate_runners.saliency.clips.sources import wish
from smokegate_runners.saliency.columns import Asked, finite
from smokegate_runners.saliency.output import failing
from smokegate_runners.saliency.progress import Phase
from smokegate_runners.saliency.settings import Size

SKIPPED = -1
_CHUNK = 1 << 14
_KNOWN = 1 << 16
_PLAIN = frozenset({int, type(None)})


class Numbers:
    def __init__(self, path: Path, roll: Roll) -> None:
        self._path, self._roll = path, roll
        self.total = self.skipped = 0

    def write(self, rows: Iterator[Asked], default: Size | None, phase: Phase, *, overwrite: bool) -> None:
        """Asks for what every row wants; those that have their values want nothing."""
        known: dict[tuple[str, int | None, int | None], int] = {}
        want = self._roll.want
        chunk: array[int] = array("q")
        with self._opened() as stream:
            for path, width, height, mean, var in rows:
                if not overwrite and finite(mean) and finite(var):
                    number = SKIPPED
                elif type(path) is str and type(width) in _PLAIN and type(height) in _PLAIN:
                    found = known.get((path, width, height))
                    if found is None:
                        if len(known) >= _KNOWN:
                            known.clear()
                        found = known[path, width, height] = want(wish(path, width, height, default))
                    number = found
                else:
                    number = want(wish(path, width, height, default))
                chunk.append(number)
                if len(chunk) == _CHUNK:
                    self._keep(chunk, stream, phase)
                    chunk = array("q")
            self._keep(chunk, stream, phase)

    def __iter__(self) -> Iterator[int]:
        with self._path.open("rb") as stream:
            while data := stream.read(_CHUNK * 8):
                yield from array("q", data)

    def discard(self) -> None:
        self._path.unlink(missing_ok=True)

    def _opened(self) -> BinaryIO:
        with failing(self._path):
            return self._path.open("wb")

    def _keep(self, chunk: array[int], stream: BinaryIO, phase: Phase) -> None:
        with failing(self._path):
            stream.write(chunk)
            stream.flush()
        counted = Counter(chunk)
        self.total += len(chunk)
        self.skipped += counted.pop(SKIPPED, 0)
        self._roll.count(counted)
        phase.advance(len(chunk))
