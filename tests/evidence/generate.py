"""Writes the evidence schemas from their models: `PYTHONPATH=bot:tests python -m evidence.generate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from smokegate.evidence.models import LosoSeed, PromoteV1, PromoteV2

SCHEMAS = Path(__file__).parents[2] / "schemas"
Titles = dict[str, tuple[type[BaseModel], str]]
TITLES: Titles = {
    "promote-v1": (PromoteV1, "PROMOTE.json or HOLD.json, version 1"),
    "promote-v2": (PromoteV2, "PROMOTE.json or HOLD.json, version 2"),
    "loso-seed": (LosoSeed, "loso_seed{N}.json"),
}


def schema(name: str, titles: Titles = TITLES) -> str:
    model, title = titles[name]
    document: dict[str, Any] = model.model_json_schema()
    document |= {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:smokegate:{name}",
        "title": title,
    }
    _without_noise(document)
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def _without_noise(value: Any) -> None:
    """Fields' titles say their names again, and `discriminator` is no word of JSON Schema."""
    if isinstance(value, dict):
        value.pop("discriminator", None)
        for name, part in value.get("properties", {}).items():
            if isinstance(part, dict) and name:
                part.pop("title", None)
        for inner in value.values():
            _without_noise(inner)
    elif isinstance(value, list):
        for inner in value:
            _without_noise(inner)


if __name__ == "__main__":
    for each in TITLES:
        (SCHEMAS / f"{each}.schema.json").write_text(schema(each), encoding="utf-8")
