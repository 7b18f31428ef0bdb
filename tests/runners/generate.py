"""Writes the schemas of the runners' documents from their models.

`PYTHONPATH=bot:runners:tests python -m runners.generate`
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from smokegate_runners.provenance_document import RunProvenance
from smokegate_runners.saliency.audit_document import Audit

SCHEMAS = Path(__file__).parents[2] / "schemas"
TITLES: dict[str, tuple[type[BaseModel], str]] = {
    "ai-run-provenance-v1": (RunProvenance, "Who ran what on what"),
    "saliency-materializer-audit-v1": (Audit, "What became of a table of clips"),
}


def schema(name: str, titles: dict[str, tuple[type[BaseModel], str]] = TITLES) -> str:
    model, title = titles[name]
    document: dict[str, Any] = model.model_json_schema()
    document |= {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:smokegate:{name}",
        "title": title,
    }
    _without_titles(document)
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def _without_titles(value: Any) -> None:
    """Those of fields say their names again."""
    if isinstance(value, dict):
        for name, part in value.get("properties", {}).items():
            if isinstance(part, dict) and name:
                part.pop("title", None)
        for inner in value.values():
            _without_titles(inner)
    elif isinstance(value, list):
        for inner in value:
            _without_titles(inner)


if __name__ == "__main__":
    for each in TITLES:
        (SCHEMAS / f"{each}.schema.json").write_text(schema(each), encoding="utf-8")
