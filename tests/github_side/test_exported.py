"""What a harness trained is taken for what its evidence speaks of, and for nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from github_side.promotions import MEMBERS, NAME
from github_side.test_finish import Files
from smokegate.evidence.documents import Evidence, read
from smokegate.github.measuring.artifact import Artifact, ArtifactError
from smokegate.github.measuring.exported import exports_of
from smokegate.review.flip_exports import Exports


def exports(files: Files) -> Exports:
    evidence = read(files["PROMOTE.json"], "PROMOTE.json")
    assert isinstance(evidence, Evidence)
    return exports_of(evidence, Artifact(files))


def with_manifest(files: Files, **fields: Any) -> Files:
    manifest = json.loads(files[f"{NAME}.json"])
    return {**files, f"{NAME}.json": json.dumps({**manifest, **fields}).encode()}


def test_an_ensemble_whole(trained: Files) -> None:
    found = exports(trained)
    assert (found.manifest_id, found.manifest) == (NAME, trained[f"{NAME}.json"])
    assert {one.id: one.model for one in found.members} == {one: trained[f"{one}.onnx"] for one in MEMBERS}


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "old_ensemble_v0"},
        {"id": "../../.github/x"},
        {"id": f"sub/{NAME}"},
        {"id": f"{NAME}_seed0"},
        {"id": ""},
        {"members": []},
        {"members": [{"id": MEMBERS[0], "onnx": "x.onnx"}]},
        {"members": [{"id": one, "onnx": "x.onnx"} for one in (*MEMBERS, "old_ensemble_v0_seed0")]},
    ],
)
def test_a_manifest_of_something_else_goes_nowhere(trained: Files, fields: dict[str, Any]) -> None:
    """A runner that was taken over might have that of another ensemble written over."""
    with pytest.raises(ArtifactError, match="manifest"):
        exports(with_manifest(trained, **fields))
