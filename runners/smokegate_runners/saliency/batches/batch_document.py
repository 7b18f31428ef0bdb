"""A batch's report as a typed value. A test holds it and its JSON Schema to one verdict on the same inputs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from smokegate_runners.provenance_document import Count, Document, RunProvenance, Text
from smokegate_runners.saliency.audit_document import AuditedModel, AuditedSettings, AuditedSources, AuditedStatuses

Share = Annotated[float, Field(ge=0, le=1)]


class ReportedTable(Document):
    """A table that failed, or was not run, has no counts: nothing was written for it."""

    id: Text
    status: Literal["ok", "row-failures", "failed", "not-run"]
    input: Text
    output: Text
    audit_json: Text | None
    error: str | None
    total: Count
    ok: Count
    skipped_existing: Count
    failed: Count
    by_status: AuditedStatuses | None
    coverage: Share | None
    """Rows that have values, of all; null where there are none."""
    sources: AuditedSources | None
    model: AuditedModel | None
    settings: AuditedSettings | None
    advice: list[str]
    seconds: Annotated[float, Field(ge=0)]


class BatchSummary(Document):
    tables: Count
    failed_tables: Count
    total: Count
    ok: Count
    skipped_existing: Count
    failed: Count


class BatchReport(Document):
    """`saliency-materializer-batch-v1`."""

    schema_: Literal["saliency-materializer-batch-v1"] = Field(alias="schema")
    status: Literal["ok", "row-failures", "failed"]
    summary: BatchSummary
    tables: list[ReportedTable]
    run_provenance: RunProvenance
