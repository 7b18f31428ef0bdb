"""Coverage of saliency tables, from the report of a batch: counted by status, and compared with the last time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from smokegate.errors import DocumentError
from smokegate.github.reply import name
from smokegate.registry.document import DocumentFault, read_json
from smokegate.render.escape import cell_code, clip

SCHEMA = "saliency-materializer-batch-v1"
_LARGEST, _DEPTH = 64 << 20, 32
_MOST_TABLES = 1_000
_SHOWN = 60
_DONE = ("ok", "skipped-existing")


@dataclass(frozen=True, slots=True)
class Table:
    id: str
    status: str
    total: int
    by_status: Mapping[str, int]
    model: str | None
    """Its digest."""

    @property
    def covered(self) -> int:
        return sum(self.by_status.get(name, 0) for name in _DONE)

    @property
    def share(self) -> float:
        return self.covered / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Coverage:
    status: str
    tables: tuple[Table, ...]


def read(data: bytes) -> Coverage:
    document = read_json(data, "the report", max_bytes=_LARGEST, max_depth=_DEPTH)
    if isinstance(document, DocumentFault):
        raise DocumentError(f"the report cannot be read: {document.message}", fix=_AGAIN)
    value = document.value
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        raise DocumentError(f"the report is not of the form {SCHEMA}", fix=_AGAIN)
    tables = value.get("tables")
    if not isinstance(tables, list) or len(tables) > _MOST_TABLES:
        raise DocumentError(f"the report lists no tables, or more than {_MOST_TABLES:,}", fix=_AGAIN)
    try:
        return Coverage(_text(value["status"]), tuple(_table(one) for one in tables))
    except (KeyError, TypeError, ValueError) as error:
        raise DocumentError(f"the report makes no sense: {clip(str(error), 200)}", fix=_AGAIN) from None


_AGAIN = "have it written by `smokegate batch`, with --report-json"


def _table(value: Mapping[str, Any]) -> Table:
    counts = value["by_status"]
    known = {} if counts is None else {_text(name): _count(number) for name, number in counts.items()}
    model = value.get("model")
    digest = model.get("sha256") if isinstance(model, dict) else None
    return Table(_text(value["id"]), _text(value["status"]), _count(value["total"]), known, digest and _text(digest))


def kept(value: Any) -> Coverage:
    """As `keeping` left it."""
    return Coverage(_text(value["status"]), tuple(_kept(**one) for one in value["tables"]))


def _kept(*, id: object, status: object, total: object, by_status: Any, model: object) -> Table:  # noqa: A002
    counts = {_text(name): _count(number) for name, number in by_status.items()}
    return Table(_text(id), _text(status), _count(total), counts, None if model is None else _text(model))


def keeping(coverage: Coverage) -> dict[str, Any]:
    return {"status": coverage.status, "tables": [asdict(one) for one in coverage.tables]}


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > 1_000:
        raise TypeError("a text is something else")
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise TypeError("a number of rows is something else")
    return value


def fallen(before: Coverage, now: Coverage) -> list[str]:
    """Tables of which a smaller share has values than the last time, or that are gone."""
    there = {one.id: one for one in now.tables}
    return [one.id for one in before.tables if one.id not in there or there[one.id].share < one.share]


def markdown(manifest: str, before: Coverage | None, now: Coverage) -> str:
    last = {one.id: one for one in before.tables} if before else {}
    names = sorted({status for one in now.tables for status in one.by_status})
    head = ("table", "status", "rows", "with values", "last time", *names)
    rows = [_row(one, last.get(one.id), names) for one in now.tables[:_SHOWN]]
    gone = [one for one in last if one not in {table.id for table in now.tables}]
    lines = [
        f"## Coverage of {name(manifest)}: {now.status}",
        "",
        f"| {' | '.join(cell_code(clip(one, 40)) if one in names else one for one in head)} |",
        f"| --- | --- |{' ---: |' * (len(head) - 2)}",
        *rows,
        "",
    ]
    if len(now.tables) > _SHOWN:
        lines += [f"{len(now.tables) - _SHOWN:,} more tables.", ""]
    lines += [f"Gone since the last time: {name(one)}." for one in gone[:_SHOWN]]
    return "\n".join([*lines, *_drift(last, now.tables)]).rstrip() + "\n"


def _row(table: Table, before: Table | None, names: Sequence[str]) -> str:
    was = "first time" if before is None else _percent(before)
    if before is not None and table.share < before.share:
        was = f"{was} **fell**"
    counts = [f"{table.by_status.get(name, 0):,}" for name in names]
    shown = cell_code(clip(table.id, 80)), cell_code(clip(table.status, 40))
    return f"| {' | '.join((*shown, f'{table.total:,}', _percent(table), was, *counts))} |"


def _drift(last: Mapping[str, Table], tables: Sequence[Table]) -> list[str]:
    """By another model the same rows hold other numbers."""
    changed = [one.id for one in tables if one.id in last and last[one.id].model != one.model]
    return (
        [f"Computed by another model than the last time: {', '.join(map(name, changed[:_SHOWN]))}."] if changed else []
    )


def _percent(table: Table) -> str:
    """100 % is said of a whole table alone."""
    if table.total and table.covered == table.total:
        return "100 %"
    return f"{min(table.share * 100, 99.99):.2f} %"
