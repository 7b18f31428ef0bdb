"""One source after another: decoded, sampled, shown to the model, reduced.

The calling thread decodes and reduces; lanes, each a thread with a frame of its own, convert and infer meanwhile.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from smokegate_runners.saliency import cores, reduce
from smokegate_runners.saliency.network import pixels, runtime
from smokegate_runners.saliency.network.model import Answer, Described, ModelFailed, SaliencyModel
from smokegate_runners.saliency.settings import Settings, Size, sampled
from smokegate_runners.saliency.video.facts import Facts, Frame, SourceUnusable, Undecodable
from smokegate_runners.saliency.video.frames import open_source
from smokegate_runners.saliency.work import Job, Outcome, Status

# A small U-Net holds some 200 MB for a 720p frame: two lanes of 1080p, and one of anything larger.
_PIXELS_AT_ONCE = 2 * 1920 * 1080
_MOST_LANES = 4
_MOST_DECODERS = 8
_AHEAD = 2
"""Frames that wait for a lane."""


@dataclass(frozen=True, slots=True)
class Factory:
    """What `factory` gives: goes to other processes and machines."""

    model: Path
    settings: Settings
    provider: str
    threads: int
    known: Described | None

    def __call__(self) -> SaliencyWorker:
        return SaliencyWorker(self.model, self.settings, self.provider, self.threads, self.known)


def factory(
    model: Path,
    settings: Settings,
    *,
    provider: str = runtime.AUTO,
    threads: int = 0,
    known: Described | None = None,
) -> Factory:
    """`known` is `model.describe`'s answer: workers refuse other bytes, and need not try the model again.

    `threads` is what one worker keeps busy; 0 for all processors.
    """
    return Factory(model, settings, provider, threads, known)


class SaliencyWorker:
    def __init__(
        self,
        model: Path,
        settings: Settings,
        provider: str = runtime.AUTO,
        threads: int = 0,
        known: Described | None = None,
    ) -> None:
        self._settings = settings
        self._threads = threads or cores.usable()
        self._model = SaliencyModel(model, provider=provider, threads=self._threads, known=known)
        self._pools: dict[int, ThreadPoolExecutor] = {}

    def __call__(self, job: Job) -> Outcome:
        try:
            return self._measured(job)
        except SourceUnusable as error:
            return Outcome(error.status, detail=error.message)
        except ModelFailed as error:
            return Outcome(Status.MODEL_FAILED, detail=error.message)
        except MemoryError:
            return Outcome(Status.MODEL_FAILED, detail="there is not enough memory for frames of this size")
        finally:
            # PyAV ties a frame whose side data was looked at to itself, and one of 8K is 50 MB. They are young.
            gc.collect(1)

    def _measured(self, job: Job) -> Outcome:
        """Which frames are wanted depends on how many there are: a guess that was wrong costs a second pass."""
        limit, samples = self._settings.max_frames, self._settings.frame_samples
        guess: int | None = None
        for _ in range(2):
            with open_source(job, threads=min(self._threads, _MOST_DECODERS)) as source:
                guess = guess or min(limit, source.expected or limit)
                with self._sitting(source.facts) as sitting:
                    for frame in source.frames(limit, sampled(guess, samples).__contains__):
                        sitting.show(frame)
                    guess = source.decoded
                    if sitting.saw(sampled(guess, samples)):
                        return sitting.outcome(source.facts, guess)
        raise Undecodable("it has another number of frames each time that it is decoded")

    def _sitting(self, facts: Facts) -> _Sitting:
        lanes = self._lanes(self._model.described.fixed or facts.size)
        if lanes not in self._pools:
            self._pools[lanes] = ThreadPoolExecutor(lanes, "saliency-lane")
        ask = partial(
            self._model.answer,
            how=pixels.conversion(self._settings.color, facts),
            threads=-(-self._threads // lanes),
        )
        return _Sitting(ask, self._pools[lanes], lanes, reduce.reducer(self._settings))

    def _lanes(self, size: Size) -> int:
        """A thread that has a frame to itself waits for no other."""
        fit = _PIXELS_AT_ONCE // (size.width * size.height)
        return max(1, min(self._threads, _MOST_LANES, fit))


class _Sitting:
    """Frames before the model, several at a time; their masks are reduced in the order in which they are shown."""

    def __init__(
        self, ask: Callable[[Frame], Answer], pool: ThreadPoolExecutor, lanes: int, reducer: reduce.Reducer
    ) -> None:
        self._ask, self._pool, self._reducer = ask, pool, reducer
        self._most = lanes + _AHEAD
        self._waiting: deque[tuple[Frame, Future[Answer]]] = deque()
        self._shown: list[int] = []
        self._clipped = 0

    def __enter__(self) -> _Sitting:
        return self

    def __exit__(self, *_: object) -> None:
        for _frame, future in self._waiting:
            future.cancel()
        wait([future for _, future in self._waiting])

    def show(self, frame: Frame) -> None:
        while len(self._waiting) == self._most or (self._waiting and self._waiting[0][1].done()):
            self._take()
        self._shown.append(frame.index)
        self._waiting.append((frame, self._pool.submit(self._ask, frame)))

    def saw(self, wanted: Sequence[int]) -> bool:
        return self._shown == list(wanted)

    def outcome(self, facts: Facts, decoded: int) -> Outcome:
        while self._waiting:
            self._take()
        mean, variance = reduce.mean_and_variance(self._reducer.result())
        counted = {"frames_decoded": decoded, "frames_sampled": len(self._shown), "values_clipped": self._clipped}
        return Outcome(Status.OK, mean, variance, facts={**facts.value, **counted})

    def _take(self) -> None:
        frame, future = self._waiting.popleft()
        answer = future.result()
        self._clipped += answer.clipped
        self._reducer.add(answer.mask, frame.y)
