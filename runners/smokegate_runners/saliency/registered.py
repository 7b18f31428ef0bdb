"""Which registry a model stands in, and whether its bytes are those that the registry pins."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smokegate.errors import UsageError
from smokegate.registry.document import DocumentFault, read_json
from smokegate.registry.entry import Entry, read_entries

NAME = "registry.json"
_MAX_BYTES = 64 << 20
_MAX_DEPTH = 32
_TWIN = ".int8.onnx"


@dataclass(frozen=True, slots=True)
class Standing:
    """`registry` is None for a model that no registry names, or names with other bytes."""

    id: str
    registry: Path | None
    sha256: str | None = None
    """As the registry pins it, and as it was found."""


def standing(model: Path, *, unregistered: bool) -> Standing:
    """Refuses a model that its registry does not vouch for, unless unregistered ones are allowed."""
    if not model.is_file():
        raise UsageError(f"--model-path {model}: there is no such file")
    _require_bytes(model)
    found = _named_in(model)
    if found is None:
        if unregistered:
            return Standing(model.stem, None)
        raise UsageError(
            f"no {NAME} beside {model} or above it names this model",
            fix=f"add it to its registry, or materialize --model-path {model} --allow-unregistered",
        )
    registry, name, pins = found
    wrong = [_said(path, digest) for path, digest in pins.items() if _digest(path) != digest]
    if not wrong:
        return Standing(name, registry, next(iter(pins.values())))
    if unregistered:
        return Standing(model.stem, None)
    raise UsageError(
        f"entry {name!r} of {registry} pins other bytes: {'; '.join(wrong)}",
        fix="restore the bytes (git checkout, git lfs pull), or --allow-unregistered",
    )


def _named_in(model: Path) -> tuple[Path, str, dict[Path, Any]] | None:
    """The nearest registry that names the file, the name that it has there, and the digests pinned for it."""
    for registry in _registries(model):
        for entry in _entries(registry):
            if entry.onnx is None:
                continue
            graph = registry.parent / entry.onnx
            if graph.resolve() == model.resolve():
                pins = {graph: entry.sha256} | _external(registry, graph, entry)
                return registry, entry.id or model.stem, pins
            twin = graph.with_name(graph.stem + _TWIN)
            if twin.resolve() == model.resolve():
                return registry, model.stem, {twin: entry.text("int8_sha256")}
    return None


def _entries(registry: Path) -> list[Entry]:
    document = read_json(registry.read_bytes(), str(registry), max_bytes=_MAX_BYTES, max_depth=_MAX_DEPTH)
    if isinstance(document, DocumentFault):
        raise UsageError(
            f"{registry}:{document.line or 1}: {document.message}", fix=f"smokegate check --registry {registry}"
        )
    return read_entries(document.value)


def _registries(model: Path) -> Iterator[Path]:
    """From the model's folder up, as far as the root of its repository; then so from where links lead."""
    for start in dict.fromkeys((Path(os.path.abspath(model)).parent, model.resolve().parent)):  # noqa: PTH100
        for place in (start, *start.parents):
            if (place / NAME).is_file():
                yield place / NAME
            if (place / ".git").exists():
                break


def _external(registry: Path, graph: Path, entry: Entry) -> dict[Path, Any]:
    """Pins stand in the entry or in the sidecar, by paths from the registry's folder or from the model's."""
    rows = [entry.raw.get("external_data")]
    sidecar = graph.with_suffix(".json")
    if sidecar.is_file():
        document = read_json(sidecar.read_bytes(), str(sidecar), max_bytes=_MAX_BYTES, max_depth=_MAX_DEPTH)
        if not isinstance(document, DocumentFault) and isinstance(document.value, dict):
            rows.append(document.value.get("external_data"))
    pins = {}
    for row in (row for listed in rows if isinstance(listed, list) for row in listed if isinstance(row, dict)):
        places = [folder / str(row.get("path")) for folder in (registry.parent, graph.parent)]
        pins[next((place for place in places if place.is_file()), places[0])] = row.get("sha256")
    return pins


def _digest(path: Path) -> str | None:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None


def _said(path: Path, pinned: Any) -> str:
    found = _digest(path)
    return f"{path.name} is {found[:12] if found else 'not there'}, and the entry says {str(pinned)[:12]}"


def _require_bytes(model: Path) -> None:
    with model.open("rb") as stream:
        if stream.read(32).startswith(b"version https://git-lfs"):
            raise UsageError(
                f"--model-path {model} is a pointer to the model, which was not fetched", fix="git lfs pull"
            )
