"""What is trained and how: one frozen value, because a checkpoint and a document must name all of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from smokegate.evidence.corpus import FEATURES
from smokegate.evidence.features import ENCODERS

VOCABULARY_VERSION = 2
CODEC_BLOCK = (*(f"encoder_onehot[{name}]" for name in ENCODERS), "preset_norm", "crf_norm")
SEEDS = (0, 1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Adam as torch.optim.Adam(weight_decay=...) has it: the decay is added to the gradient, not to the step."""

    epochs: int = 200
    batch_size: int = 32
    lr: float = 5e-4
    weight_decay: float = 1e-5
    dropout: float = 0.1
    hidden: tuple[int, ...] = (64, 64)
    b1: float = 0.9
    b2: float = 0.999
    eps: float = 1e-8

    @property
    def widths(self) -> tuple[int, ...]:
        return (len(FEATURES) + len(CODEC_BLOCK), *self.hidden, 1)

    @property
    def value(self) -> dict[str, Any]:
        return {**asdict(self), "hidden": list(self.hidden)}


def member_id(name: str, seed: int) -> str:
    return f"{name}_seed{seed}"
