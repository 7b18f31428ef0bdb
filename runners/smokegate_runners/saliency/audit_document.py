"""A table's audit as a typed value. A test holds it and its JSON Schema to one verdict on the same inputs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from smokegate_runners.provenance_document import Count, Document, Positive, RunProvenance, Sha256, Text

Failed = Literal["missing-source", "missing-geometry", "decode-failed", "model-failed"]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class AuditedRows(Document):
    total: Count
    ok: Count
    skipped_existing: Count
    failed: Count


class AuditedStatuses(Document):
    ok: Count
    skipped_existing: Count = Field(alias="skipped-existing")
    missing_source: Count = Field(alias="missing-source")
    missing_geometry: Count = Field(alias="missing-geometry")
    decode_failed: Count = Field(alias="decode-failed")
    model_failed: Count = Field(alias="model-failed")


class AuditedSources(Document):
    """Files, each once. `computed` were worked in this run, `reused` were found finished in the ledger."""

    distinct: Count
    computed: Count
    reused: Count
    failed: Count


class AuditedModel(Document):
    id: Text
    path: Text
    sha256: Sha256
    digest: Text
    registry: Text | None


class AuditedSettings(Document):
    max_frames: Positive
    frame_samples: Positive
    aggregator: Literal["mean", "ema", "max", "motion-weighted"]
    ema_alpha: Annotated[float, Field(gt=0, le=1)] | None
    color: Text


class AuditedColumns(Document):
    path: Text
    width: str
    height: str
    status: str
    model_id: str
    aggregator: str
    ema_alpha: str
    mean: Text
    var: Text


class AuditedFailure(Document):
    """`path` as the rows have it; empty where they have none."""

    path: str
    status: Failed
    detail: str
    rows: Count


class AuditedFolder(Document):
    folder: str
    paths: Count
    rows: Count


class AuditedFailures(Document):
    """`listed` are the first in the order of the table, `folders` those with the most rows."""

    paths: Count
    listed: list[AuditedFailure]
    unlisted: Count
    folders: list[AuditedFolder]


class AuditedTimings(Document):
    read_s: Seconds
    look_up_s: Seconds
    compute_s: Seconds
    write_s: Seconds


class Audit(Document):
    """`saliency-materializer-audit-v1`."""

    schema_: Literal["saliency-materializer-audit-v1"] = Field(alias="schema")
    status: Literal["ok", "row-failures"]
    rows: AuditedRows
    by_status: AuditedStatuses
    sources: AuditedSources
    geometry_disagreements: Count
    transfers: dict[str, Count]
    values_clipped: Count
    model: AuditedModel
    settings: AuditedSettings
    columns: AuditedColumns
    failures: AuditedFailures
    run_provenance: RunProvenance
    timings: AuditedTimings
