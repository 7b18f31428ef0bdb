"""From one format into the other."""

from __future__ import annotations

import base64
import decimal
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow import parquet

from smokegate.errors import DocumentError
from smokegate.evidence.corpus import quoted
from smokegate_runners.saliency.columns import MEAN, VAR, Asked, Columns
from smokegate_runners.saliency.formats import json_lines, parquet_words
from smokegate_runners.saliency.formats.fill import Fill
from smokegate_runners.saliency.formats.json_lines import Row
from smokegate_runners.saliency.formats.json_shape import Shape
from smokegate_runners.saliency.formats.tables_jsonl import asked as asked_of_rows
from smokegate_runners.saliency.formats.tables_parquet import BATCH, asked, faults, opened, require_columns, with_ours

_GROUP_ROWS = 1 << 16
_GROUP_BYTES = 64 << 20
_BATCH_BYTES = 4 << 20


class JsonlAsParquet:
    """The types are known when all rows were asked."""

    def __init__(self, path: Path, stream: BinaryIO, columns: Columns) -> None:
        self._path, self._stream, self._columns = path, stream, columns
        self._shape = Shape("")

    def asks(self) -> Iterator[Asked]:
        return asked_of_rows(self._seen(), self._columns, self._path)

    def write(self, target: BinaryIO, fills: Iterator[Fill]) -> int:
        schema = self._schema()
        written = 0
        with parquet.ParquetWriter(target, schema, compression="zstd") as writer:
            for table in _gathered(self._tables(fills, schema)):
                writer.write_table(table, row_group_size=table.num_rows)
                written += table.num_rows
        return written

    def _seen(self) -> Iterator[Row]:
        for number, row in json_lines.rows(self._stream, self._path):
            try:
                self._shape.see_members(_as_written(row), number)
            except DocumentError as fault:
                raise DocumentError(f"{self._path}: {fault.message}") from None
            yield row

    def _schema(self) -> Any:
        try:
            return with_ours(self._path, pa.schema(self._shape.fields()), self._columns)
        except DocumentError as fault:
            fix = "write JSONL, or make the values of one kind"
            raise DocumentError(f"{self._path}: {fault.message}", fix=fix) from None

    def _tables(self, fills: Iterator[Fill], schema: Any) -> Iterator[Any]:
        """A few rows at a time: as Python holds them, they take many times the memory."""
        held: list[Row] = []
        size, number = 0, 0
        for number, line in json_lines.lines(self._stream, self._path):
            if bare := json_lines.bare_of(line, number):
                held.append(_doubled(next(fills).patch(json_lines.row(bare, self._path, number))))
            size += len(line)
            if len(held) == BATCH or size > _BATCH_BYTES:
                yield self._table(held, schema, number)
                held, size = [], 0
        if held:
            yield self._table(held, schema, number)

    def _table(self, rows: list[Row], schema: Any, last: int) -> Any:
        try:
            return pa.Table.from_pylist(rows, schema=schema)
        except UnicodeEncodeError:
            raise DocumentError(
                f"{self._path}: in the {len(rows)} rows up to line {last} a text holds half a surrogate pair, "
                "which parquet cannot hold",
                fix="write JSONL",
            ) from None


def _as_written(row: Row) -> Row:
    """For its types: a mean and a variance will be doubles, whatever stands there before they are computed."""
    return row | {name: 0.0 for name in (MEAN, VAR) if name in row} if MEAN in row or VAR in row else row


def _doubled(row: Row) -> Row:
    for name in (MEAN, VAR):
        if type(row.get(name)) is int:
            row[name] = float(row[name])
    return row


def _gathered(tables: Iterator[Any]) -> Iterator[Any]:
    """Joined, so that each makes a row group."""
    held: list[Any] = []
    for table in tables:
        held.append(table)
        if sum(one.num_rows for one in held) >= _GROUP_ROWS or sum(one.nbytes for one in held) >= _GROUP_BYTES:
            yield pa.concat_tables(held)
            held = []
    if held:
        yield pa.concat_tables(held)


class ParquetAsJsonl:
    def __init__(self, path: Path, stream: BinaryIO, columns: Columns) -> None:
        self._path, self._columns = path, columns
        self._file = opened(path, stream)
        schema = self._file.schema_arrow
        require_columns(path, schema, columns)
        if twice := sorted({name for name in schema.names if schema.names.count(name) > 1}):
            raise DocumentError(
                f"{path}: two columns are called {quoted(twice[0])}, which an object of JSON cannot have"
            )
        for field in schema:
            parquet_words.require_speakable(field, field.type, path)

    def asks(self) -> Iterator[Asked]:
        return asked(self._file, self._columns, self._path)

    def write(self, target: BinaryIO, fills: Iterator[Fill]) -> int:
        number = 0
        with faults(self._path):
            for batch in self._file.iter_batches(batch_size=BATCH):
                for row in self._rows(batch, number):
                    number += 1
                    target.write(self._line(next(fills).patch(row), number))
        return number

    def _rows(self, batch: Any, before: int) -> Iterator[Row]:
        names = batch.schema.names
        try:
            columns = [parquet_words.spoken(name, batch.column(at)).to_pylist() for at, name in enumerate(names)]
        except parquet_words.OutOfRange as fault:
            where = f"{self._path}: rows {before + 1:,} to {before + batch.num_rows:,}"
            raise DocumentError(f"{where}: {fault}", fix="write parquet") from None
        for cells in zip(*columns, strict=True):
            yield dict(zip(names, cells, strict=True))

    def _line(self, row: Row, number: int) -> bytes:
        try:
            return (_encode(row) + "\n").encode("utf-8")
        except ValueError:
            return (_encode(self._finite(row, number)) + "\n").encode("utf-8")
        except TypeError as fault:
            raise DocumentError(f"{self._path}: row {number} holds a {fault}, which JSON has no word for") from None

    def _finite(self, value: Any, number: int) -> Any:
        """NaN is how tables spell that there is no value; JSON has neither it nor infinity."""
        if isinstance(value, float) and not math.isfinite(value):
            if math.isinf(value):
                raise DocumentError(f"{self._path}: row {number} holds an infinity, which JSON does not have")
            return None
        if isinstance(value, dict):
            return {key: self._finite(item, number) for key, item in value.items()}
        return [self._finite(item, number) for item in value] if isinstance(value, list | tuple) else value


def _said(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, decimal.Decimal):
        return f"{value:f}"
    raise TypeError(type(value).__name__)


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_said).encode
