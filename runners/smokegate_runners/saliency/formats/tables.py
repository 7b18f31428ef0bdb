"""Tables of clips, read twice and written once, whatever their format.

The first reading says of each row what it asks for, the second goes with the writing. Neither holds the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from smokegate.errors import UsageError
from smokegate.evidence.corpus import format_of
from smokegate_runners.saliency.columns import Asked, Columns
from smokegate_runners.saliency.formats.fill import Fill

JSONL = "jsonl"
PARQUET = "parquet"


class Table(Protocol):
    def asks(self) -> Iterator[Asked]: ...

    def write(self, target: BinaryIO, fills: Iterator[Fill]) -> int:
        """The whole table with its rows filled, and how many there are; `fills` has one for each, in order."""


def format_named(flag: str, path: Path) -> str:
    """By the file's name, since an output has no content yet."""
    found = format_of(path.name)
    if found is None:
        raise UsageError(f"{flag} {path}: a table is a .jsonl, .ndjson or .parquet file", fix=f"{flag} table.parquet")
    return found


def opened(path: Path, stream: BinaryIO, columns: Columns, formats: tuple[str, str]) -> Table:
    """`formats` of what is read and of what is written."""
    if PARQUET in formats:
        _require_pyarrow()
    given, wanted = formats
    if given == JSONL == wanted:
        from smokegate_runners.saliency.formats.tables_jsonl import JsonlTable  # noqa: PLC0415

        return JsonlTable(path, stream, columns)
    if given == JSONL:
        from smokegate_runners.saliency.formats.tables_mixed import JsonlAsParquet  # noqa: PLC0415

        return JsonlAsParquet(path, stream, columns)
    if wanted == PARQUET:
        from smokegate_runners.saliency.formats.tables_parquet import ParquetTable  # noqa: PLC0415

        return ParquetTable(path, stream, columns)
    from smokegate_runners.saliency.formats.tables_mixed import ParquetAsJsonl  # noqa: PLC0415

    return ParquetAsJsonl(path, stream, columns)


def _require_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401, PLC0415
    except ImportError:
        raise UsageError(
            "parquet is read and written with pyarrow, which is not installed",
            fix="python -m pip install 'smokegate[saliency]'",
        ) from None
