"""Coverage of saliency tables, from the report of a batch: counted by status, and compared with the last time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from smokegate.errors import DocumentError
from smokegate.github.comments.reply import name
from smokegate.registry.document import DocumentFault, read_json
from smokegate.render.escape import cell_code, clip

SCHEMA = "saliency-materializer-batch-v1"
_LARGEST, _DEPTH = 64 << 20, 32
_LONGEST = 500
_MOST_TABLES = 1_000
_MOST_STATUSES = 10
_SHOWN = 40
_DONE = ("ok", "skipped-existing")


@dataclass(frozen=True, slots=True)
class Table:
    id: str
    status: str
    total: int
    by_status: Mapping[str, int] | None
    """None where nothing was written: it failed, or was not run."""
    model: str | None
    """Its digest."""
    error: str | None = None

    @property
    def refreshed(self) -> bool:
        return self.by_status is not None

    @property
    def covered(self) -> int:
        return sum(self.count(name) for name in _DONE)

    @property
    def share(self) -> float:
        return self.covered / self.total if self.total else 0.0

    def count(self, status: str) -> int:
        return (self.by_status or {}).get(status, 0)


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
    counts, model, error = value["by_status"], value.get("model"), value.get("error")
    digest = model.get("sha256") if isinstance(model, dict) else None
    return Table(
        _text(value["id"]),
        _text(value["status"]),
        _count(value["total"]),
        None if counts is None else _counts(counts),
        None if digest is None else _text(digest),
        None if error is None else str(error)[:_LONGEST],
    )


def kept(value: Any) -> tuple[Table, ...]:
    """As `keeping` left it."""
    return tuple(_table({**one, "model": {"sha256": one["model"]}}) for one in value)


def keeping(before: Iterable[Table], now: Coverage) -> list[dict[str, Any]]:
    """What the next time is compared with: of a table that was not refreshed, what was known of it."""
    last = {one.id: one for one in before}
    found = [one if one.refreshed else last.get(one.id) for one in now.tables]
    fields = ("id", "status", "total", "by_status", "model")
    return [{name: getattr(one, name) for name in fields} for one in found if one is not None]


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise TypeError("a text is something else")
    return value


def _counts(value: object) -> dict[str, int]:
    if not isinstance(value, dict) or len(value) > _MOST_STATUSES:
        raise TypeError("the counts by status are something else")
    return {_text(name): _count(number) for name, number in value.items()}


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise TypeError("a number of rows is something else")
    return value


def wanting(before: Iterable[Table], now: Coverage) -> set[str]:
    """Tables of which a smaller share has values than the last time, that are gone, or that were not refreshed."""
    there = {one.id: one for one in now.tables}
    lost = {one.id for one in before if one.id not in there or _fell(one, there[one.id])}
    return lost | {one.id for one in now.tables if not one.refreshed}


def _fell(before: Table, now: Table) -> bool:
    return now.refreshed and now.share < before.share


def markdown(manifest: str, before: Iterable[Table], now: Coverage) -> str:
    last = {one.id: one for one in before}
    names = sorted({status for one in (*now.tables, *last.values()) for status in one.by_status or ()})
    head = ("table", "status", "rows", "with values", "last time", *names)
    worst = wanting(last.values(), now)
    first = sorted(now.tables, key=lambda one: one.id not in worst)[:_SHOWN]
    rows = [_row(one, last.get(one.id), names) for one in first]
    there = {one.id for one in now.tables}
    gone = [one for one in last if one not in there]
    lines = [
        f"## Coverage of {name(manifest)}: {name(now.status)}",
        "",
        f"| {' | '.join(cell_code(clip(one, 40)) if one in names else one for one in head)} |",
        f"| --- | --- |{' ---: |' * (len(head) - 2)}",
        *rows,
        "",
    ]
    if len(now.tables) > _SHOWN:
        lines += [f"{len(now.tables) - _SHOWN:,} more tables.", ""]
    lines += [f"- Not refreshed: {name(one.id)}{_why(one)}." for one in now.tables if not one.refreshed][:_SHOWN]
    lines += [f"- Gone since the last time: {name(one)}." for one in gone[:_SHOWN]]
    return "\n".join([*lines, *_other_models(last, now.tables)]).rstrip() + "\n"


def _why(table: Table) -> str:
    return f", {name(table.error, 300)}" if table.error else ""


def _row(table: Table, before: Table | None, names: Sequence[str]) -> str:
    shown = cell_code(clip(table.id, 80)), cell_code(clip(table.status, 40))
    was = "first time" if before is None else f"{_percent(before)} of {before.total:,}"
    if not table.refreshed:
        return f"| {' | '.join((*shown, '', '', was, *('' for _ in names)))} |"
    if before is not None and _fell(before, table):
        was = f"{was} **fell**"
    counts = [_drifted(before.count(one) if before else None, table.count(one)) for one in names]
    return f"| {' | '.join((*shown, f'{table.total:,}', _percent(table), was, *counts))} |"


def _drifted(before: int | None, now: int) -> str:
    return f"{now:,}" if before in {None, now} else f"{now:,} ({now - (before or 0):+,})"


def _other_models(last: Mapping[str, Table], tables: Sequence[Table]) -> list[str]:
    """By another model the same rows hold other numbers."""
    changed = [one.id for one in tables if one.refreshed and one.id in last and last[one.id].model != one.model]
    listed = ", ".join(map(name, changed[:_SHOWN]))
    return [f"- Computed by another model than the last time: {listed}."] if changed else []


def _percent(table: Table) -> str:
    """100 % is said of a whole table alone."""
    if table.total and table.covered == table.total:
        return "100 %"
    return f"{min(table.share * 100, 99.99):.2f} %"
