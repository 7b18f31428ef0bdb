"""An ensemble at work: mean, sigma and an interval for rows, a batch at a time through ONNX Runtime."""

from __future__ import annotations

import hashlib
import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from smokegate.errors import DocumentError, UsageError
from smokegate.evidence.corpus import FEATURES, LINE_LIMIT, SCORE, CorpusTable, format_of, quoted
from smokegate.evidence.numbers import finite
from smokegate.registry.document import DocumentFault, read_json
from smokegate.registry.manifest import is_manifest
from smokegate.registry.strict_json import JsonFault, parse
from smokegate_runners.ensemble import confidence, export
from smokegate_runners.ensemble.rows import CODEC_INPUT, FEATURES_INPUT, fed

BATCH = 4096
COLUMNS = ("predicted_vmaf", "predicted_vmaf_sigma", "predicted_vmaf_low", "predicted_vmaf_high")
_NUMBERS = ("cq", *FEATURES)
_LARGEST = 16 << 20
_AS_EXPORTED = "write the ensemble anew: smokegate ensemble fit --help"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Member:
    id: str
    sidecar: Mapping[str, Any]
    session: Any


class Ensemble:
    """Read from its manifest; every model's digest is held to what the manifest says of it."""

    def __init__(self, manifest: Path, threads: int = 0) -> None:
        value = _json(manifest)
        if not is_manifest(value) or not value.get("members"):
            raise DocumentError(f"{manifest} is no ensemble manifest", fix="name the <ensemble id>.json of an ensemble")
        self._members = [_member(manifest, row, threads) for row in value["members"]]
        self._confidence = _interval(value.get("confidence"), manifest)

    def predict(self, rows: Sequence[Row], place: str, first: int = 1) -> list[Row]:
        """The rows with four columns more. What a row lacks is said with its number, which begins with `first`."""
        table = _table(rows, place, first)
        scores = np.stack([_scores(member, table, place) for member in self._members])
        mean, sigma = confidence.summary(scores)
        scale, floor = self._confidence
        half = scale * np.hypot(sigma, floor)
        columns = (mean, sigma, mean - half, mean + half)
        numbers = zip(*(column.tolist() for column in columns), strict=True)
        return [{**row, **dict(zip(COLUMNS, said, strict=True))} for row, said in zip(rows, numbers, strict=True)]


def batches(path: Path) -> Iterator[list[Row]]:
    """Rows as they come; a row needs `encoder`, `cq` and the features, and keeps whatever else it has."""
    format_ = format_of(path.name)
    if format_ is None:
        raise UsageError(f"{path} is neither .jsonl, .ndjson nor .parquet", fix="name it by its format")
    try:
        with path.open("rb") as stream:
            yield from _parquet(stream, path) if format_ == "parquet" else _jsonl(stream, path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", fix="name a table of rows") from None


def _jsonl(stream: BinaryIO, path: Path) -> Iterator[list[Row]]:
    batch: list[Row] = []
    number = 0
    while line := stream.readline(LINE_LIMIT + 1):
        number += 1
        if not line.strip():
            continue
        try:
            row = parse(line, max_bytes=LINE_LIMIT, max_depth=16)
        except JsonFault as fault:
            raise DocumentError(f"{path}:{number}: {fault.message}") from None
        if not isinstance(row, dict):
            raise DocumentError(f"{path}:{number}: a row is a JSON object")
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _parquet(stream: BinaryIO, path: Path) -> Iterator[list[Row]]:
    try:
        import pyarrow as pa  # noqa: PLC0415 - only where there is parquet to read
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError:
        raise UsageError(
            "parquet is read with pyarrow, which is not installed", fix="python -m pip install 'smokegate[corpus]'"
        ) from None
    try:
        with parquet.ParquetFile(stream) as file:
            for batch in file.iter_batches(batch_size=BATCH):
                yield batch.to_pylist()
    except pa.ArrowException as error:
        raise DocumentError(f"{path} is not a parquet file that can be read: {str(error)[:200]}") from None


def _table(rows: Sequence[Row], place: str, first: int) -> CorpusTable:
    where = [f"{place}, row {number}" for number in range(first, first + len(rows))]
    numbers = {name: array("d", map(_number, rows, [name] * len(rows), where)) for name in _NUMBERS}
    encoders = list(map(_encoder, rows, where))
    numbers[SCORE] = array("d", bytes(8 * len(rows)))
    return CorpusTable("rows", "", [""] * len(rows), encoders, numbers)


def _encoder(row: Row, where: str) -> str:
    value = row.get("encoder")
    if not isinstance(value, str):
        raise DocumentError(f"{where}: no `encoder`")
    return value


def _number(row: Row, name: str, where: str) -> float:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise DocumentError(f"{where}: {'no' if value is None else 'no number in'} {quoted(name)}")
    return float(value)


def _scores(member: _Member, table: CorpusTable, place: str) -> NDArray[np.float32]:
    features, codec = fed(table, member.sidecar, place)
    scores = export.run(member.session, features, codec)
    if not np.isfinite(scores).all():
        raise DocumentError(f"{place}: {member.id} gives scores that are not finite")
    return scores


def _member(manifest: Path, row: Any, threads: int) -> _Member:
    said = row if isinstance(row, dict) else {}
    onnx, digest = said.get("onnx"), said.get("sha256")
    if not isinstance(onnx, str) or not isinstance(digest, str) or ".." in onnx.split("/") or onnx.startswith("/"):
        raise DocumentError(f"{manifest} lists a member without a path beside it and a digest", fix=_AS_EXPORTED)
    path = manifest.parent / onnx
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DocumentError(f"{path} cannot be read: {error.strerror}", fix=_AS_EXPORTED) from None
    found = hashlib.sha256(data).hexdigest()
    if found != digest:
        raise DocumentError(f"{path} has the digest {found}, and {manifest.name} says {digest}", fix=_AS_EXPORTED)
    sidecar = _json(path.with_suffix(".json"))
    live = export.session(data, threads)
    if [port.name for port in live.get_inputs()] != [FEATURES_INPUT, CODEC_INPUT]:
        raise DocumentError(f"{path} does not take what `smokegate ensemble fit` exports", fix=_AS_EXPORTED)
    return _Member(str(said.get("id", onnx)), sidecar, live)


def _interval(said: Any, manifest: Path) -> tuple[float, float]:
    fields = said if isinstance(said, dict) else {}
    scale, floor = (_size(fields.get(name)) for name in ("scale", "sigma_floor"))
    if scale is None or floor is None:
        raise DocumentError(f"{manifest}: `confidence` says no `scale` and `sigma_floor`", fix=_AS_EXPORTED)
    return scale, floor


def _size(value: object) -> float | None:
    number = finite(value)
    return number if number is not None and number >= 0 else None


def _json(path: Path) -> dict[str, Any]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", fix=_AS_EXPORTED) from None
    document = read_json(data, str(path), max_bytes=_LARGEST, max_depth=32)
    if isinstance(document, DocumentFault) or not isinstance(document.value, dict):
        why = document.message if isinstance(document, DocumentFault) else "it holds no JSON object"
        raise DocumentError(f"{path}: {why}", fix=_AS_EXPORTED)
    value: dict[str, Any] = document.value
    return value
