"""JSONL tables: what is not ours keeps its bytes, and what is no row is said with its place."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smokegate.errors import DocumentError, UsageError
from smokegate_runners.saliency.clips.roll import Answer
from smokegate_runners.saliency.columns import Columns
from smokegate_runners.saliency.formats.fill import Fill, Filling
from smokegate_runners.saliency.formats.json_lines import LINE_LIMIT
from smokegate_runners.saliency.formats.tables_jsonl import JsonlTable
from smokegate_runners.saliency.settings import Settings
from smokegate_runners.saliency.work import Status

FILLING = Filling(Columns(), Settings(), "model_a")
OK = FILLING.of(Answer(Status.OK, 0.25, 0.0625))
FAILED = FILLING.of(Answer(Status.DECODE_FAILED, None, None))
SKIPPED = FILLING.skipped
COMPUTED = {
    "saliency_mean": 0.25,
    "saliency_var": 0.0625,
    "saliency_status": "ok",
    "saliency_model_id": "model_a",
    "saliency_aggregator": "mean",
    "saliency_ema_alpha": 0.6,
}
NOTHING = {"saliency_mean": None, "saliency_var": None, "saliency_status": "decode-failed"}
METADATA = ("saliency_model_id", "saliency_aggregator", "saliency_ema_alpha")


def table(data: bytes) -> JsonlTable:
    return JsonlTable(Path("t.jsonl"), io.BytesIO(data), Columns())


def written(data: bytes, fills: Sequence[Fill]) -> bytes:
    target = io.BytesIO()
    rows = table(data).write(target, iter(fills))
    assert rows == len(fills)
    return target.getvalue()


def test_cells_go_to_the_end_of_the_line_and_all_else_keeps_its_bytes() -> None:
    line = b'{"src":"a.mp4" ,"n": 1.0,  "big":12345678901234567890123, "e":1E-7, "u": "\\u00e9\xc3\xa9", "z": [1 , {}]}'
    tail = (
        b', "saliency_mean": 0.25, "saliency_var": 0.0625, "saliency_status": "ok", "saliency_model_id": "model_a", '
        b'"saliency_aggregator": "mean", "saliency_ema_alpha": 0.6}'
    )
    assert written(line + b"\n", [OK]) == line[:-1] + tail + b"\n"


def test_cells_that_are_there_are_written_over_in_place() -> None:
    line = b'{"saliency_status" : "old", "src": "a", "saliency_var":null,"saliency_mean": -1e5, "x": 1.50}\r\n'
    assert written(line, [SKIPPED]) == line.replace(b'"old"', b'"skipped-existing"')
    found = written(line, [OK])
    assert found.startswith(
        b'{"saliency_status" : "ok", "src": "a", "saliency_var":0.0625,"saliency_mean": 0.25, "x": 1.50, '
    )
    assert found.endswith(b"}\r\n")
    assert json.loads(found) == {"src": "a", "x": 1.5} | COMPUTED


def test_a_failed_row_has_no_values_and_no_metadata_of_an_earlier_run() -> None:
    before = {"src": "a"} | COMPUTED
    assert json.loads(written(json.dumps(before).encode(), [FAILED])) == before | NOTHING | dict.fromkeys(METADATA)
    assert json.loads(written(b'{"src": "a"}', [FAILED])) == {"src": "a"} | NOTHING


HARD = [
    b"{}",
    b"{   }",
    b'{"src": "a", "nested": {"saliency_mean": 7, "saliency_status": "theirs"}}',
    b'{"src": "a", "note": "\\"saliency_mean\\": 3, \\"saliency_status\\": \\"x\\""}',
    b'{"src": "a", "\\u0073aliency_mean": 3, "saliency_status": "x"}',
    b'{"src": "a", "\\u0073aliency_mean": 3}',
    b'{"src": "a", "saliency\\u005fstatus": "x", "\\u00e9": 1}',
    b'{"src": "saliency_mean", "saliency_mean": [1, {"saliency_var": 2}], "x": "saliency_var"}',
    b'{"saliency_mean": {"a": 1}, "saliency_var": "}", "src": "}{"}',
    b'{"src": "say \\"saliency_mean", "saliency_mean": 1}',
    b'{"src": "a\\\\", "saliency_status": "b\\\\"}',
    b'{"src": "saliency_mean"}',
    b'{"src":"\xf0\x9f\x8e\xac","k\xc3\xa9y":1,"saliency_var":"\xe2\x80\xa8"}',
]


@pytest.mark.parametrize("fill", [OK, FAILED, SKIPPED], ids=["ok", "failed", "skipped"])
@pytest.mark.parametrize("line", HARD)
def test_keys_are_told_from_what_looks_like_them(line: bytes, fill: Fill) -> None:
    before, after = json.loads(line), json.loads(written(line + b"\n", [fill]), object_pairs_hook=distinct)
    expected = fill.patch(dict(before))
    assert after == expected
    assert list(after)[: len(before)] == list(before)


def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len({key for key, _ in pairs}) == len(pairs)
    return dict(pairs)


NAMES = st.sampled_from(["src", *COMPUTED, "saliency", 'a"b', "é", "\\"]) | st.text(max_size=4)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@given(
    row=st.dictionaries(NAMES, VALUES, max_size=8),
    fill=st.sampled_from([OK, FAILED, SKIPPED]),
    ascii_only=st.booleans(),
    separators=st.sampled_from([(",", ":"), (", ", ": "), (" , ", " :\t")]),
    end=st.sampled_from([b"", b"\n", b"\r\n", b" \n"]),
)
def test_any_row_is_what_it_was_with_its_cells_filled(
    row: dict[str, Any], fill: Fill, ascii_only: bool, separators: tuple[str, str], end: bytes
) -> None:
    line = json.dumps(row, ensure_ascii=ascii_only, separators=separators).encode("utf-8", "surrogatepass") + end
    found = written(line, [fill])
    assert found.endswith(end)
    assert json.loads(found, object_pairs_hook=distinct) == fill.patch(dict(row))
    untouched = {key: value for key, value in row.items() if key not in fill.cells}
    pieces = (
        json.dumps({key: value}, ensure_ascii=ascii_only, separators=separators)[1:-1]
        for key, value in untouched.items()
    )
    assert all(piece.encode() in found for piece in pieces)


def test_names_that_json_escapes_are_columns_too() -> None:
    columns = Columns(status='st"a\\tus', model_id="modèle", aggregator="", ema_alpha="a/b")
    fill = Filling(columns, Settings(), "m").of(Answer(Status.OK, 0.5, 0.5))
    line = b'{"src": "a", "st\\"a\\\\tus": 1, "mod\\u00e8le": 2, "a\\/b": 3}\n'
    target = io.BytesIO()
    JsonlTable(Path("t"), io.BytesIO(line), columns).write(target, iter([fill]))
    found = json.loads(target.getvalue(), object_pairs_hook=distinct)
    assert found == {
        "src": "a",
        'st"a\\tus': "ok",
        "modèle": "m",
        "a/b": 0.6,
        "saliency_mean": 0.5,
        "saliency_var": 0.5,
    }


@pytest.mark.parametrize(("name", "key"), [("modèle", "mod\\u00e8le"), ("a/b", "a\\/b"), ('q"', "\\u0071\\u0022")])
def test_a_key_behind_escapes_alone_is_found(name: str, key: str) -> None:
    columns = Columns(status=name)
    fill = Filling(columns, Settings(), "m").skipped
    target = io.BytesIO()
    JsonlTable(Path("t"), io.BytesIO(f'{{"src": "a", "{key}": 1}}'.encode()), columns).write(target, iter([fill]))
    assert json.loads(target.getvalue(), object_pairs_hook=distinct) == {"src": "a", name: "skipped-existing"}


def test_blank_lines_endings_and_a_byte_order_mark_stay() -> None:
    data = b'\xef\xbb\xbf{"src": "a"}\r\n\r\n \t\n{"src": "b"}\n\n  {"src": "c"}  '
    found = written(data, [SKIPPED] * 3)
    assert found == data.replace(b'"}', b'", "saliency_status": "skipped-existing"}')
    assert [one.path for one in table(data).asks()] == ["a", "b", "c"]


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_a_table_without_rows_stays_as_it_is(data: bytes) -> None:
    assert list(table(data).asks()) == []
    assert written(data, []) == data


def test_cells_are_asked_as_they_stand() -> None:
    rows = b'{"src": "a", "width": 64, "height": "48", "saliency_mean": 1}\n{"src": null}\n{"saliency_var": 0.5}\n'
    assert [tuple(one) for one in table(rows).asks()] == [
        ("a", 64, "48", 1, None),
        (None, None, None, None, None),
        (None, None, None, None, 0.5),
    ]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"src": "a"', "end of the line inside the object that opens at column 1"),
        (b'{"src": NaN}', "NaN is not JSON"),
        (b'{"src": "a", "x": [-Infinity]}', "Infinity is not JSON"),
        (b'{"src": "a", "src": "b"}', 'duplicate key "src"; it is first at column 2'),
        (b'{"src": "a", "x": {"k": 1, "k": 2}}', "duplicate key"),
        (b'{"src": "a"} {"src": "b"}', "nothing more"),
        (b'{"src": "\xff"}', "byte 0xff (byte 9 of the line) is not UTF-8"),
        ('{"src": "a"}'.encode("utf-16"), "UTF-8"),
        (b'["a"]', "a row is a JSON object"),
        (b"3", "a row is a JSON object"),
        (b"null", "a row is a JSON object"),
        (b"src,width", "expected a value"),
        (b'{"src": "a",}', "comma"),
        (b"{'src': 'a'}", "double quotes"),
        (b'{"src": "a\x00"}', "control character"),
        (b'{"src": ' + b"9" * 5000 + b"}", "digits"),
        (b'{"src": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested deeper"),
        (b"<<<<<<< HEAD", "conflict"),
    ],
)
def test_a_line_that_is_no_row_is_said_with_file_and_line(line: bytes, why: str) -> None:
    with pytest.raises(DocumentError, match=r"^t\.jsonl:3: ") as caught:
        list(table(b'{"src": "a"}\n\n' + line + b"\n").asks())
    assert why in caught.value.message
    assert caught.value.message.isprintable()


def test_a_document_that_is_no_table_is_told_so() -> None:
    with pytest.raises(DocumentError, match=r"t\.jsonl:1: .*one object a line"):
        list(table(b'[\n{"src": "a"}\n]\n').asks())


def test_lines_are_bounded() -> None:
    fits = b'{"src": "' + b"a" * (LINE_LIMIT - 12) + b'"}\n'
    assert len(fits) == LINE_LIMIT
    assert len(list(table(fits).asks())) == 1
    with pytest.raises(DocumentError, match=r"t\.jsonl:2: the line is longer than 16 MiB"):
        list(table(b"\n " + fits).asks())

    class Stream(io.BytesIO):
        def readline(self, size: int | None = -1, /) -> bytes:
            assert size is not None
            assert 0 < size <= LINE_LIMIT + 1
            return super().readline(size)

    assert len(list(JsonlTable(Path("t"), Stream(fits), Columns()).asks())) == 1


def test_a_path_column_that_is_not_there_is_said_with_those_that_are() -> None:
    rows = b'{"path": "a"}\n{"clip": "b", "x\\n": 1}\n'
    with pytest.raises(UsageError, match=r"no column `src`; there is `path`, `clip`, \"x\\n\"") as caught:
        list(table(rows).asks())
    assert caught.value.fix == "name it with --path-column"
    with pytest.raises(UsageError, match="no column `src`"):
        list(table(b'{"path": "a"}\n' * 100 + b'{"src": "a"}\n').asks())
    assert len(list(table(b'{"path": "a"}\n' * 99 + b'{"src": "a"}\n').asks())) == 100


def test_values_are_written_so_that_they_read_back() -> None:
    for mean in (0.1, 1e-300, 5e-324, 1 - 2**-53, 0.0):
        fill = FILLING.of(Answer(Status.OK, mean, math.nextafter(mean, 1)))
        found = json.loads(written(b'{"src": "a"}', [fill]))
        assert (found["saliency_mean"], found["saliency_var"]) == (mean, math.nextafter(mean, 1))
