"""Parquet tables: schema, encodings and row groups are the file's own, and so is every cell that is not ours."""

from __future__ import annotations

import errno
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from smokegate.errors import DocumentError, UsageError
from smokegate_runners.saliency.clips.roll import Answer
from smokegate_runners.saliency.columns import Columns
from smokegate_runners.saliency.formats import tables_parquet
from smokegate_runners.saliency.formats.fill import Fill, Filling
from smokegate_runners.saliency.formats.tables_parquet import ParquetTable
from smokegate_runners.saliency.settings import Settings
from smokegate_runners.saliency.work import Status

FILLING = Filling(Columns(), Settings(), "model_a")
OK = FILLING.of(Answer(Status.OK, 0.25, 0.0625))
FAILED = FILLING.of(Answer(Status.DECODE_FAILED, None, None))
SKIPPED = FILLING.skipped
NEW = [
    "saliency_mean",
    "saliency_var",
    "saliency_status",
    "saliency_model_id",
    "saliency_aggregator",
    "saliency_ema_alpha",
]

NESTED = pa.struct([("a", pa.int64()), ("b", pa.list_(pa.struct([("c", pa.string())])))])


def rich(rows: int = 7) -> pa.Table:
    """A column of most types that parquet has."""
    numbers = range(rows)
    columns = {
        "src": pa.array([None if n == 2 else f"clip{n}.mp4" for n in numbers], pa.string()),
        "small": pa.array([n % 100 - 3 for n in numbers], pa.int8()),
        "large": pa.array([2**64 - 1 - n for n in numbers], pa.uint64()),
        "single": pa.array([n / 3 for n in numbers], pa.float32()),
        "gap": pa.array([float("nan") if n == 1 else None if n == 2 else float(n) for n in numbers], pa.float64()),
        "when": pa.array([n * 1_000_000_001 for n in numbers], pa.timestamp("ns", "Europe/Oslo")),
        "day": pa.array([n * 400 for n in numbers], pa.date32()),
        "price": pa.array([Decimal(n) / 100 for n in numbers], pa.decimal128(9, 2)),
        "blob": pa.array([bytes([n % 256, 255 - n % 256]) for n in numbers], pa.binary()),
        "word": pa.array([("x", "y", None)[n % 3] for n in numbers], pa.string()).dictionary_encode(),
        "nested": pa.array([{"a": n, "b": [{"c": str(n)}, None] if n % 2 else None} for n in numbers], NESTED),
        "pairs": pa.array([[("k", n)] for n in numbers], pa.map_(pa.string(), pa.int64())),
        "flag": pa.array([n % 2 == 0 for n in numbers], pa.bool_()),
        "nothing": pa.nulls(rows),
    }
    metadata = {b"pandas": json.dumps({"index_columns": [], "columns": []}).encode(), b"owner": b"me\xff"}
    fields = [
        pa.field(name, column.type, nullable=name != "flag", metadata={b"unit": name.encode()})
        for name, column in columns.items()
    ]
    return pa.Table.from_arrays(list(columns.values()), schema=pa.schema(fields, metadata=metadata))


def stored(table: pa.Table, **how: Any) -> bytes:
    target = io.BytesIO()
    parquet.write_table(table, target, **how)
    return target.getvalue()


def opened(data: bytes, columns: Columns | None = None) -> ParquetTable:
    return ParquetTable(Path("t.parquet"), io.BytesIO(data), columns or Columns())


def written(data: bytes, fills: Sequence[Fill], columns: Columns | None = None) -> parquet.ParquetFile:
    target = io.BytesIO()
    assert opened(data, columns).write(target, iter(fills)) == len(fills)
    return parquet.ParquetFile(io.BytesIO(target.getvalue()))


def test_every_cell_type_and_word_of_metadata_stays() -> None:
    data = stored(rich())
    before = parquet.read_table(io.BytesIO(data))
    after = written(data, [OK, FAILED, SKIPPED, OK, OK, OK, OK]).read()
    assert after.column_names == before.column_names + NEW
    kept = after.select(before.column_names)
    assert kept.schema.equals(before.schema, check_metadata=True)
    assert kept.schema.metadata[b"owner"] == b"me\xff"
    assert kept.drop(["gap"]).equals(before.drop(["gap"]))
    assert str(kept["gap"].to_pylist()) == str(before["gap"].to_pylist()) == "[0.0, nan, None, 3.0, 4.0, 5.0, 6.0]"
    assert after.column("saliency_mean").to_pylist() == [0.25, None, None, 0.25, 0.25, 0.25, 0.25]
    assert after.column("saliency_status").to_pylist()[:4] == ["ok", "decode-failed", "skipped-existing", "ok"]
    assert after.column("saliency_model_id").to_pylist()[:4] == ["model_a", None, None, "model_a"]
    assert after.column("saliency_ema_alpha").to_pylist()[:4] == [0.6, None, None, 0.6]
    kinds = [after.schema.field(name).type for name in NEW]
    assert kinds == [pa.float64(), pa.float64(), pa.string(), pa.string(), pa.string(), pa.float64()]


def test_a_file_is_written_the_way_it_was() -> None:
    before = rich(1000)
    leaves = {"src": "gzip", "large": "none", "nested.b.list.element.c": "brotli", "single": "lz4", "price": "zstd"}
    names = [column.path for column in _leaves(stored(before))]
    compression = dict.fromkeys(names, "snappy") | leaves
    how = {"compression": compression, "use_dictionary": ["src", "word"], "write_statistics": ["src", "small"]}
    special = {"large": "DELTA_BINARY_PACKED", "single": "BYTE_STREAM_SPLIT", "blob": "DELTA_BYTE_ARRAY"}
    data = stored(before, row_group_size=300, column_encoding=special, **how)
    old, new = parquet.ParquetFile(io.BytesIO(data)).metadata, written(data, [OK] * 1000).metadata
    assert [new.row_group(i).num_rows for i in range(new.num_row_groups)] == [300, 300, 300, 100]
    for group in range(4):
        for number, name in enumerate(names):
            was, now = old.row_group(group).column(number), new.row_group(group).column(number)
            assert (now.path_in_schema, now.compression, set(now.encodings)) == (
                name,
                was.compression,
                set(was.encodings),
            )
            assert (now.is_stats_set, now.has_dictionary_page) == (was.is_stats_set, was.has_dictionary_page)
    assert new.row_group(0).column(len(names)).compression == "SNAPPY"


def _leaves(data: bytes) -> list[Any]:
    schema = parquet.ParquetFile(io.BytesIO(data)).schema
    return [schema.column(number) for number in range(len(schema))]


def test_old_spellings_of_lists_and_instants_stay() -> None:
    before = pa.table({"src": ["a"], "l": [[1]], "t": pa.array([5], pa.timestamp("ns"))})
    data = stored(before, use_compliant_nested_type=False, use_deprecated_int96_timestamps=True)
    file = written(data, [OK])
    assert [leaf.path for leaf in _leaves(data)] == ["src", "l.list.item", "t"]
    assert [file.schema.column(n).path for n in range(3)] == ["src", "l.list.item", "t"]
    assert file.schema.column(2).physical_type == "INT96"
    assert file.read().select(["src", "l", "t"]).equals(before)


def test_columns_that_are_there_are_filled_in_their_place_and_type() -> None:
    before = pa.table(
        {
            "saliency_status": pa.array(["ok", None, "x"]).dictionary_encode(),
            "saliency_mean": pa.array([0.5, None, 0.1], pa.float32()),
            "src": ["a", "b", "c"],
            "saliency_var": pa.array([1, None, 2], pa.int64()),
            "saliency_model_id": pa.array(["old", "old", "old"], pa.large_string()),
            "saliency_ema_alpha": pa.nulls(3),
        }
    )
    after = written(stored(before), [SKIPPED, OK, FAILED]).read()
    assert after.column_names == [*before.column_names, "saliency_aggregator"]
    assert after.schema.field("saliency_mean").type == pa.float32()
    assert after.schema.field("saliency_var").type == pa.float64()
    assert after.schema.field("saliency_status").type == before.schema.field("saliency_status").type
    assert after.schema.field("saliency_model_id").type == pa.large_string()
    assert after.schema.field("saliency_ema_alpha").type == pa.float64()
    assert after.to_pydict() == {
        "saliency_status": ["skipped-existing", "ok", "decode-failed"],
        "saliency_mean": [0.5, 0.25, None],
        "src": ["a", "b", "c"],
        "saliency_var": [1.0, 0.0625, None],
        "saliency_model_id": ["old", "model_a", None],
        "saliency_ema_alpha": [None, 0.6, None],
        "saliency_aggregator": [None, "mean", None],
    }


def test_a_required_column_of_ours_may_be_null_now() -> None:
    kinds = {"src": pa.string(), "saliency_mean": pa.float64(), "saliency_model_id": pa.string()}
    fields = [pa.field(name, kind, nullable=False) for name, kind in kinds.items()]
    row = {"src": "a", "saliency_mean": 1.0, "saliency_model_id": "old"}
    file = written(stored(pa.Table.from_pylist([row], schema=pa.schema(fields))), [FAILED])
    assert file.read().column("saliency_mean").to_pylist() == [None]
    assert file.read().column("saliency_model_id").to_pylist() == [None]
    assert file.schema_arrow.field("src").nullable is False


@pytest.mark.parametrize(("name", "kind"), [("saliency_status", "a number"), ("saliency_ema_alpha", "text")])
def test_a_column_that_cannot_hold_what_goes_there_is_refused(name: str, kind: str) -> None:
    values = [3] if kind == "a number" else ["high"]
    with pytest.raises(UsageError, match=f"column `{name}` is of type"):
        opened(stored(pa.table({"src": ["a"], name: values})))


@pytest.mark.parametrize("how", [{}, {"row_group_size": 5}])
def test_a_table_without_rows(how: dict[str, Any]) -> None:
    data = stored(rich(0), **how)
    assert list(opened(data).asks()) == []
    file = written(data, [])
    assert file.metadata.num_rows == 0
    assert file.schema_arrow.names == [*rich(0).column_names, *NEW]


def test_a_row_group_that_is_too_large_comes_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables_parquet, "GROUP_BYTES", 1 << 17)
    before = rich(40_000)
    file = written(stored(before), [OK] * 40_000)
    sizes = [file.metadata.row_group(number).num_rows for number in range(file.metadata.num_row_groups)]
    assert len(sizes) > 3
    assert sum(sizes) == 40_000
    assert file.read(["src", "large"]).equals(before.select(["src", "large"]))


def test_cells_are_asked_as_they_stand() -> None:
    rows = pa.table({"width": [1.0, None], "src": pa.array([b"a\xff", None]), "saliency_mean": [0.5, float("nan")]})
    assert [repr(tuple(one)) for one in opened(stored(rows)).asks()] == [
        "(b'a\\xff', 1.0, None, 0.5, None)",
        "(None, None, None, nan, None)",
    ]


def test_names_with_dots_are_names() -> None:
    before = pa.table({"meta": [{"src": "no"}], "meta.src": ["yes"], "src": [1]})
    columns = Columns(path="meta.src")
    assert next(opened(stored(before), columns).asks()).path == "yes"
    assert written(stored(before), [OK], columns).read().select(before.column_names).equals(before)


def test_a_path_column_that_is_not_there_is_said_with_those_that_are() -> None:
    with pytest.raises(UsageError, match=r"no column `src`; there is `path`, `x`"):
        opened(stored(pa.table({"path": ["a"], "x": [1]})))


def test_two_columns_of_one_name() -> None:
    twice = pa.Table.from_arrays([pa.array(["a"]), pa.array([1]), pa.array([2])], ["src", "x", "x"])
    after = written(stored(twice), [OK]).read()
    assert [after.column(1).to_pylist(), after.column(2).to_pylist()] == [[1], [2]]
    sources = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], ["src", "src"])
    with pytest.raises(DocumentError, match="2 columns are called `src`"):
        opened(stored(sources))


@pytest.mark.parametrize("damage", ["text", "empty", "cut", "flipped"])
def test_what_is_no_parquet_is_said(damage: str) -> None:
    data = stored(pa.table({"src": [f"clip{n}" for n in range(5000)]}), compression="snappy")
    broken = {
        "text": b'{"src": "a"}\n',
        "empty": b"",
        "cut": data[:-200],
        "flipped": data[:100] + bytes(255 - byte for byte in data[100:20_000]) + data[20_000:],
    }[damage]
    with pytest.raises(DocumentError, match=r"t\.parquet: it is not a parquet file that can be read") as caught:
        list(opened(broken).asks())
    assert caught.value.message.isprintable()


def test_instants_of_today_stay_what_they_are() -> None:
    now = datetime(2026, 5, 6, 11, 10, 9, 123456, tzinfo=UTC)
    before = pa.table({"src": ["a"], "t": pa.array([now], pa.timestamp("us", "UTC"))})
    assert written(stored(before), [OK]).read().column("t").to_pylist() == [now]


def test_a_disk_that_is_full_is_no_fault_of_the_input() -> None:
    class Full(io.BytesIO):
        def write(self, data: Any, /) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left on device"):
        opened(stored(rich())).write(Full(), iter([OK] * 7))
