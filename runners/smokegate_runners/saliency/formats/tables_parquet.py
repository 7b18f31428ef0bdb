"""Parquet to parquet: row group by row group, with the file's own schema, compression and encodings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow import parquet

from smokegate.errors import DocumentError, UsageError
from smokegate.evidence.corpus import quoted
from smokegate_runners.saliency.columns import MEAN, VAR, Asked, Columns, no_such_column
from smokegate_runners.saliency.formats.fill import Fill
from smokegate_runners.saliency.formats.parquet_manner import manner

BATCH = 4096
GROUP_BYTES = 96 << 20
"""A row group that takes more memory than this is written as several."""
_BUFFER = 1 << 20


class ParquetTable:
    def __init__(self, path: Path, stream: BinaryIO, columns: Columns) -> None:
        self._path, self._columns = path, columns
        self._file = opened(path, stream)
        require_columns(path, self._file.schema_arrow, columns)
        self._schema = with_ours(path, self._file.schema_arrow, columns)

    def asks(self) -> Iterator[Asked]:
        return asked(self._file, self._columns, self._path)

    def write(self, target: BinaryIO, fills: Iterator[Fill]) -> int:
        how = manner(self._file, self._schema, self._columns.written)
        rows = 0
        with faults(self._path), parquet.ParquetWriter(target, self._schema, **how) as writer:
            for table in groups(self._file):
                rows += table.num_rows
                filled = self._filled(table, list(islice(fills, table.num_rows)))
                writer.write_table(filled, row_group_size=max(1, table.num_rows))
        return rows

    def _filled(self, table: Any, fills: Sequence[Fill]) -> Any:
        ours, had = self._columns.written, table.num_columns
        arrays = []
        for at, field in enumerate(self._schema):
            before = table.column(at) if at < had else None
            arrays.append(_cells(field, before, fills) if field.name in ours else before)
        return pa.Table.from_arrays(arrays, schema=self._schema)


def opened(path: Path, stream: BinaryIO) -> Any:
    with faults(path):
        return parquet.ParquetFile(stream, buffer_size=_BUFFER, pre_buffer=False)


def require_columns(path: Path, schema: Any, columns: Columns) -> None:
    names = list(schema.names)
    if columns.path not in names:
        raise no_such_column(str(path), columns.path, names)
    for name in (*columns.read, *columns.written):
        if names.count(name) > 1:
            raise DocumentError(f"{path}: {names.count(name)} columns are called {quoted(name)}")


def asked(file: Any, columns: Columns, path: Path) -> Iterator[Asked]:
    """Only what decides is read, a small batch at a time."""
    present = set(file.schema_arrow.names)
    named = (columns.path, columns.width, columns.height, MEAN, VAR)
    wanted = [name for name in named if name in present]
    with faults(path):
        for batch in file.iter_batches(batch_size=BATCH, columns=wanted):
            blank = [None] * batch.num_rows
            cells = (batch.column(name).to_pylist() if name in present else blank for name in named)
            yield from map(Asked, *cells)


def groups(file: Any) -> Iterator[Any]:
    """Row groups as tables; one that is too large for memory comes in pieces."""
    for number in range(file.num_row_groups):
        held: list[Any] = []
        size = 0
        for batch in file.iter_batches(batch_size=BATCH, row_groups=[number]):
            held.append(batch)
            size += batch.nbytes
            if size > GROUP_BYTES:
                yield pa.Table.from_batches(held)
                held, size = [], 0
        if held:
            yield pa.Table.from_batches(held)


def with_ours(path: Path, schema: Any, columns: Columns) -> Any:
    """Our columns where they are, or at the end."""
    texts = set(columns.texts)
    fields = [_ours(path, field, texts) if field.name in columns.written else field for field in schema]
    present = set(schema.names)
    missing = [name for name in columns.written if name not in present]
    fields += [pa.field(name, pa.string() if name in texts else pa.float64()) for name in missing]
    return pa.schema(fields, metadata=schema.metadata)


def _ours(path: Path, field: Any, texts: set[str]) -> Any:
    """With a type that holds what we write and what skipped rows keep."""
    kind, fits = field.type, pa.types
    text = field.name in texts
    inner = kind.value_type if fits.is_dictionary(kind) else kind
    if text and (fits.is_string(inner) or fits.is_large_string(inner) or fits.is_string_view(inner)):
        return field.with_nullable(True)
    if not text and (fits.is_float32(kind) or fits.is_float64(kind)):
        return field.with_nullable(True)
    number = fits.is_integer(kind) or fits.is_floating(kind) or fits.is_decimal(kind)
    if fits.is_null(kind) or field.name in {MEAN, VAR} or (number and not text):
        return pa.field(field.name, pa.string() if text else pa.float64(), metadata=field.metadata)
    goes = "text" if text else "a number"
    raise UsageError(
        f"{path}: column {quoted(field.name)} is of type {str(kind)[:60]}, and {goes} goes there",
        fix="rename it, or name another column for it",
    )


def _cells(field: Any, before: Any, fills: Sequence[Fill]) -> Any:
    name = field.name
    if before is None or all(name in fill.cells for fill in fills):
        return pa.array([fill.cells.get(name) for fill in fills], field.type)
    old = before.to_pylist()
    number = pa.types.is_floating(field.type)
    cells = [fill.cells.get(name, was) for fill, was in zip(fills, old, strict=True)]
    return pa.array([float(cell) if number and cell is not None else cell for cell in cells], field.type)


@contextmanager
def faults(path: Path) -> Iterator[None]:
    """What the library has against a file's content. An OSError with a number is the system's, and no such thing."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        said = "".join(char if char.isprintable() else " " for char in str(error))[:300]
        raise DocumentError(f"{path}: it is not a parquet file that can be read: {said}") from None
