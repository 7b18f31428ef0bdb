"""How a parquet file was written, so that its successor is written the same way."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Container
from typing import Any

from pyarrow import parquet

_PLAIN_NAMES = {"UNCOMPRESSED": "NONE"}
_DICTIONARY = {"RLE_DICTIONARY", "PLAIN_DICTIONARY"}
_SPECIAL = {"DELTA_BINARY_PACKED", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY", "BYTE_STREAM_SPLIT"}
_DEFAULT = "ZSTD"


def manner(file: Any, schema: Any, ours: Container[str]) -> dict[str, Any]:
    """Arguments for a writer of this schema, by what the first row group shows. Ours go as most columns do."""
    if not file.num_row_groups:
        return {"compression": _DEFAULT}
    group = file.metadata.row_group(0)
    chunks = [group.column(number) for number in range(group.num_columns)]
    nested = {"use_compliant_nested_type": not any(".list.item" in chunk.path_in_schema for chunk in chunks)}
    leaves = _leaves(schema, nested)
    codecs = [_PLAIN_NAMES.get(chunk.compression, chunk.compression) for chunk in chunks]
    common = Counter(codecs).most_common(1)[0][0] if codecs else _DEFAULT
    # A column of ours has one leaf in the old file and in the new one, whatever its type was.
    known = dict(zip(leaves, chunks, strict=False)) if len(leaves) >= len(chunks) else {}
    compression = dict.fromkeys(leaves, common) | dict(zip(known, codecs, strict=False))
    encoded = {leaf: set(chunk.encodings) for leaf, chunk in known.items()}
    dictionary = [leaf for leaf in leaves if leaf not in known or encoded[leaf] & _DICTIONARY]
    special = {
        leaf: min(how & _SPECIAL)
        for leaf, how in encoded.items()
        if how & _SPECIAL and leaf not in dictionary and leaf not in ours
    }
    return {
        "compression": compression,
        "use_dictionary": dictionary or False,
        "column_encoding": special or None,
        "write_statistics": [leaf for leaf in leaves if leaf not in known or known[leaf].is_stats_set],
        "use_deprecated_int96_timestamps": any(chunk.physical_type == "INT96" for chunk in chunks),
        **nested,
    }


def _leaves(schema: Any, nested: dict[str, bool]) -> list[str]:
    """The columns of the file that a schema makes, by the names under which a writer is told of them."""
    blank = io.BytesIO()
    with parquet.ParquetWriter(blank, schema, **nested):
        pass
    made = parquet.ParquetFile(blank).schema
    return [made.column(number).path for number in range(len(made))]
