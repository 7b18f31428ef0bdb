"""From JSONL into parquet and back."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from runners.saliency.test_tables_parquet import FAILED, NEW, OK, SKIPPED, rich, stored
from smokegate.errors import DocumentError, UsageError
from smokegate_runners.saliency.columns import Columns
from smokegate_runners.saliency.formats import tables_mixed
from smokegate_runners.saliency.formats.fill import Fill
from smokegate_runners.saliency.formats.tables_mixed import JsonlAsParquet, ParquetAsJsonl

DAY = pa.date32()


def as_parquet(rows: Sequence[Any], fills: Sequence[Fill] | None = None) -> pa.Table:
    text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    table = JsonlAsParquet(Path("t.jsonl"), io.BytesIO(text.encode()), Columns())
    assert len(list(table.asks())) == len(rows)
    target = io.BytesIO()
    assert table.write(target, iter(fills or [OK] * len(rows))) == len(rows)
    return parquet.read_table(io.BytesIO(target.getvalue()))


def as_jsonl(table: pa.Table, fills: Sequence[Fill] | None = None) -> list[dict[str, Any]]:
    given = ParquetAsJsonl(Path("t.parquet"), io.BytesIO(stored(table)), Columns())
    assert len(list(given.asks())) == table.num_rows
    target = io.BytesIO()
    assert given.write(target, iter(fills or [OK] * table.num_rows)) == table.num_rows
    lines = target.getvalue().split(b"\n")
    assert lines.pop() == b""
    return [json.loads(line, parse_constant=pytest.fail) for line in lines]


def test_types_come_from_the_whole_table() -> None:
    rows = [
        {"src": "a", "n": 1, "x": 1, "deep": {"k": [1]}, "none": None, "big": 2**63},
        {"src": None, "n": None, "x": 0.5, "late": True, "deep": {"k": None, "m": "t"}, "lists": [[], [None]]},
        {"n": -(2**63), "x": 2**53, "deep": None, "lists": [[{"q": 1.5}]], "big": 7},
    ]
    after = as_parquet(rows, [OK, SKIPPED, FAILED])
    kinds = {field.name: field.type for field in after.schema}
    assert list(kinds)[:8] == ["src", "n", "x", "deep", "none", "big", "late", "lists"]
    assert list(kinds)[8:] == NEW
    assert kinds["n"] == pa.int64()
    assert kinds["x"] == pa.float64()
    assert kinds["big"] == pa.uint64()
    assert kinds["none"] == pa.null()
    assert kinds["deep"] == pa.struct([("k", pa.list_(pa.int64())), ("m", pa.string())])
    assert kinds["lists"] == pa.list_(pa.list_(pa.struct([("q", pa.float64())])))
    found = after.to_pylist()
    assert [row["n"] for row in found] == [1, None, -(2**63)]
    assert [row["x"] for row in found] == [1.0, 0.5, float(2**53)]
    assert found[0]["deep"] == {"k": [1], "m": None}
    assert [row["saliency_status"] for row in found] == ["ok", "skipped-existing", "decode-failed"]
    assert [row["saliency_model_id"] for row in found] == ["model_a", None, None]


def test_cells_of_ours_that_are_there_are_kept_where_rows_are_skipped() -> None:
    rows = [{"src": "a", "saliency_mean": 1, "saliency_var": 0, "saliency_model_id": "old"}, {"src": "b"}]
    after = as_parquet(rows, [SKIPPED, OK])
    assert after.column_names == ["src", "saliency_mean", "saliency_var", "saliency_model_id", *_without(NEW, 0, 1, 3)]
    assert after.column("saliency_mean").to_pylist() == [1.0, 0.25]
    assert after.column("saliency_model_id").to_pylist() == ["old", "model_a"]
    with pytest.raises(UsageError, match="column `saliency_model_id` is of type int64, and text goes there"):
        as_parquet([{"src": "a", "saliency_model_id": 3}])


@pytest.mark.parametrize("before", ["", "n/a", {}, True, 1, 2**60 + 1, 2**90, [0.5, "a"], None], ids=str)
def test_what_stood_where_values_are_computed_decides_no_type(before: Any) -> None:
    rows = [{"src": "a", "saliency_mean": before}, {"src": "b", "saliency_mean": 0.5, "saliency_var": 2**60 + 1}]
    after = as_parquet(rows, [OK, SKIPPED])
    assert after.schema.field("saliency_mean").type == pa.float64()
    assert after.column_names[:3] == ["src", "saliency_mean", "saliency_var"]
    assert after.column("saliency_mean").to_pylist() == [0.25, 0.5]
    assert after.column("saliency_var").to_pylist()[1] == float(2**60 + 1)


def _without(names: list[str], *places: int) -> list[str]:
    return [name for number, name in enumerate(names) if number not in places]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([1, "a"], r"column `x` holds whole numbers \(first on line 1\) and text \(first on line 2\)"),
        ([True, 1], r"column `x` holds true and false \(first on line 1\) and whole numbers"),
        ([None, [1], {"a": 1}], r"column `x` holds lists \(first on line 2\) and objects \(first on line 3\)"),
        ([{"a": [1, "b"]}], r"column `x\.a\[\]` holds whole numbers"),
        ([0.5, 2**53 + 1], r"column `x` holds fractions \(line 1\) and integers past 2\^53"),
        ([2**64], "integers that 64 bits do not hold"),
        ([-1, 2**63], "integers that 64 bits do not hold"),
        ([{}], "objects without members"),
    ],
    ids=str,
)
def test_a_column_that_no_type_holds_is_said(values: list[Any], why: str) -> None:
    with pytest.raises(DocumentError, match=r"^t\.jsonl: .*" + why) as caught:
        as_parquet([{"src": "a", "x": value} for value in values])
    assert caught.value.fix


def test_numbers_past_a_double_and_half_characters_are_said() -> None:
    with pytest.raises(DocumentError, match="line 2: x is past the range of a double"):
        as_parquet(['{"src": "a"}', '{"src": "a", "x": 1e400}'])
    with pytest.raises(DocumentError, match=r"up to line 2 a text holds half a surrogate pair"):
        as_parquet(['{"src": "a"}', '{"src": "\\udcff"}'])


def test_rows_without_members_and_tables_without_rows() -> None:
    assert as_parquet([]).column_names == NEW
    assert as_parquet(['{"src": "a"}', "{}"]).column("src").to_pylist() == ["a", None]


def test_row_groups_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables_mixed, "BATCH", 3)
    monkeypatch.setattr(tables_mixed, "_GROUP_ROWS", 5)
    text = "".join(json.dumps({"src": f"{n}", "n": n}) + "\n\n" for n in range(20)).encode()
    table = JsonlAsParquet(Path("t.jsonl"), io.BytesIO(text), Columns())
    assert len(list(table.asks())) == 20
    target = io.BytesIO()
    assert table.write(target, iter([OK] * 20)) == 20
    file = parquet.ParquetFile(io.BytesIO(target.getvalue()))
    assert [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)] == [6, 6, 6, 2]
    assert file.read().column("n").to_pylist() == list(range(20))


def test_a_byte_order_mark_and_blank_lines_are_no_rows() -> None:
    table = JsonlAsParquet(Path("t.jsonl"), io.BytesIO(b'\xef\xbb\xbf\n{"src": "a"}\n\n'), Columns())
    assert [one.path for one in table.asks()] == ["a"]
    assert table.write(io.BytesIO(), iter([OK])) == 1


def test_parquet_values_as_json() -> None:
    before = rich(4)
    first, second, third, fourth = as_jsonl(before, [OK, SKIPPED, FAILED, OK])
    assert list(first) == [*before.column_names, *NEW]
    assert list(second) == [*before.column_names, "saliency_status"]
    assert third["src"] is None
    assert list(third) == [*before.column_names, *NEW[:3]]
    assert fourth | dict.fromkeys(NEW) == dict.fromkeys(NEW) | {
        "src": "clip3.mp4",
        "small": 0,
        "large": 2**64 - 4,
        "single": 1.0,
        "gap": 3.0,
        "when": "1970-01-01 01:00:03.000000003+0100",
        "day": "1973-04-15",
        "price": "0.03",
        "blob": "A/w=",
        "word": "x",
        "nested": {"a": 3, "b": [{"c": "3"}, None]},
        "pairs": [["k", 3]],
        "flag": False,
        "nothing": None,
    }
    assert second["gap"] is None
    assert first["single"] == 0.0


def test_nested_values_that_json_has_no_word_for() -> None:
    inner = pa.struct(
        [
            ("t", pa.timestamp("ns")),
            ("d", pa.duration("us")),
            ("x", pa.float64()),
            ("c", pa.decimal128(5, 3)),
            ("h", pa.float16()),
            ("o", pa.time64("ns")),
        ]
    )
    value = [{"t": 1, "d": 2, "x": float("nan"), "c": Decimal("1.500"), "h": 0.5, "o": 1}]
    before = pa.table({"src": ["a"], "v": pa.array([value], pa.list_(inner))})
    (row,) = as_jsonl(before)
    assert row["v"] == [
        {"t": "1970-01-01 00:00:00.000000001", "d": 2, "x": None, "c": "1.500", "h": 0.5, "o": "00:00:00.000000001"}
    ]
    fixed = pa.table({"src": ["a"], "v": pa.array([[1, 2]], pa.list_(pa.timestamp("s"), 2))})
    assert as_jsonl(fixed)[0]["v"] == ["1970-01-01 00:00:01.000", "1970-01-01 00:00:02.000"]
    mapped = pa.table({"src": ["a"], "v": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.timestamp("s")))})
    assert as_jsonl(mapped)[0]["v"] == [["k", "1970-01-01 00:00:01.000"]]
    keyed = pa.table({"src": ["a"], "v": pa.array([[(1, Decimal("0.0000001"))]], pa.map_(DAY, pa.decimal128(9, 7)))})
    assert as_jsonl(keyed)[0]["v"] == [["1970-01-02", "0.0000001"]]
    viewed = pa.table({"src": ["a"], "v": pa.array([[1]], pa.list_view(pa.timestamp("s")))})
    with pytest.raises(DocumentError, match=r"t\.parquet: row 1 holds a datetime, which JSON has no word for"):
        as_jsonl(viewed)


@pytest.mark.parametrize(
    ("kind", "first", "last"),
    [
        (DAY, -719_162, 2_932_896),
        (pa.date64(), -719_162 * 86_400_000, 2_932_896 * 86_400_000),
        (pa.timestamp("s"), -62_135_596_800, 253_402_300_799),
        (pa.timestamp("us", "America/New_York"), -62_135_596_800 * 10**6, 253_402_300_800 * 10**6 - 1),
        (pa.time32("ms"), 0, 86_399_999),
        (pa.time64("ns"), 0, 86_400 * 10**9 - 1),
    ],
    ids=str,
)
def test_an_instant_that_text_would_get_wrong_is_said(kind: Any, first: int, last: int) -> None:
    bare = pa.int32() if kind.bit_width == 32 else pa.int64()
    step = 86_400_000 if kind == pa.date64() else 1

    def holding(*numbers: int | None) -> list[Any]:
        cells = pa.array(numbers, bare).view(kind)
        ends = pa.array(range(len(numbers) + 1), pa.int32())
        lists = pa.ListArray.from_arrays(ends, pa.StructArray.from_arrays([cells], ["t"]))
        return [
            cells,
            cells.dictionary_encode(),
            lists,
            pa.MapArray.from_arrays(ends, pa.array(["k"] * len(numbers)), cells),
        ]

    for fine in holding(first, None, last):
        assert len(as_jsonl(pa.table({"src": ["a", "b", "c"], "x": fine}))) == 3
    for beyond in (first - step, last + step):
        for cells in holding(first, beyond):
            with pytest.raises(DocumentError, match=r"t\.parquet: rows 1 to 2: column `x` holds an instant outside"):
                as_jsonl(pa.table({"src": ["a", "b"], "x": cells}))


@pytest.mark.parametrize("value", [float("inf"), -float("inf")])
def test_an_infinity_is_said_with_its_row(value: float) -> None:
    with pytest.raises(DocumentError, match=r"t\.parquet: row 2 holds an infinity"):
        as_jsonl(pa.table({"src": ["a", "b"], "x": [0.0, value]}))


def test_what_json_cannot_say_is_refused_at_once() -> None:
    twice = pa.Table.from_arrays([pa.array(["a"]), pa.array([1]), pa.array([2])], ["src", "x", "x"])
    with pytest.raises(DocumentError, match="two columns are called `x`"):
        as_jsonl(twice)
    with pytest.raises(DocumentError, match=r"column `u` is of type .*uuid"):
        as_jsonl(pa.table({"src": ["a"], "u": pa.array([b"0" * 16], pa.uuid())}))


def test_there_and_back_again() -> None:
    rows: list[dict[str, Any]] = [
        {"src": "a", "n": 1, "x": 0.1, "l": [{"k": "v"}]},
        {"src": "b", "n": None, "x": 2.0, "l": None},
    ]
    filled = as_jsonl(as_parquet(rows), [SKIPPED, SKIPPED])
    assert [{name: row[name] for name in rows[0]} for row in filled] == rows


KINDS = st.recursive(
    st.sampled_from(
        [
            st.integers(-(2**63), 2**63 - 1),
            st.floats(allow_nan=False, allow_infinity=False).map(lambda x: x + 0.5 if x.is_integer() else x),
            st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
            st.booleans(),
        ]
    ),
    lambda inner: (
        inner.map(lambda kind: st.lists(st.none() | kind, max_size=3))
        | st.dictionaries(st.text("abc.", min_size=1, max_size=2), inner, min_size=1, max_size=3).map(
            lambda kinds: st.fixed_dictionaries({name: st.none() | kind for name, kind in kinds.items()})
        )
    ),
    max_leaves=4,
)
TABLES = st.dictionaries(st.text("abc. é", min_size=1, max_size=3), KINDS, max_size=4).flatmap(
    lambda kinds: st.lists(
        st.fixed_dictionaries({"src": st.just("a")} | {name: st.none() | kind for name, kind in kinds.items()}),
        min_size=1,
        max_size=5,
    )
)


@given(rows=TABLES)
def test_values_go_through_parquet_and_come_back(rows: list[dict[str, Any]]) -> None:
    """Also large integers, which a detour through doubles would round."""
    found = as_jsonl(as_parquet(rows), [SKIPPED] * len(rows))
    assert [{name: row[name] for name in rows[0]} for row in found] == rows
