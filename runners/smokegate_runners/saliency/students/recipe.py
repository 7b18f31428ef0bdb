"""What is trained and how: one frozen value, because a checkpoint and a sidecar must name all of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class Decoder(StrEnum):
    """How the way up doubles a picture; nothing else tells the students apart."""

    TRANSPOSED = "transposed"
    """ConvTranspose 2x2, stride 2."""
    RESIZED = "resized"
    """Bilinear Resize, then Conv 3x3."""


@dataclass(frozen=True, slots=True)
class Student:
    id: str
    decoder: Decoder


STUDENTS = MappingProxyType(
    {
        "v1": Student("saliency_student_v1", Decoder.TRANSPOSED),
        "v2": Student("saliency_student_v2", Decoder.RESIZED),
    }
)
SEEDS = (0, 1)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Adam, its rate falling along a cosine to nothing."""

    epochs: int = 3
    batch_size: int = 16
    lr: float = 3e-3
    widths: tuple[int, ...] = (8, 16, 32, 64)
    """Channels at full size, a half, a quarter and an eighth."""
    b1: float = 0.9
    b2: float = 0.999
    eps: float = 1e-8

    @property
    def value(self) -> dict[str, Any]:
        return {**asdict(self), "widths": list(self.widths)}
