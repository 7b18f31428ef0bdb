"""What a harness trained, put where the entries have it: models, sidecars, the ensemble's manifest, and the rows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from smokegate.errors import UsageError
from smokegate.judge.side import Side
from smokegate.registry.entry import Entry
from smokegate.registry.paths import fold, join, stem, within
from smokegate.review.flip_drafts import Drafts


@dataclass(frozen=True, slots=True)
class Export:
    id: str
    onnx: str
    """Its file's name."""
    sha256: str
    opset: int
    model: bytes
    sidecar: bytes


@dataclass(frozen=True, slots=True)
class Exports:
    """One ensemble, whole."""

    members: tuple[Export, ...]
    manifest_id: str
    manifest: bytes


def take_up(side: Side, drafts: Drafts, exports: Exports) -> None:
    """Nothing of anybody else's is overwritten: a member's files go where its own are, or where there are none."""
    manifest = next((one.path for one in side.manifests if one.id == exports.manifest_id), None)
    place = manifest or join(side.folder, f"{exports.manifest_id}.json")
    _put(side, drafts, place, exports.manifest, {manifest})
    for export in exports.members:
        entry = side.entries.get(export.id)
        if entry is None:
            raise UsageError(
                f"what was trained is `{export.id}`, which is not in {side.registry_path}",
                fix="add a row for it, as smoke, and ask again",
            )
        _member(side, drafts, entry, export)


def _member(side: Side, drafts: Drafts, entry: Entry, export: Export) -> None:
    model = join(side.folder, export.onnx)
    own = {side.model_path(entry), side.sidecar_path(entry)}
    _put(side, drafts, model, export.model, own)
    _put(side, drafts, f"{stem(model)}.json", export.sidecar, own)
    for field, value in (("onnx", export.onnx), ("sha256", export.sha256), ("opset", export.opset)):
        if entry.raw.get(field) != value:
            drafts.set(side.registry_path, entry.pointer(field), value)


def _put(side: Side, drafts: Drafts, path: str, data: bytes, own: Collection[str | None]) -> None:
    name = fold(within(side.folder, path))
    taken = {one for one in side.files if fold(within(side.folder, one)) == name}
    if taken - set(own) or side.real(path) != path:
        raise UsageError(
            f"{min(taken | {path})} is in the way of what was trained, and belongs to something else",
            fix="give it another name, or the ensemble another id",
        )
    drafts.put(path, data)
