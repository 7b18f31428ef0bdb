"""A corpus is read strictly, and has one digest however it is written."""

from __future__ import annotations

import datetime
import hashlib
import io
import json
import random
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from evidence.corpora import Row, as_parquet, jsonl, rows, table
from smokegate.evidence import corpus
from smokegate.evidence.corpus import FEATURES, Clip, ClipFolder, CorpusFault, CorpusTable, clips, read

SMALL = rows(4)


def digest(data: bytes, path: str = "c.jsonl") -> str:
    found = read(io.BytesIO(data), path)
    assert isinstance(found, CorpusTable), found
    return found.digest


def fault(data: bytes, path: str = "c.jsonl") -> CorpusFault:
    found = read(io.BytesIO(data), path)
    assert isinstance(found, CorpusFault), found
    assert str(found).isprintable()
    return found


# --- one content, one digest


@st.composite
def tables(draw: st.DrawFn) -> list[Row]:
    """Rows with further columns of every kind that both formats have."""
    finite = st.floats(allow_nan=False, allow_infinity=False)
    number = st.one_of(finite, st.integers(-(2**53), 2**53).map(float), st.sampled_from([-0.0, 1e22, 5e-324]))
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "numbers": number,
        "whole": st.integers(-(2**63), 2**63 - 1),
        "words": st.text(st.characters(exclude_categories=["Cs"])),
        "flag": st.booleans(),
        "list": st.lists(number, max_size=3),
        "nested": st.fixed_dictionaries({"a": number, "b": st.one_of(st.none(), st.text("xyz"))}),
    }
    chosen = draw(st.lists(st.sampled_from(sorted(kinds)), unique=True))
    maybe = {name: st.one_of(st.none(), kinds[name]) for name in chosen}
    texts = {name: st.text("ab/é.", min_size=1) for name in ("src", "encoder")}
    needed = dict.fromkeys(("cq", "frame_index", "vmaf", *FEATURES), number)
    return draw(st.lists(st.fixed_dictionaries({**texts, **needed, **maybe}), min_size=1, max_size=6))


def otherwise_spelt(value: Any, rng: random.Random) -> Any:
    """The same value: keys in another order, whole numbers as integers or not, nulls said or left out."""
    if isinstance(value, dict):
        kept = [(k, otherwise_spelt(v, rng)) for k, v in value.items() if v is not None or rng.random() < 0.5]
        rng.shuffle(kept)
        return dict(kept)
    if isinstance(value, list):
        return [otherwise_spelt(item, rng) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e299 and rng.random() < 0.5:
        return int(value)
    return value


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tables(), st.randoms(use_true_random=False), st.sampled_from(["none", "snappy", "zstd"]))
def test_two_spellings_of_one_corpus_have_one_digest(rows: list[Row], rng: random.Random, compression: str) -> None:
    first = digest(jsonl(rows))
    separators = rng.choice([(",", ":"), (" , ", "\t: ")])
    spelt = [otherwise_spelt(row, rng) for row in rows]
    texts = [json.dumps(row, separators=separators, ensure_ascii=rng.random() < 0.5) for row in spelt]
    assert digest("\r\n\n".join(texts).encode()) == first
    shuffled = [dict(sorted(row.items(), key=lambda _: rng.random())) for row in rows]
    packed = as_parquet(shuffled, compression=compression, row_group_size=rng.randint(1, 4), use_dictionary=["src"])
    assert digest(packed, "c.parquet") == first


def test_the_digest_is_that_of_canonical_json_lines() -> None:
    row: Row = dict.fromkeys(("cq", "frame_index", "vmaf", *FEATURES), 0.5) | {"src": "é", "encoder": "x"}
    row |= {"cq": 23.0, "frame_index": -0.0, "vmaf": 1e2, "gone": None, "flag": True, "list": [1.0, None]}
    line = (
        '{"adm2":0.5,"cq":23,"encoder":"x","flag":true,"frame_index":0,"list":[1,null],"motion2":0.5,'
        '"src":"\\u00e9","vif_scale0":0.5,"vif_scale1":0.5,"vif_scale2":0.5,"vif_scale3":0.5,"vmaf":100}\n'
    )
    assert digest(jsonl([row])) == hashlib.sha256(line.encode()).hexdigest()


def test_the_recipe_in_the_docs_gives_the_same_digest(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/corpus.md").read_text()
    program = page.partition("<<'END'\n")[2].partition("END\n")[0]
    (tmp_path / "c.jsonl").write_bytes(jsonl([row | {"n": None, "o": {"é": [1.0, None], "p": -0.0}} for row in SMALL]))
    command = [sys.executable, "-", str(tmp_path / "c.jsonl")]
    done = subprocess.run(command, input=program, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == digest((tmp_path / "c.jsonl").read_bytes())


@pytest.mark.parametrize("column", [*SMALL[0], "further"])
def test_every_value_counts(column: str) -> None:
    base = [row | {"further": 1.5} for row in SMALL]
    changed = [dict(row) for row in base]
    value = changed[2][column]
    changed[2][column] = value + "x" if isinstance(value, str) else value + 1e-9
    assert digest(jsonl(changed)) != digest(jsonl(base))


def test_the_order_and_number_of_rows_count_and_so_does_the_kind_of_a_value() -> None:
    variants = [SMALL, SMALL[::-1], SMALL[:3], [*SMALL, SMALL[0]]]
    variants += [[row | {"further": value} for row in SMALL] for value in ("1", 1, True, [1], {"a": 1}, "", False, 0)]
    assert len({digest(jsonl(variant)) for variant in variants}) == len(variants)


def test_nan_in_a_further_column_is_no_value() -> None:
    unsaid = digest(jsonl(SMALL))
    assert digest(as_parquet([row | {"saliency": float("nan")} for row in SMALL]), "c.parquet") == unsaid
    assert digest(as_parquet([row | {"saliency": None} for row in SMALL]), "c.parquet") == unsaid


# --- what is read


def test_columns_and_summary() -> None:
    found = table(rows(12, sources=3))
    assert (found.rows, found.format) == (12, "jsonl")
    assert found.sources == ("clip0.mp4", "clip1.mp4", "clip2.mp4")
    assert found.encoders == ("h264_nvenc", "libx264")
    assert list(found.numbers["cq"]) == [row["cq"] for row in rows(12, sources=3)]
    assert list(found.numbers["vmaf"]) == [row["vmaf"] for row in rows(12, sources=3)]
    assert "further" not in table([row | {"further": 1} for row in SMALL]).numbers


def without(column: str) -> Row:
    return {key: value for key, value in SMALL[0].items() if key != column}


GOOD = jsonl(SMALL[:1])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (jsonl([without("cq")]), "no `cq`; there is `adm2`, `encoder`"),
        (jsonl([without("src")]), "no `src`"),
        (jsonl([SMALL[0] | {"vmaf": "97.5"}]), "`vmaf` is text, and a number is due"),
        (jsonl([SMALL[0] | {"vmaf": True}]), "`vmaf` is true or false"),
        (jsonl([SMALL[0] | {"vmaf": None}]), "`vmaf` has no value"),
        (jsonl([SMALL[0] | {"adm2": float("nan")}]), "NaN is not JSON"),
        (jsonl([SMALL[0] | {"further": float("inf")}]), "Infinity is not JSON"),
        (GOOD.replace(b'"cq": 20', b'"cq": 1e400'), "past the range of a double"),
        (GOOD.replace(b'"cq": 20', b'"cq": 20, "cq": 20'), 'duplicate key "cq"'),
        (jsonl([SMALL[0] | {"encoder": ""}]), "`encoder` is empty"),
        (jsonl([SMALL[0] | {"encoder": 7}]), "`encoder` is a number, and text is due"),
        (b"[1, 2]\n", "a row is a JSON object"),
        (b"{\n", "found the end"),
        (GOOD.strip() + GOOD, "expected nothing more"),
        (b'{"src": "\xff"}\n', "UTF-8"),
        (b"[" * 99 + b"]" * 99 + b"\n", "nested deeper"),
        (b" " * (1 << 20) + GOOD, "longer than 1,048,576 bytes"),
        (b"<<<<<<< HEAD\n", "conflict marker"),
    ],
)
def test_a_line_at_fault_is_named(line: bytes, words: str) -> None:
    found = fault(GOOD + b"\n" + line + GOOD)
    assert words in found.message
    assert str(found).startswith("c.jsonl:3: ")


def test_nothing_is_no_corpus() -> None:
    assert "no rows" in fault(b"").message
    assert "no rows" in fault(b" \n\n").message
    assert "no rows" in fault(empty_parquet(), "c.parquet").message


def empty_parquet() -> bytes:
    packed = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(SMALL).slice(0, 0), packed)
    return packed.getvalue()


def two_of_a_name() -> bytes:
    whole = pa.Table.from_pylist(SMALL)
    packed = io.BytesIO()
    parquet.write_table(whole.append_column("cq", whole["cq"]), packed)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a parquet file"),
        (b"PAR1 nonsense PAR1", "not a parquet file"),
        (as_parquet(SMALL)[:-200], "not a parquet file"),
        (as_parquet([without("cq")]), "no `cq`; there is"),
        (as_parquet([row | {"vmaf": str(row["vmaf"])} for row in SMALL]), "row 1: `vmaf` is text"),
        (as_parquet([*SMALL, SMALL[0] | {"vmaf": float("nan")}]), "`vmaf` has no value"),
        (as_parquet([row | {"further": float("-inf")} for row in SMALL]), "`further` is infinite"),
        (
            as_parquet([row | {"at": datetime.datetime(2026, 1, 1)} for row in SMALL]),
            "column `at` is of type 'timestamp",
        ),
        (as_parquet([row | {"raw": b"x"} for row in SMALL]), "column `raw` is of type 'binary"),
        (as_parquet([row | {"\x1b[31m\n": b"x"} for row in SMALL]), 'column "\\u001b[31m\\n" is'),
        (two_of_a_name(), "two columns are called `cq`"),
    ],
)
def test_a_parquet_file_at_fault(data: bytes, words: str) -> None:
    found = fault(data, "c.parquet")
    assert words in found.message
    assert found.path == "c.parquet"


def test_a_damaged_page_is_a_fault_and_not_a_crash() -> None:
    whole = as_parquet(rows(200), compression="none", write_page_checksum=True)
    for at in range(4, len(whole) - 8, 997):
        damaged = whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]
        assert isinstance(read(io.BytesIO(damaged), "c.parquet"), CorpusFault | CorpusTable)


def test_an_index_that_was_written_along_is_a_column_like_any_other() -> None:
    whole = pa.Table.from_pylist([row | {"__index_level_0__": 3} for row in SMALL])
    packed = io.BytesIO()
    parquet.write_table(whole, packed)
    assert digest(packed.getvalue(), "c.parquet") != digest(jsonl(SMALL))


def test_without_pyarrow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    found = fault(b"PAR1", "c.parquet")
    assert found.fix == "python -m pip install 'smokegate[corpus]'"
    assert found.fix in found.message


@pytest.mark.parametrize("name", ["c.csv", "c", "jsonl", "c.jsonl.gz"])
def test_other_names_are_no_corpus(name: str) -> None:
    assert ".jsonl, .ndjson or .parquet" in fault(b"", name).message


def test_a_corpus_without_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "MAX_ROWS", 3)
    assert "at most 3" in fault(jsonl(SMALL)).message
    assert "at most 3" in fault(as_parquet(SMALL), "c.parquet").message
    assert digest(jsonl(SMALL[:3]))


class Endless(io.RawIOBase):
    """Lines that are made as they are read."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._rest = self._rest or next(self._lines, b"")
        taken = self._rest[: len(buffer)]
        buffer[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)


def test_reading_needs_memory_for_the_columns_alone() -> None:
    line = jsonl([SMALL[0] | {"further": "x" * 10_000}])
    tracemalloc.start()
    found = read(io.BufferedReader(Endless(line for _ in range(4_000))), "c.jsonl")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(found, CorpusTable)
    assert found.rows == 4_000
    assert peak < 4 << 20  # of the 40 MiB read


@pytest.mark.parametrize("path", ["c.jsonl", "c.parquet"])
def test_eight_thousand_rows_are_read_at_once(path: str) -> None:
    many = rows(8_000)
    data = jsonl(many) if path == "c.jsonl" else as_parquet(many)
    digest(data, path)
    started = time.process_time()
    digest(data, path)
    assert time.process_time() - started < 0.5


# --- a directory of clips

A, B = Clip("ref/a.mp4", 3, "a" * 64), Clip("dis/b.mp4", 5, "b" * 64)


def folder(*listing: Clip) -> str:
    found = clips(listing, "clips")
    assert isinstance(found, ClipFolder), found
    return found.digest


def test_clips_are_known_by_path_size_and_digest() -> None:
    found = clips([A, B], "clips")
    assert isinstance(found, ClipFolder)
    assert (found.clips, found.size) == (2, 8)
    assert folder(A, B) == folder(B, A)
    others = [(A,), (B,), (A, B), (Clip("ref/c.mp4", 3, "a" * 64), B), (Clip("ref/a.mp4", 4, "a" * 64), B)]
    others.append((Clip("ref/a.mp4", 3, "c" * 64), B))
    assert len({folder(*other) for other in others}) == len(others)


def test_symlinks_among_clips_are_refused_by_name() -> None:
    found = clips([A, Clip("ref/l.mp4", 0, "", symlink=True)], "clips")
    assert isinstance(found, CorpusFault)
    assert "`ref/l.mp4` is a symlink" in found.message


def test_clips_listed_twice_and_none_at_all() -> None:
    assert "twice" in str(clips([A, A], "clips"))
    assert "no clips" in str(clips([], "clips"))
