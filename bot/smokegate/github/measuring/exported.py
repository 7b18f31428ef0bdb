"""What a harness trained, out of what it left: each model held to the evidence that speaks of it."""

from __future__ import annotations

import hashlib

from smokegate.evidence.documents import Evidence
from smokegate.github.measuring.artifact import Artifact, ArtifactError
from smokegate.registry.document import JsonDocument, read_json
from smokegate.registry.manifest import Manifest, is_manifest
from smokegate.review.flip_exports import Export, Exports

_DOCUMENT, _DEPTH = 16 << 20, 32


def exports_of(evidence: Evidence, left: Artifact) -> Exports:
    members = tuple(_export(left, one.id or "", one.onnx or "", one.sha256) for one in evidence.subjects)
    found = [
        (manifest, data)
        for name, data in left.files.items()
        if name.endswith(".json") and (manifest := _manifest(data, name)) is not None
    ]
    if len(found) != 1:
        raise ArtifactError(f"it has {len(found)} ensemble manifests, and one is wanted")
    manifest, data = found[0]
    _require_of(manifest, frozenset(one.id for one in members))
    return Exports(members, manifest.id, data)


def _require_of(manifest: Manifest, ids: frozenset[str]) -> None:
    """It goes where its id says, so it may not call itself by another ensemble's, or by a path."""
    named = all(one.startswith(f"{manifest.id}_seed") for one in ids)
    if not named or manifest.member_ids() != ids:
        raise ArtifactError(f"its manifest {manifest.id[:80]!r} is not that of {', '.join(sorted(ids)[:20])}")


def _export(left: Artifact, entry: str, onnx: str, sha256: str | None) -> Export:
    if onnx != f"{entry}.onnx":
        raise ArtifactError(f"what was trained for {entry[:80]} is called {onnx[:80]!r}")
    model, sidecar = left.file(onnx), left.file(f"{entry}.json")
    digest = hashlib.sha256(model).hexdigest()
    if digest != sha256:
        raise ArtifactError(f"{onnx} in it is {digest}, and its evidence is about {sha256}")
    document = read_json(sidecar, f"{entry}.json", max_bytes=_DOCUMENT, max_depth=_DEPTH)
    value = document.value if isinstance(document, JsonDocument) else None
    opset = value.get("opset") if isinstance(value, dict) else None
    if not isinstance(opset, int) or isinstance(opset, bool):
        raise ArtifactError(f"{entry}.json in it is no sidecar: it has no opset")
    return Export(entry, onnx, digest, opset, model, sidecar)


def _manifest(data: bytes, name: str) -> Manifest | None:
    document = read_json(data, name, max_bytes=_DOCUMENT, max_depth=_DEPTH)
    return Manifest(document) if isinstance(document, JsonDocument) and is_manifest(document.value) else None
