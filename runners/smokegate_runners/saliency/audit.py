"""What became of a table: the audit for machines, and the advice for whoever started the run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from smokegate_runners.saliency import output
from smokegate_runners.saliency.clips.roll import Failure, Roll
from smokegate_runners.saliency.order import Order
from smokegate_runners.saliency.work import FAILED, Status

SCHEMA = "saliency-materializer-audit-v1"
PACKAGES = ("smokegate", "av", "numpy", "onnx", "onnxruntime", "onnxruntime-gpu", "pyarrow", "ray")
_LISTED = 100
_FOLDERS = 20
_LONGEST = 200


def document(
    *,
    order: Order,
    model: Mapping[str, Any],
    rows: Mapping[str, int],
    roll: Roll,
    timings: Mapping[str, float],
    record: Mapping[str, Any],
) -> dict[str, Any]:
    """The same from run to run, bar times, and what was computed and what was found finished."""
    failed = sum(rows[status] for status in FAILED)
    counts = roll.sources()
    return {
        "schema": SCHEMA,
        "status": "row-failures" if failed else "ok",
        "rows": {
            "total": sum(rows.values()),
            "ok": rows[Status.OK],
            "skipped_existing": rows[Status.SKIPPED],
            "failed": failed,
        },
        "by_status": dict(rows),
        "sources": {
            "distinct": counts["distinct"],
            "computed": counts["distinct"] - counts["reused"],
            "reused": counts["reused"],
            "failed": counts["failed"],
        },
        "geometry_disagreements": roll.disagreements(),
        "transfers": roll.transfers(),
        "values_clipped": roll.clipped(),
        "model": dict(model),
        "settings": order.settings.value,
        "columns": order.columns.value,
        "failures": _failures(roll),
        "run_provenance": dict(record),
        "timings": {name: round(seconds, 3) for name, seconds in timings.items()},
    }


def _failures(roll: Roll) -> dict[str, Any]:
    listed = [asdict(failure) | {"status": str(failure.status)} for failure in roll.failures(_LISTED)]
    paths = roll.failed_paths()
    folders = [{"folder": name, "paths": count, "rows": rows} for name, count, rows in roll.failed_folders(_FOLDERS)]
    return {"paths": paths, "listed": listed, "unlisted": paths - len(listed), "folders": folders}


@contextmanager
def drafted(path: Path | None, document: Mapping[str, Any]) -> Iterator[Callable[[], None]]:
    """Written beside its place; what is given puts it there."""
    if path is None:
        yield lambda: None
        return
    with output.draft(path) as draft:
        with draft.opened() as stream:
            stream.write((json.dumps(document, indent=2, sort_keys=True, allow_nan=False) + "\n").encode("ascii"))
        yield draft.publish


def advice(roll: Roll, rows: Mapping[str, int], order: Order) -> Iterator[str]:
    """What to do about the rows that failed, status by status."""
    for status in Status:
        if status not in FAILED or not rows[status]:
            continue
        where = roll.common_folder(status)
        told = f"{_rows(rows[status])}: {status}"
        (example,) = roll.failures(1, status)
        yield f"{told}{f', all under {_shown(where)}' if where else ''}: {_remedy(status, order, example)}"
    disagreements = roll.disagreements()
    if disagreements:
        names = f"{order.columns.width} and {order.columns.height}"
        yield f"{_rows(disagreements)}: {names} say another size than the container, which was believed"


def _rows(count: int) -> str:
    return f"{count:,} row{'s' if count != 1 else ''}"


def _remedy(status: Status, order: Order, example: Failure) -> str:
    if status is Status.MISSING_SOURCE:
        return f"is --root right? paths start at {order.root_folder}"
    if status is Status.MISSING_GEOMETRY:
        columns = f"{order.columns.width} and {order.columns.height}"
        return f"raw files need {columns} in their rows, or --default-width and --default-height"
    why = f"{_shown(example.path)} for one: {_shown(example.detail)}"
    return f"{why} (--audit-json lists the others)" if order.audit_json is None else why


def _shown(name: str) -> str:
    """Rows come from anywhere, and a terminal obeys what is written to it."""
    return name if name.isprintable() and len(name) <= _LONGEST else json.dumps(name[:_LONGEST])
