"""A corpus: rows of features and scores, read strictly, and known by the values of its rows alone.

The digest is the sha256 of the rows as canonical JSON lines, in order: keys sorted by code point, no white space,
ASCII only, a number that is whole written without point or exponent (so 23, 23.0 and 2.3e1 are one, and -0.0 is 0),
every other number as the shortest text that reads back as the same double, members without a value (null, or NaN
where the format has one) left out, one newline after each. `docs/corpus.md` says the same at more length.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, BinaryIO

from smokegate.registry.strict_json import JsonFault, parse

FEATURES = ("adm2", "vif_scale0", "vif_scale1", "vif_scale2", "vif_scale3", "motion2")
SCORE = "vmaf"
TEXTS = ("src", "encoder")
NUMBERS = ("cq", "frame_index", SCORE, *FEATURES)

MAX_ROWS = 2_000_000
LINE_LIMIT = 1 << 20
_DEPTH = 16
_BATCH = 1024
_SHOWN_COLUMNS = 24
_FORMATS = {"jsonl": "jsonl", "ndjson": "jsonl", "parquet": "parquet"}
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


@dataclass(frozen=True)
class CorpusTable:
    """The columns that models are fed from; further columns count in the digest and are not kept."""

    format: str
    digest: str
    src: Sequence[str]
    encoder: Sequence[str]
    numbers: Mapping[str, array[float]]

    @property
    def rows(self) -> int:
        return len(self.src)

    @cached_property
    def sources(self) -> tuple[str, ...]:
        return tuple(sorted(set(self.src)))

    @cached_property
    def encoders(self) -> tuple[str, ...]:
        return tuple(sorted(set(self.encoder)))


@dataclass(frozen=True, slots=True)
class Clip:
    """A file of a directory of clips; `path` is relative to the directory, with `/` between parts."""

    path: str
    size: int
    sha256: str
    symlink: bool = False


@dataclass(frozen=True, slots=True)
class ClipFolder:
    digest: str
    clips: int
    size: int
    format: str = "clips"


@dataclass(frozen=True, slots=True)
class CorpusFault:
    """Why a file (or a directory) is not a corpus, and where."""

    path: str
    message: str
    line: int | None = None
    fix: str | None = None

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}" if self.line else f"{self.path}: {self.message}"


def format_of(path: str) -> str | None:
    """`jsonl` or `parquet` by the file's name; None where it tells neither."""
    _, dot, suffix = path.rpartition(".")
    return _FORMATS.get(suffix.lower()) if dot else None


def read(stream: BinaryIO, path: str) -> CorpusTable | CorpusFault:
    """A corpus in the format that its name tells; `path` is for messages."""
    format_ = format_of(path)
    if format_ is None:
        return CorpusFault(path, "a corpus is a .jsonl, .ndjson or .parquet file, and its name ends in none of these")
    return read_jsonl(stream, path) if format_ == "jsonl" else read_parquet(stream, path)


def read_jsonl(stream: BinaryIO, path: str) -> CorpusTable | CorpusFault:
    gathered = _Gathered("jsonl")
    number = 0
    while line := stream.readline(LINE_LIMIT + 1):
        number += 1
        if not line.strip(b" \t\r\n"):
            continue
        try:
            gathered.add(_object(line))
        except (_RowError, JsonFault) as fault:
            return CorpusFault(path, getattr(fault, "message", str(fault)), number)
    return gathered.table(path)


def read_parquet(stream: BinaryIO, path: str) -> CorpusTable | CorpusFault:
    try:
        import pyarrow as pa  # noqa: PLC0415
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError:
        fix = "python -m pip install 'smokegate[corpus]'"
        return CorpusFault(path, f"a parquet corpus is read with pyarrow, which is not installed: {fix}", fix=fix)
    gathered = _Gathered("parquet")
    try:
        with parquet.ParquetFile(stream) as file:
            if misfit := _misfit(pa, file.schema_arrow, file.metadata.num_rows):
                return CorpusFault(path, misfit)
            for row in _parquet_rows(file):
                gathered.add(row)
    except _RowError as fault:
        return CorpusFault(path, f"row {gathered.rows + 1}: {fault}")
    except (pa.ArrowException, OSError, ValueError, RecursionError) as fault:
        said = "".join(char if char.isprintable() else " " for char in str(fault)[:300])
        return CorpusFault(path, f"it is not a parquet file that can be read: {said}")
    return gathered.table(path)


def clips(listing: Iterable[Clip], path: str) -> ClipFolder | CorpusFault:
    """A directory of clips, known by the path, size and digest of each; the order they are listed in is no matter."""
    found: dict[str, Clip] = {}
    for clip in listing:
        if clip.symlink:
            message = f"{quoted(clip.path)} is a symlink, and what it leads to is not part of the directory"
            return CorpusFault(path, message, fix=f"put the file itself in place of {clip.path}")
        if clip.path in found:
            return CorpusFault(path, f"{quoted(clip.path)} is listed twice")
        found[clip.path] = clip
    if not found:
        return CorpusFault(path, "it holds no clips")
    digest = hashlib.sha256()
    for name in sorted(found):
        digest.update(canonical_line({"path": name, "size": found[name].size, "sha256": found[name].sha256}))
    return ClipFolder(digest.hexdigest(), len(found), sum(clip.size for clip in found.values()))


def canonical_line(row: Mapping[str, Any]) -> bytes:
    """A row as the digest sees it: two spellings of the same values are the same line."""
    return (_ENCODER.encode(_plain(dict(row))) + "\n").encode("ascii")


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind is float:
        return int(value) if value.is_integer() else value
    if kind is dict:
        return {key: _plain(item) for key, item in value.items() if item is not None}
    if kind is list:
        return [_plain(item) for item in value]
    return value


def quoted(name: str) -> str:
    """Somebody else's name for something, fit to stand in a message."""
    return f"`{name}`" if name.isprintable() and len(name) <= 60 and "`" not in name else json.dumps(name[:60])


class _RowError(Exception):
    pass


class _Gathered:
    """Rows on their way into columns."""

    def __init__(self, format_: str) -> None:
        self._format = format_
        self._digest = hashlib.sha256()
        self._texts: tuple[tuple[str, list[str]], ...] = tuple((name, []) for name in TEXTS)
        self._numbers: tuple[tuple[str, array[float]], ...] = tuple((name, array("d")) for name in NUMBERS)
        self.rows = 0

    def add(self, row: dict[str, Any]) -> None:
        if self.rows >= MAX_ROWS:
            raise _RowError(_too_many(self.rows + 1))
        for name, words in self._texts:
            text = row.get(name)
            if type(text) is not str or not text:
                raise _RowError(_wrong(name, row, "text"))
            words.append(sys.intern(text))
        for name, column in self._numbers:
            number = row.get(name)
            if type(number) is not float and type(number) is not int:
                raise _RowError(_wrong(name, row, "a number"))
            column.append(number)
        self._digest.update(canonical_line(row))
        self.rows += 1

    def table(self, path: str) -> CorpusTable | CorpusFault:
        if not self.rows:
            return CorpusFault(path, "it holds no rows")
        src, encoder = (words for _, words in self._texts)
        return CorpusTable(self._format, self._digest.hexdigest(), src, encoder, dict(self._numbers))


def _wrong(name: str, row: Mapping[str, Any], wanted: str) -> str:
    if name not in row:
        return f"no `{name}`; {_columns(row)}"
    value = row[name]
    if value is None:
        return f"`{name}` has no value, and {wanted} is due"
    if value == "":
        return f"`{name}` is empty, and {wanted} is due"
    kinds = {bool: "true or false", str: "text", dict: "an object", list: "a list", int: "a number", float: "a number"}
    return f"`{name}` is {kinds.get(type(value), type(value).__name__)}, and {wanted} is due"


def _columns(names: Iterable[str]) -> str:
    shown = sorted(names)
    rest = len(shown) - _SHOWN_COLUMNS
    return (
        "there is "
        + (", ".join(map(quoted, shown[:_SHOWN_COLUMNS])) or "nothing")
        + (f" and {rest} more" if rest > 0 else "")
    )


def _too_many(rows: int) -> str:
    return f"{rows:,} rows or more; at most {MAX_ROWS:,} are read"


# JSONL.


def _object(line: bytes) -> dict[str, Any]:
    if len(line) > LINE_LIMIT:
        raise _RowError(f"the line is longer than {LINE_LIMIT:,} bytes")
    value = parse(line, max_bytes=LINE_LIMIT, max_depth=_DEPTH)
    if not isinstance(value, dict):
        raise _RowError("a row is a JSON object, and this line holds something else")
    return value


# Parquet.


def _misfit(pa: Any, schema: Any, rows: int) -> str | None:
    """Why a table of this schema is no corpus, before a value of it has been read."""
    names = list(schema.names)
    if rows > MAX_ROWS:
        return _too_many(rows)
    if twice := sorted({name for name in names if names.count(name) > 1}):
        return f"two columns are called {quoted(twice[0])}"
    if missing := [name for name in (*TEXTS, *NUMBERS) if name not in names]:
        return f"no `{missing[0]}`; {_columns(names)}"
    for column in schema:
        if not _fits(pa.types, column.type, _DEPTH):
            return (
                f"column {quoted(column.name)} is of type {str(column.type)[:60]!r}, which no JSON value is: "
                "write it as numbers or text, or leave it out"
            )
    return None


def _fits(types: Any, kind: Any, depth: int) -> bool:
    if depth == 0:
        return False
    if types.is_dictionary(kind):
        return _fits(types, kind.value_type, depth - 1)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _fits(types, kind.value_type, depth - 1)
    if types.is_struct(kind):
        names = [field.name for field in kind]
        return len(set(names)) == len(names) and all(_fits(types, field.type, depth - 1) for field in kind)
    plain = (types.is_integer, types.is_boolean, types.is_null, types.is_string, types.is_large_string)
    return any(is_so(kind) for is_so in plain) or types.is_float32(kind) or types.is_float64(kind)


def _parquet_rows(file: Any) -> Iterator[dict[str, Any]]:
    for batch in file.iter_batches(batch_size=_BATCH):
        names = batch.schema.names
        columns = [[_valued(value, name) for value in batch.column(name).to_pylist()] for name in names]
        yield from (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))


def _valued(value: Any, column: str) -> Any:
    """NaN is how tables spell that there is no value; JSON has neither it nor infinity."""
    kind = type(value)
    if kind is float and not math.isfinite(value):
        if math.isinf(value):
            raise _RowError(f"{quoted(column)} is infinite")
        return None
    if kind is list:
        return [_valued(item, column) for item in value]
    if kind is dict:
        return {key: _valued(item, column) for key, item in value.items()}
    return value
