"""A saliency model at work: a frame in, a mask in 0..1 out.

Frames are padded to the sizes that the model takes by carrying their edges on, and masks are cropped. A model of one
fixed size gets the frame resized to it, and its mask is resized back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from smokegate.errors import SmokegateError, UsageError
from smokegate_runners.saliency import cores
from smokegate_runners.saliency.network import heads, model_file, pixels, runtime
from smokegate_runners.saliency.network.contract import Described, describe, shapes
from smokegate_runners.saliency.network.model_file import Contents
from smokegate_runners.saliency.network.pixels import Conversion, Tensor
from smokegate_runners.saliency.network.resize import resized
from smokegate_runners.saliency.settings import Size
from smokegate_runners.saliency.video.facts import Frame

__all__ = ["Answer", "Described", "ModelFailed", "SaliencyModel", "describe"]

Mask = NDArray[np.float32]


class ModelFailed(SmokegateError):
    """The model does not run on a frame, or gives what is no mask. The message is one printable line."""


class Answer(NamedTuple):
    mask: Mask
    clipped: int
    """Values that were outside 0..1."""


class _Live(NamedTuple):
    session: Any
    weights: dict[str, NDArray[Any]]
    """Fed beside every frame."""


class SaliencyModel:
    """May be asked by several threads at a time. With a description made before, the bytes must still be those."""

    def __init__(
        self,
        path: Path,
        *,
        provider: str = runtime.AUTO,
        threads: int = 0,
        known: Described | None = None,
        held: Contents | None = None,
    ) -> None:
        """With `held` no file is read: `path` is then what the model is called."""
        self._path, self._held = path, held
        self._threads = threads or cores.usable()
        self._wanted = runtime.settled(provider)
        self.described = known or describe(path)
        self._rooms = threading.local()
        self._opening = threading.Lock()
        self._sessions: dict[int, _Live] = {}
        self.provider = runtime.live(self._session(1).session)
        if provider == runtime.CUDA != self.provider:
            raise UsageError("CUDA was asked for, and its libraries do not load", fix="add --provider cpu")

    def mask(self, frame: Frame, how: Conversion = pixels.BT709) -> Mask:
        return self.answer(frame, how).mask

    def mask_rgb(self, rgb: NDArray[np.uint8]) -> Mask:
        """Of 8-bit RGB [H,W,3]."""
        height, width, _ = rgb.shape
        return self._answer(Size(width, height), partial(pixels.from_rgb, rgb), self._threads).mask

    def answer(self, frame: Frame, how: Conversion, threads: int = 0) -> Answer:
        """`threads` work at this one frame; the mask is the same however many they are."""
        return self._answer(pixels.size_of(frame), partial(pixels.from_planes, frame, how), threads or self._threads)

    def _answer(self, size: Size, fill: Callable[[Tensor], None], threads: int) -> Answer:
        mask = self._raw(size, fill, threads)
        lowest, highest = float(mask.min()), float(mask.max())
        if not (isfinite(lowest) and isfinite(highest)):
            raise ModelFailed("the model gives values that are not finite")
        clipped = 0
        if lowest < 0.0 or highest > 1.0:
            clipped = int(np.count_nonzero(mask < 0.0) + np.count_nonzero(mask > 1.0))
            np.clip(mask, 0.0, 1.0, out=mask)
        if self.described.fixed not in (None, size):
            mask = resized(mask[None, None], size)[0, 0]
        return Answer(mask, clipped)

    def _raw(self, size: Size, fill: Callable[[Tensor], None], threads: int) -> Mask:
        what = self.described
        room = self._room(size)
        fill(room)
        fed = room if what.fixed in (None, size) else resized(room, what.fixed)
        if what.half:
            fed = fed.astype(np.float16)
        live = self._session(threads)
        try:
            (found,) = live.session.run([what.output], {what.input: fed, **live.weights})
        except runtime.REFUSALS as error:
            raise ModelFailed(f"the model does not run on a frame of {size}: {runtime.said(error)}") from None
        given = Size(fed.shape[3], fed.shape[2])
        if found.shape not in shapes(given):
            raise ModelFailed(f"the model gives {list(found.shape)} for a frame of {given}")
        seen = what.fixed or size
        mask: Mask = found.reshape(given.height, given.width)[: seen.height, : seen.width]
        return mask.astype(np.float32, copy=False)

    def _room(self, size: Size) -> Tensor:
        """This thread's own, used again: fresh pages cost more than what is written into them."""
        width, height = pixels.padded(size, self.described.multiple)
        room: Tensor | None = getattr(self._rooms, "room", None)
        if room is None or room.shape[2:] != (height, width):
            self._rooms.room = None
            room = self._rooms.room = np.empty((1, 3, height, width), dtype=np.float32)
        return room

    def _session(self, threads: int) -> _Live:
        key = threads if self._wanted == runtime.CPU else 0
        with self._opening:
            if key not in self._sessions:
                self._sessions[key] = self._open(threads)
            return self._sessions[key]

    def _open(self, threads: int) -> _Live:
        contents = self._held or model_file.read(self._path)
        if model_file.digests(contents) != self.described.digests:
            raise UsageError(
                f"model {self._path.name} is not what it was when this run began", fix="start the run again"
            )
        try:
            graph, weights = heads.fed(contents.graph) if self._wanted == runtime.CPU else (contents.graph, {})
            session = runtime.session(graph, contents.external, threads=threads, provider=self._wanted)
        except runtime.REFUSALS as error:
            raise UsageError(f"model {self._path.name} does not load: {runtime.said(error)}") from None
        return _Live(session, weights)
