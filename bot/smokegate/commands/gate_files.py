"""The files of `smokegate gate`: what it reads, and the one that it leaves."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from smokegate.errors import DocumentError, UsageError
from smokegate.evidence.corpus import Clip, ClipFolder, CorpusFault, CorpusTable, clips, read
from smokegate.evidence.models import LosoSeed, misfits
from smokegate.evidence.write import HOLD, PROMOTE, to_bytes
from smokegate.policy_mistakes import dotted
from smokegate.registry.document import DocumentFault, JsonDocument, read_json

_LARGEST = 4 << 20
_DEPTH = 16


def loso(folder: Path, seeds: Sequence[int]) -> list[dict[str, Any]]:
    """Each seed's document, strictly: a number that JSON does not know is a fault, and not skipped."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is no directory", fix="name the directory that holds the loso_seed{N}.json files")
    return [_seed(folder / f"loso_seed{seed}.json", seed) for seed in seeds]


def _seed(path: Path, seed: int) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            data = stream.read(_LARGEST + 1)
    except FileNotFoundError:
        raise DocumentError(
            f"{path} is missing, so seed {seed} cannot be judged", fix="train that seed, or name the seeds with --seeds"
        ) from None
    except OSError as error:
        raise DocumentError(f"{path} cannot be read: {error.strerror}") from None
    document = read_json(data, str(path), max_bytes=_LARGEST, max_depth=_DEPTH)
    if isinstance(document, DocumentFault):
        where = f"{path}:{document.line}:{document.column}" if document.line else str(path)
        raise DocumentError(
            f"{where}: {document.message}", fix="write an undefined number as null, and the file as strict JSON"
        )
    _fitting(document, path, seed)
    value: dict[str, Any] = document.value
    return value


def _fitting(document: JsonDocument, path: Path, seed: int) -> None:
    wrong = list(misfits(document.value, LosoSeed))
    if wrong:
        lines = [f"  {path}:{document.where(place)[0]}: `{dotted(place)}` {why}" for place, why in wrong[:20]]
        raise DocumentError(
            "\n".join([f"{path} is no loso_seed document:", *lines]), fix="write it again with the training harness"
        )
    if document.value["seed"] != seed:
        raise DocumentError(
            f"{path} is of seed {document.value['seed']}, and its name says {seed}", fix="give each file its own name"
        )


def corpus(place: Path | None) -> dict[str, Any]:
    """What evidence says of the corpus: its content's digest, and what it is made of."""
    if place is None:
        return _said(None, present=False)
    found = _clips(place) if place.is_dir() else _table(place)
    if isinstance(found, CorpusFault):
        raise DocumentError(str(found), fix=found.fix)
    if isinstance(found, ClipFolder):
        return _said(place, sha256=found.digest, rows=found.clips, dis_count=found.clips, format="clips")
    rates = found.numbers["cq"] if "cq" in found.numbers else [0.0] * found.rows
    return _said(
        place,
        sha256=found.digest,
        rows=found.rows,
        sources=list(found.sources),
        encoders=list(found.encoders),
        ref_count=len(found.sources),
        dis_count=len(set(zip(found.src, found.encoder, rates, strict=True))),
        format=found.format,
    )


def _said(place: Path | None, **fields: Any) -> dict[str, Any]:
    return {
        "present": True,
        "corpus_root": place.parent.as_posix() if place else None,
        "path": _in_repository(place) if place else None,
        "sha256": None,
        "rows": 0,
        "sources": [],
        "encoders": [],
        "ref_count": 0,
        "dis_count": 0,
        "format": None,
        **fields,
    }


def _in_repository(place: Path) -> str | None:
    """The path from the root of the repository that it lies in, where it lies in one."""
    real = place.resolve()
    for folder in real.parents:
        if (folder / ".git").exists():
            return real.relative_to(folder).as_posix()
    return None


def _table(place: Path) -> CorpusTable | CorpusFault:
    try:
        with place.open("rb") as stream:
            return read(stream, str(place))
    except OSError as error:
        raise UsageError(f"the corpus {place} cannot be read: {error.strerror}", fix="name it with --corpus") from None


def _clips(place: Path) -> ClipFolder | CorpusFault:
    try:
        return clips(_listing(place), str(place))
    except OSError as error:
        raise UsageError(f"the corpus {place} cannot be read: {error}", fix="name it with --corpus") from None


def _listing(place: Path) -> Iterator[Clip]:
    for path in sorted(place.rglob("*")):
        name = path.relative_to(place).as_posix()
        if path.is_symlink():
            yield Clip(name, 0, "", symlink=True)
        elif path.is_file():
            with path.open("rb") as stream:
                yield Clip(name, path.stat().st_size, hashlib.file_digest(stream, "sha256").hexdigest())


def hold_before(folder: Path) -> str | None:
    """When the HOLD that lies there was written; None where there is none that can be read."""
    try:
        value = json.loads((folder / f"{HOLD}.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    written = value.get("generated_at_utc") if isinstance(value, dict) else None
    return written if isinstance(written, str) and len(written) <= 40 and written.isprintable() else None


def store(document: Mapping[str, Any], folder: Path) -> Path:
    """Written beside its name and renamed; the opposite verdict that may lie there goes."""
    verdict = str(document["verdict"])
    path = folder / f"{verdict}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=folder, prefix=f".{verdict}.", suffix=".json")
        with os.fdopen(handle, "wb") as stream:
            stream.write(to_bytes(document))
        Path(draft).chmod(0o644)
        Path(draft).replace(path)
        (folder / f"{HOLD if verdict == PROMOTE else PROMOTE}.json").unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}", fix="name a writable folder with --out") from None
    return path
