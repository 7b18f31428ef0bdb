"""The document that binds several entries into one ensemble."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from smokegate.registry.document import JsonDocument
from smokegate.registry.entry import PRODUCTION, SMOKE

_RUNTIME_FIELDS = (
    "confidence",
    "feature_order",
    "feature_mean",
    "feature_std",
    "codec_block_layout",
    "codec_vocab",
    "encoder_vocab",
    "encoder_vocab_version",
)
_OF_A_MODEL = frozenset({"onnx", "sha256", "seed"})


@dataclass(frozen=True, slots=True)
class Member:
    index: int
    raw: Mapping[str, Any]

    def text(self, field: str) -> str | None:
        value = self.raw.get(field)
        return value if isinstance(value, str) else None

    @property
    def id(self) -> str | None:
        return self.text("id")


@dataclass(frozen=True, slots=True)
class Manifest:
    document: JsonDocument

    @property
    def path(self) -> str:
        return self.document.path

    @property
    def value(self) -> Mapping[str, Any]:
        value: Mapping[str, Any] = self.document.value
        return value

    @property
    def id(self) -> str:
        value = self.value.get("id")
        return value if isinstance(value, str) and value else self.path

    @property
    def stage(self) -> str:
        """As with an entry: what is not literally `true` means production."""
        return SMOKE if self.value.get("smoke") is True else PRODUCTION

    @property
    def size(self) -> int | None:
        value = self.value.get("ensemble_size")
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def members(self) -> Iterator[Member]:
        for index, raw in enumerate(self.value["members"]):
            if isinstance(raw, dict):
                yield Member(index, raw)

    def member_ids(self) -> frozenset[str]:
        return frozenset(m.id for m in self.members() if m.id)

    def runtime(self) -> dict[str, Any]:
        return {field: self.value[field] for field in _RUNTIME_FIELDS if field in self.value}


def is_manifest(value: Any) -> bool:
    """Other documents list members too; those of an ensemble are models."""
    if not isinstance(value, dict) or not isinstance(value.get("members"), list):
        return False
    named = "ensemble_size" in value or "ensemble" in str(value.get("kind"))
    return named or any(isinstance(m, dict) and not _OF_A_MODEL.isdisjoint(m) for m in value["members"])
