"""A corpus, clip by clip: decode once, encode and measure each (encoder, cq), keep what is finished."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory

from smokegate.errors import SmokegateError
from smokegate_runners.corpus.clips import Clip
from smokegate_runners.corpus.ffmpeg import FIRST_VIDEO, Ffmpeg, FfmpegFailed, file_url
from smokegate_runners.corpus.order import Order
from smokegate_runners.corpus.reference import Reference, prepare
from smokegate_runners.corpus.score import NotScored, score
from smokegate_runners.corpus.units import Row, Shelf, Unit

Told = Callable[[Unit, bool], None]
"""Called as each unit comes to its end, with whether it was finished before this run."""


class CorpusUnfinished(SmokegateError):
    """Some of what was asked for could not be made; no table is written, what is finished is kept."""

    exit_code = 1


def build(ffmpeg: Ffmpeg, order: Order, shelf: Shelf, jobs: int, told: Told) -> list[Row]:
    """Rows by clip, encoder, level and frame as ordered, whatever was finished first."""
    rows: list[Row] = []
    faults: list[str] = []
    with shelf.held(), ThreadPoolExecutor(jobs) as pool:
        for clip in order.clips:
            worker = _ClipWorker(ffmpeg, order, shelf, told)
            try:
                rows.extend(worker.work(clip, pool))
            except SmokegateError as error:
                faults.append(str(error))
            except OSError as error:
                faults.append(f"clip {clip.name}: {error}")
            faults.extend(worker.faults)
    if faults:
        listed = "\n".join(faults)
        raise CorpusUnfinished(
            f"{listed}\nno table was written; what is finished is kept in {shelf.folder}, and the same command goes on"
        )
    return rows


class _ClipWorker:
    def __init__(self, ffmpeg: Ffmpeg, order: Order, shelf: Shelf, told: Told) -> None:
        self._ffmpeg, self._order, self._shelf, self._told = ffmpeg, order, shelf, told
        self.faults: list[str] = []

    def work(self, clip: Clip, pool: ThreadPoolExecutor) -> list[Row]:
        units = {unit: self._key(unit) for unit in self._order.units(clip)}
        done = {unit: scores for unit, key in units.items() if (scores := self._shelf.scores(key))}
        for unit in done:
            self._told(unit, True)
        todo = {unit: key for unit, key in units.items() if unit not in done}
        if todo:
            done |= self._measured(clip, todo, pool)
        return [row for unit in units if unit in done for row in unit.rows(done[unit])]

    def _key(self, unit: Unit) -> str:
        return unit.key(self._order.settings, self._ffmpeg.version)

    def _measured(
        self, clip: Clip, todo: dict[Unit, str], pool: ThreadPoolExecutor
    ) -> dict[Unit, list[dict[str, float]]]:
        done = {}
        with TemporaryDirectory(dir=self._shelf.scratch) as folder:
            reference = prepare(self._ffmpeg, clip, self._order.settings, Path(folder, "reference.nut"))
            running = {pool.submit(self._finish, unit, key, reference): unit for unit, key in todo.items()}
            try:
                for future in as_completed(running):
                    unit = running[future]
                    try:
                        done[unit] = future.result()
                    except SmokegateError as error:
                        self.faults.append(f"{unit}: {error}")
                    else:
                        self._told(unit, False)
            except BaseException:
                for future in running:
                    future.cancel()
                raise
        return done

    def _finish(self, unit: Unit, key: str, reference: Reference) -> list[dict[str, float]]:
        with TemporaryDirectory(dir=self._shelf.scratch) as folder:
            encoded = Path(folder, "encoded.mkv")
            encode(self._ffmpeg, unit, reference, encoded)
            scores = score(self._ffmpeg, reference, encoded, unit.encoder.pixels, Path(folder))
        self._shelf.keep(key, unit, scores)
        return scores


def encode(ffmpeg: Ffmpeg, unit: Unit, reference: Reference, target: Path) -> None:
    source = ("-i", file_url(reference.path), *FIRST_VIDEO, "-an")
    try:
        ffmpeg.run((*source, *unit.encoder.arguments(unit.cq), "-f", "matroska", file_url(target)))
    except FfmpegFailed as failure:
        raise NotScored(f"the encoder failed: {failure.said}") from None
