"""What a source says of itself, the frames that come out of it, and the ways in which it can be no use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from smokegate.errors import SmokegateError
from smokegate_runners.saliency.settings import Size
from smokegate_runners.saliency.work import Status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class SourceUnusable(SmokegateError):
    """The message is one printable line that does not repeat the path."""

    status: ClassVar[Status]


class SourceMissing(SourceUnusable):
    """There is no regular file here that may be read."""

    status = Status.MISSING_SOURCE


class GeometryMissing(SourceUnusable):
    """Frames without a header, and nobody says how large they are."""

    status = Status.MISSING_GEOMETRY


class Undecodable(SourceUnusable):
    """There is a file, and the frames that are asked for do not come out of it."""

    status = Status.DECODE_FAILED


@dataclass(frozen=True, slots=True)
class Facts:
    """Of the stream that is decoded. Names are those that ffmpeg prints, None where the stream does not say."""

    size: Size
    """As shown: after the turn that `rotation` speaks of."""
    container: str
    codec: str
    pixel_format: str
    bits: int
    transfer: str | None = None
    primaries: str | None = None
    matrix: str | None = None
    full_range: bool | None = None
    rotation: int = 0
    """Degrees clockwise by which stored frames were turned to be shown: 0, 90, 180 or 270."""
    redrawn: bool = False
    """The source was no YUV: its planes were drawn by us as BT.709 limited, whatever it says of its own colours."""

    @property
    def planes_matrix(self) -> str | None:
        """What the planes of a `Frame` are written in."""
        return "bt709" if self.redrawn else self.matrix

    @property
    def planes_full_range(self) -> bool | None:
        return False if self.redrawn else self.full_range

    @property
    def value(self) -> dict[str, Any]:
        """As audits show it."""
        return {
            "width": self.size.width,
            "height": self.size.height,
            "container": self.container,
            "codec": self.codec,
            "pixel_format": self.pixel_format,
            "bits": self.bits,
            "transfer": self.transfer,
            "primaries": self.primaries,
            "matrix": self.matrix,
            "full_range": self.full_range,
            "rotation": self.rotation,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """8-bit 4:2:0: y is [H, W], u and v are [ceil(H/2), ceil(W/2)].

    The planes may be strided views of the decoder's own memory. They are read-only, and stay as they are for as long
    as something refers to them.
    """

    index: int
    """Counted in the order in which frames are shown, from 0."""
    y: NDArray[np.uint8]
    u: NDArray[np.uint8]
    v: NDArray[np.uint8]


def always(_index: int) -> bool:
    return True


class Source(Protocol):
    """An open clip."""

    facts: Facts
    expected: int | None
    """How many frames there seem to be before they are decoded: for a guess, never for a result."""
    decoded: int
    """How many frames were decoded so far, wanted or not."""

    def frames(self, limit: int, wanted: Callable[[int], bool] = always) -> Iterator[Frame]:
        """For one pass. Frames that are not wanted are decoded and counted, and cost nothing else."""
        ...
