"""A model's files on their way into a process apart: read and digested here, and looked into there alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from smokegate.errors import DocumentError, UsageError
from smokegate.evidence.fault import Wanted
from smokegate_runners.saliency.network import sidecar

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Files:
    name: str
    graph: bytes
    outside: Mapping[str, bytes]
    """By where they lie, seen from the model's folder."""
    multiple: int | None
    """What pictures are padded to, where its sidecar says so."""

    @property
    def size(self) -> int:
        return len(self.graph) + sum(map(len, self.outside.values()))


def files(path: Path, wanted: Wanted, *, model_mib: int) -> Files:
    """Those that the judge saw, and no others: evidence is about the bytes that are run."""
    graph = _read(path, wanted.sha256, path, model_mib * _MIB)
    folder = path.parent.resolve()
    outside = {}
    for place, digest in wanted.external.items():
        found = (folder / place).resolve()
        if not found.is_relative_to(folder):
            raise UsageError(f"{path} keeps weights in {place!r}, outside its folder")
        outside[place] = _read(found, digest, path)
    return Files(str(path), graph, outside, sidecar.size_multiple(path))


def _read(place: Path, digest: str, model: Path, most: int = -1) -> bytes:
    try:
        with place.open("rb") as stream:
            data = stream.read(most)
    except OSError as error:
        raise UsageError(f"{place} cannot be read: {error.strerror}", fix="run it again") from None
    if hashlib.sha256(data).hexdigest() != digest:
        raise DocumentError(f"{model} is another model now than when the run began", fix="run it again")
    return data
