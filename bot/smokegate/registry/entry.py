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
    """The id, `id#2` for its second bearer; the model's path where there is no usable id, else `models[7]`."""

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
    def named(self) -> bool:
        """Whether its id tells it from every other row, so that a record can speak of it."""
        return self.id is not None and self.id == self.key

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
    bearers: dict[str, int] = {}
    entries = []
    for index, raw in enumerate(models):
        if isinstance(raw, dict):
            entries.append(Entry(raw, index, _key(raw, index, bearers)))
    return entries


def _key(raw: Mapping[str, Any], index: int, bearers: dict[str, int]) -> str:
    """Nobody else's, whatever the ids say: a row that lost its key to another would be judged by nobody."""
    named = (name for name in (raw.get("id"), raw.get("onnx")) if isinstance(name, str) and name)
    wanted = next(named, f"models[{index}]")
    key = wanted
    while key in bearers:
        bearers[wanted] += 1
        key = f"{wanted}#{bearers[wanted]}"
    bearers[key] = 1
    return key


def is_registry_shaped(document: Any) -> bool:
    """Whether a JSON value looks like a registry of models."""
    if not isinstance(document, dict) or not isinstance(document.get("models"), list):
        return False
    rows = document["models"]
    return any(isinstance(row, dict) and ("onnx" in row or "sha256" in row) for row in rows)
