"""The manifest of a corpus: which clips, encoders and levels, in YAML or JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from smokegate.errors import DocumentError
from smokegate.registry.strict_json import JsonFault, parse
from smokegate_runners.corpus.clips import Clip, from_file

_MOST_BYTES = 1 << 20


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ListedClip(_Strict):
    name: str | None = None
    path: str | None = None
    generator: str | None = None


class Manifest(_Strict):
    """What the command line leaves unsaid; what it says comes first."""

    clips: list[ListedClip] = Field(min_length=1)
    encoders: list[str] | None = None
    cq: list[int] | None = None
    frames: PositiveInt | None = None
    seconds: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    size: str | None = None


def read(path: Path) -> Manifest:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise DocumentError(f"{path}: {error.strerror}") from None
    value = _json(text, path) if path.suffix.lower() == ".json" else _yaml(text, path)
    try:
        return Manifest.model_validate(value)
    except ValidationError as invalid:
        first = invalid.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DocumentError(f"{path}: {where or 'manifest'}: {first['msg']}") from None


def clips(manifest: Manifest, folder: Path) -> list[Clip]:
    """Paths count from the manifest's folder."""
    return [_clip(listed, at, folder) for at, listed in enumerate(manifest.clips)]


def _clip(listed: ListedClip, at: int, folder: Path) -> Clip:
    where = f"clips.{at}"
    if (listed.path is None) == (listed.generator is None):
        raise DocumentError(f"{where}: a clip has a `path` or a `generator`, one of the two")
    if listed.path is not None:
        return from_file(folder / listed.path, listed.name)
    if not listed.name:
        raise DocumentError(f"{where}: a generator has no name of its own: give the clip a `name`")
    return Clip(listed.name, generator="".join(str(listed.generator).split("\n")).strip())


def _json(text: bytes, path: Path) -> Any:
    try:
        return parse(text, max_bytes=_MOST_BYTES, max_depth=16)
    except JsonFault as fault:
        raise DocumentError(f"{path}: {fault}") from None


def _yaml(text: bytes, path: Path) -> Any:
    from ruamel.yaml import YAML  # noqa: PLC0415
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415

    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        said = " ".join(str(error).split())
        raise DocumentError(f"{path}: {said[:300]}") from None
