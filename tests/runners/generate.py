"""Writes the schemas of the runners' documents from their models.

`PYTHONPATH=bot:runners:tests python -m runners.generate`
"""

from __future__ import annotations

from evidence import generate as evidence
from evidence.generate import SCHEMAS, Titles
from smokegate_runners.provenance_document import RunProvenance
from smokegate_runners.saliency.audit_document import Audit

__all__ = ["SCHEMAS", "TITLES", "schema"]

TITLES: Titles = {
    "ai-run-provenance-v1": (RunProvenance, "Who ran what on what"),
    "saliency-materializer-audit-v1": (Audit, "What became of a table of clips"),
}


def schema(name: str, titles: Titles = TITLES) -> str:
    return evidence.schema(name, titles)


if __name__ == "__main__":
    for each in TITLES:
        (SCHEMAS / f"{each}.schema.json").write_text(schema(each), encoding="utf-8")
