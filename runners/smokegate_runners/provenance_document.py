"""The record of a run as a typed value. A test holds it and its JSON Schema to one verdict on the same inputs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _whole(value: Any) -> Any:
    """JSON has one kind of number: 17.0 is the integer 17."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=0), BeforeValidator(_whole)]
Positive = Annotated[int, Field(ge=1), BeforeValidator(_whole)]
Instant = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")]


class Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class RecordedFile(Document):
    """Or a text, by the name that it had."""

    kind: Text
    path: str
    size: Count
    sha256: Sha256


class RecordedRepository(Document):
    commit: str | None
    dirty: bool


class RunProvenance(Document):
    """`ai-run-provenance-v1`."""

    schema_: Literal["ai-run-provenance-v1"] = Field(alias="schema")
    entrypoint: RecordedFile
    repo: RecordedRepository | None
    argv: list[str]
    args: dict[str, Any]
    inputs: list[RecordedFile]
    outputs: list[RecordedFile]
    packages: dict[str, str]
    started_at_utc: Instant
    ended_at_utc: Instant
