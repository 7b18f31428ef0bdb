"""One row of a registry, read leniently: a field of the wrong type reads as absent, and the schema check says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from smokegate.registry.document import Pointer

SMOKE = "smoke"
PRODUCTION = "production"
QUANTISED_MODES = frozenset({"static", "dynamic", "qat"})


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    raw: Mapping[str, Any]
    index: int
    key: str
    """The id; `id#2` for its second bearer, `models[7]` where there is no usable id."""

    def text(self, field: str) -> str | None:
        value = self.raw.get(field)
        return value if isinstance(value, str) else None

    @property
    def id(self) -> str | None:
        return self.text("id")

    @property
    def onnx(self) -> str | None:
        return self.text("onnx")

    @property
    def sha256(self) -> str | None:
        return self.text("sha256")

    @property
    def production(self) -> bool:
        """Absent means production, and so does anything that is not literally `true`."""
        return self.raw.get("smoke") is not True

    @property
    def stage(self) -> str:
        return PRODUCTION if self.production else SMOKE

    @property
    def quantised(self) -> bool:
        return self.text("quant_mode") in QUANTISED_MODES

    def pointer(self, *fields: str | int) -> Pointer:
        return ("models", self.index, *fields)


def read_entries(document: Any) -> list[Entry]:
    """The rows of a registry document; what is not an object is left to the schema check."""
    models = document.get("models") if isinstance(document, dict) else None
    if not isinstance(models, list):
        return []
    seen: dict[str, int] = {}
    entries = []
    for index, raw in enumerate(models):
        if isinstance(raw, dict):
            entries.append(Entry(raw, index, _key(raw, index, seen)))
    return entries


def _key(raw: Mapping[str, Any], index: int, seen: dict[str, int]) -> str:
    name = raw.get("id")
    if not isinstance(name, str) or not name:
        return f"models[{index}]"
    seen[name] = seen.get(name, 0) + 1
    return name if seen[name] == 1 else f"{name}#{seen[name]}"


def is_registry_shaped(document: Any) -> bool:
    """Whether a JSON value looks like a registry of models."""
    if not isinstance(document, dict) or not isinstance(document.get("models"), list):
        return False
    rows = document["models"]
    return all(isinstance(row, dict) for row in rows) and any("onnx" in row or "sha256" in row for row in rows)
