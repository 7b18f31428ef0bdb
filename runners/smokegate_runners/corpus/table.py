"""The table that a corpus is kept in, and the digest by which evidence names it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from smokegate.errors import SmokegateError, UsageError
from smokegate.evidence import corpus
from smokegate.evidence.corpus import NUMBERS, TEXTS, CorpusFault, CorpusTable
from smokegate_runners.corpus.units import Row

COLUMNS = (*TEXTS, *NUMBERS)
INTEGERS = ("cq", "frame_index")


def require_writable(path: Path) -> None:
    """Said before the work, not after it."""
    if corpus.format_of(path.name) is None:
        raise UsageError(f"--out {path}: a corpus is a .parquet or .jsonl file", fix="--out corpus.parquet")
    if not os.access(path.absolute().parent, os.W_OK):
        raise UsageError(f"--out {path}: its folder is not there, or cannot be written to")
    if path.is_dir():
        raise UsageError(f"--out {path}: it is a folder")
    if corpus.format_of(path.name) == "parquet":
        _arrow()


def write(rows: Sequence[Row], path: Path) -> CorpusTable:
    """Written beside, read back as evidence reads it, and only then put in place."""
    part = path.with_name(f".{path.name}.part")
    try:
        if corpus.format_of(path.name) == "parquet":
            _write_parquet(rows, part)
        else:
            _write_jsonl(rows, part)
        with part.open("rb") as stream:
            table = corpus.read(stream, str(path))
        if isinstance(table, CorpusFault):
            raise SmokegateError(f"what was measured is not a corpus: {table}")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return table


def _write_jsonl(rows: Sequence[Row], path: Path) -> None:
    with path.open("w", encoding="ascii", newline="\n") as stream:
        for row in rows:
            stream.write(json.dumps({name: row[name] for name in COLUMNS}, allow_nan=False) + "\n")


def _write_parquet(rows: Sequence[Row], path: Path) -> None:
    pa = _arrow()
    from pyarrow import parquet  # noqa: PLC0415

    kinds = {**dict.fromkeys(TEXTS, pa.string()), **dict.fromkeys(INTEGERS, pa.int64())}
    schema = pa.schema([(name, kinds.get(name, pa.float64())) for name in COLUMNS])
    columns = {name: [row[name] for row in rows] for name in COLUMNS}
    parquet.write_table(pa.table(columns, schema=schema), path, compression="zstd", compression_level=19)


def _arrow() -> Any:
    try:
        import pyarrow  # noqa: PLC0415
    except ImportError:
        raise UsageError(
            "parquet is written with pyarrow, which is not installed", fix="python -m pip install 'smokegate[corpus]'"
        ) from None
    return pyarrow
