"""One row of a registry, read leniently: a field of the wrong type reads as absent, and the schema check says so."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
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
    keys: set[str] = set()
    entries = []
    for index, raw in enumerate(models):
        if isinstance(raw, dict):
            key = _key(raw, index, keys)
            keys.add(key)
            entries.append(Entry(raw, index, key))
    return entries


def _key(raw: Mapping[str, Any], index: int, taken: Collection[str]) -> str:
    """Nobody else's, whatever the ids say: a row that lost its key to another would be judged by nobody."""
    name = raw.get("id")
    wanted = name if isinstance(name, str) and name else f"models[{index}]"
    further = (f"{wanted}#{count}" for count in itertools.count(2))
    return next(key for key in itertools.chain([wanted], further) if key not in taken)


def is_registry_shaped(document: Any) -> bool:
    """Whether a JSON value looks like a registry of models."""
    if not isinstance(document, dict) or not isinstance(document.get("models"), list):
        return False
    rows = document["models"]
    return all(isinstance(row, dict) for row in rows) and any("onnx" in row or "sha256" in row for row in rows)
