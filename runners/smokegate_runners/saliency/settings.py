"""What decides the values of a row: two runs with equal settings and one model give the same numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, NamedTuple

SAMPLE_LIMIT = 4096


class Size(NamedTuple):
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


class Aggregator(StrEnum):
    MEAN = "mean"
    EMA = "ema"
    MAX = "max"
    MOTION_WEIGHTED = "motion-weighted"


class Color(StrEnum):
    """How YUV becomes RGB. `CONTAINER` takes what the stream says of itself, and BT.709 limited where it is silent."""

    BT709 = "bt709"
    BT709_FULL = "bt709-full"
    BT601 = "bt601"
    BT601_FULL = "bt601-full"
    BT2020 = "bt2020"
    BT2020_FULL = "bt2020-full"
    CONTAINER = "container"


@dataclass(frozen=True, slots=True)
class Settings:
    max_frames: int = 8
    """Frames that are decoded at most."""
    frame_samples: int = 8
    """Frames of these that the model sees at most."""
    aggregator: Aggregator = Aggregator.MEAN
    ema_alpha: float = 0.6
    color: Color = Color.BT709

    @property
    def value(self) -> dict[str, Any]:
        """As audits show it, and as it goes into the key of finished work: alpha counts where it is used."""
        fields = asdict(self)
        if self.aggregator is not Aggregator.EMA:
            fields["ema_alpha"] = None
        return {name: str(field) if isinstance(field, StrEnum) else field for name, field in fields.items()}


def sampled(total: int, samples: int) -> range:
    """Which of `total` decoded frames are looked at: evenly spread from the first, `samples` of them at most."""
    step = max(1, total // samples)
    return range(0, total, step)[:samples]
