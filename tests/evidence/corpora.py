"""Small real corpora, made on the spot, and the two ways to write them."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from smokegate.evidence.corpus import FEATURES, CorpusTable, read_jsonl

Row = dict[str, Any]


def rows(count: int = 300, *, sources: int = 6, encoders: Sequence[str] = ("libx264", "h264_nvenc")) -> list[Row]:
    """Scores that follow the features, and a little more: what a real encode gives, in outline."""
    rng = random.Random(7)  # noqa: S311
    found: list[Row] = []
    for at in range(count):
        cq = (20, 26, 32, 38)[at // sources % 4]
        quality = 1 - (cq - 20) / 40 + rng.uniform(-0.1, 0.1)
        features = {name: quality * (0.5 + 0.1 * k) + rng.uniform(-0.02, 0.02) for k, name in enumerate(FEATURES)}
        score = 100 * quality + rng.gauss(0, 1)
        where = {"src": f"clip{at % sources}.mp4", "encoder": encoders[at % len(encoders)]}
        found.append({**where, "cq": cq, "frame_index": at, "vmaf": score, **features})
    return found


def jsonl(table: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in table).encode()


def as_parquet(table: Sequence[Mapping[str, Any]], **options: Any) -> bytes:
    packed = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(list(table)), packed, **options)
    return packed.getvalue()


def table(of: Sequence[Mapping[str, Any]] | None = None) -> CorpusTable:
    found = read_jsonl(io.BytesIO(jsonl(rows() if of is None else of)), "corpus.jsonl")
    assert isinstance(found, CorpusTable), found
    return found
