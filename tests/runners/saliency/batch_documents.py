"""Writes the schemas of the batch's documents from their models.

`PYTHONPATH=bot:runners:tests python -m runners.saliency.batch_documents`
"""

from __future__ import annotations

from pydantic import BaseModel

from runners.generate import SCHEMAS, schema
from smokegate_runners.saliency.batches.batch_document import BatchReport
from smokegate_runners.saliency.batches.batch_manifest import BatchManifest

TITLES: dict[str, tuple[type[BaseModel], str]] = {
    "batch-manifest": (BatchManifest, "Tables of clips, and the settings that they share"),
    "saliency-materializer-batch-v1": (BatchReport, "What became of a batch of tables"),
}

if __name__ == "__main__":
    for each in TITLES:
        (SCHEMAS / f"{each}.schema.json").write_text(schema(each, TITLES), encoding="utf-8")
