"""The evidence that a flip is given: read from wherever it lies, and the place that it takes beside the registry."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from smokegate.errors import DocumentError, UsageError
from smokegate.evidence.attestation import Kind
from smokegate.evidence.documents import Evidence, EvidenceFault, read
from smokegate.globs import matches
from smokegate.judge.side import Side
from smokegate.registry.paths import fold, join, within
from smokegate.review.flip_drafts import Drafts

_LARGEST_SIGNATURE = 4 << 20
_MOST_NAMES = 1000


@dataclass(frozen=True, slots=True)
class Brought:
    """The exact bytes of an evidence file, and of the signatures that lie beside it."""

    path: Path
    data: bytes
    read: Evidence | EvidenceFault
    signatures: Mapping[str, bytes]
    """By what the signature's name adds to the evidence's."""


def bring(path: Path, largest: int) -> Brought:
    data = _bytes(path, largest)
    beside = {kind.value: path.with_name(path.name + kind.value) for kind in Kind}
    signatures = {suffix: _bytes(place, _LARGEST_SIGNATURE) for suffix, place in beside.items() if place.exists()}
    return Brought(path, data, read(data, path.name, max_bytes=largest), signatures)


def _bytes(path: Path, largest: int) -> bytes:
    try:
        if not path.is_file():
            raise UsageError(f"{path} is not a file, so it is no evidence", fix="name a PROMOTE.json with --evidence")
        with path.open("rb") as stream:
            data = stream.read(largest + 1)
    except OSError as error:
        raise DocumentError(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > largest:
        raise DocumentError(f"{path} is larger than the {largest >> 20} MiB that are read of such a file")
    return data


def placed(brought: Brought, side: Side, drafts: Drafts, title: str) -> str:
    """Where the evidence lies or will lie, from the root; what is to be written is drafted."""
    for path in _candidates(brought, side, title):
        if not _free_or_same(brought, side, drafts, path):
            continue
        drafts.put(path, brought.data)
        for suffix, data in brought.signatures.items():
            drafts.put(path + suffix, data)
        return path
    globs = ", ".join(side.policy.evidence) or "none"
    raise UsageError(
        f"no name for the evidence fits the policy's `evidence` globs: {globs}",
        fix=f"copy {brought.path.name} to where they find it, and name that file with --evidence",
    )


def _candidates(brought: Brought, side: Side, title: str) -> Iterator[str]:
    """Where the same bytes lie already, then names of our own, then as close to the globs as can be."""
    yield from (path for path in side.evidence_paths if side.tree.read(path, len(brought.data)) == brought.data)
    for number in itertools.islice(itertools.count(1), _MOST_NAMES):
        name = title if number == 1 else f"{title}_{number}"
        names = [f"{name}_PROMOTE.json", f"evidence/{name}_PROMOTE.json"]
        names += [_filled(glob, f"{name}_PROMOTE") for glob in side.policy.evidence]
        fitting = [one for one in names if any(matches(glob, one) for glob in side.policy.evidence)]
        yield from (join(side.folder, one) for one in fitting[:1] if one.endswith(".json"))


def _filled(glob: str, name: str) -> str:
    filled = glob.replace("**/", "").replace("**", "*").replace("*", name, 1).replace("*", "")
    return filled if filled.endswith(".json") else f"{filled}.json"


def _free_or_same(brought: Brought, side: Side, drafts: Drafts, path: str) -> bool:
    """Nothing is ever overwritten, nor given a name that differs from another in case alone."""
    if path in side.sidecar_paths or path == side.registry_path:
        return False
    wanted = {path: brought.data, **{path + suffix: data for suffix, data in brought.signatures.items()}}
    taken = {fold(within(side.folder, other)) for other in side.files.difference(wanted)}
    for place, data in wanted.items():
        if fold(within(side.folder, place)) in taken or drafts.there(place) not in {None, data}:
            return False
    # a signature that lies there already is of other bytes, or not the one that was brought
    return all(drafts.there(path + kind.value) is None for kind in Kind if path + kind.value not in wanted) or (
        drafts.there(path) == brought.data
    )
