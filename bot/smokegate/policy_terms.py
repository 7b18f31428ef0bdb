"""The terms that every part of the policy is written in."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from smokegate import globs


class Strict(BaseModel):
    # defer_build: the default policy is constructed, never validated, so most runs need no validator at all.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


def sound_glob(pattern: str) -> str:
    if why := globs.fault(pattern):
        raise ValueError(f"a glob, but {why}")
    return pattern


def shape(pattern: str) -> dict[str, Any]:
    """For the JSON Schema alone: what pydantic's own patterns cannot say."""
    return {"pattern": pattern}


Glob = Annotated[
    str, Field(min_length=1, max_length=512, json_schema_extra=shape(globs.SHAPE)), AfterValidator(sound_glob)
]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
