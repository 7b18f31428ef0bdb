"""What a saliency model takes and gives: read off its ports, and found by trying it on small pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smokegate.errors import UsageError
from smokegate_runners.saliency.network import model_file, runtime, sidecar
from smokegate_runners.saliency.network.model_file import Contents, Digests
from smokegate_runners.saliency.network.sidecar import SIZE_MULTIPLE
from smokegate_runners.saliency.settings import Size

MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
_SHORTEST_TRIAL = 64
_FLOATS = {"tensor(float)": False, "tensor(float16)": True}
_WANTED = "one input [1,3,H,W] of floats, one output [1,1,H,W]"


@dataclass(frozen=True, slots=True)
class Described:
    digests: Digests
    input: str
    output: str
    half: bool
    """Whether it takes float16."""
    multiple: int
    """What frames are padded to."""
    fixed: Size | None
    """The only size that it takes; frames are resized to it, and masks back."""

    @property
    def digest(self) -> str:
        return self.digests.digest

    @property
    def value(self) -> dict[str, Any]:
        """As audits show it."""
        return {
            "sha256": self.digests.sha256,
            "external_data": dict(self.digests.external),
            "digest": self.digest,
            "input": self.input,
            "output": self.output,
            "float16": self.half,
            "size_multiple": self.multiple,
            "fixed_size": None if self.fixed is None else str(self.fixed),
        }


def describe(path: Path) -> Described:
    """Refuses, before any source is opened, a model that cannot give masks."""
    contents = model_file.read(path)
    return described(contents, path.name, sidecar.size_multiple(path))


def described(contents: Contents, name: str, said: int | None) -> Described:
    """`said` is the multiple that its sidecar speaks of."""
    try:
        live = runtime.session(contents.graph, contents.external, threads=1)
    except runtime.REFUSALS as error:
        raise UsageError(f"model {name} does not load: {runtime.said(error)}") from None
    trial = _Trial(name, live)
    multiple = 1 if trial.fixed else trial.least_multiple(said)
    if trial.fixed:
        trial.require(trial.fixed)
    return Described(
        model_file.digests(contents), trial.input.name, trial.output.name, trial.half, multiple, trial.fixed
    )


class _Trial:
    def __init__(self, name: str, live: Any) -> None:
        self._name, self._live = name, live
        self.input, self.output = self._only(live.get_inputs(), "input"), self._only(live.get_outputs(), "output")
        if self.input.type not in _FLOATS:
            raise self._refused(f"its input is a {self.input.type}")
        if self.output.type not in _FLOATS:
            raise self._refused(f"its output is a {self.output.type}")
        self.half = _FLOATS[self.input.type]
        self.fixed = self._fixed()

    def least_multiple(self, said: int | None) -> int:
        """Sides that are an odd number of multiples show what the next power of two would hide."""
        why = ""
        for multiple in (said,) if said else MULTIPLES:
            odd = math.ceil(_SHORTEST_TRIAL / multiple) | 1
            why = self._why_not(Size((odd + 2) * multiple, odd * multiple))
            if not why:
                return multiple
        if said:
            raise self._refused(f"its sidecar has {SIZE_MULTIPLE} {said}, and on such a size {why}")
        raise self._refused(
            f"it runs on no size of the multiples {', '.join(map(str, MULTIPLES))}: {why}",
            fix=f"put {SIZE_MULTIPLE} into its sidecar, if it takes multiples of another number",
        )

    def require(self, size: Size) -> None:
        if why := self._why_not(size):
            raise self._refused(why)

    def _why_not(self, size: Size) -> str:
        picture = np.random.default_rng(0).standard_normal((1, 3, size.height, size.width), dtype=np.float32)
        try:
            (mask,) = self._live.run(
                [self.output.name], {self.input.name: picture.astype(np.float16) if self.half else picture}
            )
        except runtime.REFUSALS as error:
            return runtime.said(error)
        if mask.shape not in shapes(size):
            return f"its output for {size} is {list(mask.shape)}"
        return ""

    def _only(self, ports: list[Any], what: str) -> Any:
        if len(ports) != 1:
            listed = ", ".join(repr(port.name) for port in ports) or "none"
            raise self._refused(f"it has {len(ports)} {what}s: {listed}")
        return ports[0]

    def _fixed(self) -> Size | None:
        shape = list(self.input.shape)
        if len(shape) != 4 or (shape[1] not in (3, None) and not isinstance(shape[1], str)):
            raise self._refused(f"its input is {shape}")
        batch, _, height, width = shape
        if isinstance(batch, int) and batch != 1:
            raise self._refused(f"it takes {batch} pictures at a time")
        sides = [side for side in (width, height) if isinstance(side, int)]
        if len(sides) == 1:
            raise self._refused(f"its input is {shape}: one side is fixed, and the other is not")
        return Size(*sides) if sides else None

    def _refused(self, why: str, *, fix: str | None = None) -> UsageError:
        return UsageError(f"{self._name} is no saliency model ({_WANTED}): {why}", fix=fix)


def shapes(size: Size) -> tuple[tuple[int, ...], ...]:
    """Of a mask, as models give it."""
    return ((1, 1, size.height, size.width), (1, size.height, size.width))
