"""What became of a batch, for machines and for people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from smokegate_runners import provenance
from smokegate_runners.provenance import Artifact
from smokegate_runners.saliency import output
from smokegate_runners.saliency.batches.batch import Done, Ended
from smokegate_runners.saliency.work import Status

SCHEMA = "saliency-materializer-batch-v1"
_COUNTS = ("total", "ok", "skipped_existing", "failed")
_WIDEST = 300


def document(done: Sequence[Done], manifest: Artifact, record: provenance.Run) -> dict[str, Any]:
    tables = [_table(one) for one in done]
    inputs, outputs = [manifest], list[Artifact]()
    for one in done:
        if one.report:
            inputs += _artifacts(one.report.audit, "inputs")
            outputs += _artifacts(one.report.audit, "outputs")
    return {
        "schema": SCHEMA,
        "status": _status([one.ended for one in done]),
        "summary": {
            "tables": len(done),
            "failed_tables": sum(one.ended is Ended.FAILED for one in done),
            **{name: sum(table[name] for table in tables) for name in _COUNTS},
        },
        "tables": tables,
        "run_provenance": record.document(dict.fromkeys(inputs), dict.fromkeys(outputs)),
    }


def _status(ends: Sequence[Ended]) -> str:
    if {Ended.FAILED, Ended.NOT_RUN} & set(ends):
        return "failed"
    return "row-failures" if Ended.ROW_FAILURES in ends else "ok"


def _table(done: Done) -> dict[str, Any]:
    order, report = done.table.order, done.report
    return {
        "id": done.table.id,
        "status": str(done.ended),
        "input": provenance.named(order.input),
        "output": provenance.named(order.output),
        "audit_json": provenance.named(order.audit_json) if order.audit_json else None,
        "error": done.error,
        **{name: getattr(report, name) if report else 0 for name in _COUNTS},
        "by_status": dict(report.by_status) if report else None,
        "coverage": (report.ok + report.skipped_existing) / report.total if report and report.total else None,
        **{name: report.audit[name] if report else None for name in ("sources", "model", "settings")},
        "advice": list(report.advice) if report else [],
        "seconds": round(done.seconds, 3),
    }


def _artifacts(document: Mapping[str, Any], which: str) -> list[Artifact]:
    """As the table's own record has them: what was read and written was digested there."""
    return [Artifact(one["kind"], one["path"], one["size"], one["sha256"]) for one in document["run_provenance"][which]]


def write(report: Mapping[str, Any], as_json: Path | None, as_markdown: Path | None) -> None:
    texts = {as_json: json.dumps(report, indent=2, sort_keys=True, allow_nan=False) + "\n"} if as_json else {}
    if as_markdown:
        texts[as_markdown] = markdown(report)
    for path, text in texts.items():
        if path is not None:
            with output.draft(path) as draft:
                with draft.opened() as stream:
                    stream.write(text.encode("utf-8", "backslashreplace"))
                draft.publish()


def markdown(report: Mapping[str, Any]) -> str:
    return "\n".join([*_head(report), *_rows(report), *_failures(report), *_foot(report)]) + "\n"


def _head(report: Mapping[str, Any]) -> Iterator[str]:
    summary = report["summary"]
    yield f"# Saliency batch: {report['status']}"
    yield ""
    rows = f"{summary['total']:,} rows: {summary['ok']:,} computed, {summary['skipped_existing']:,} had values before, "
    yield f"{summary['tables']} tables, {summary['failed_tables']} failed. {rows}{summary['failed']:,} failed."
    yield ""


def _rows(report: Mapping[str, Any]) -> Iterator[str]:
    failing = [status for status in Status if status not in (Status.OK, Status.SKIPPED)]
    numbers = ("rows", "with values", Status.OK, Status.SKIPPED, *failing, "clips computed", "clips reused")
    yield f"| table | status | {' | '.join(numbers)} |"
    yield f"| --- | --- |{' ---: |' * len(numbers)}"
    for table in report["tables"]:
        counts = table["by_status"]
        cells = [_code(table["id"]), table["status"]]
        if counts is None:
            cells += [""] * len(numbers)
        else:
            share = table["coverage"]
            cells += [f"{table['total']:,}", "" if share is None else _percent(share)]
            cells += [f"{counts[status]:,}" for status in (Status.OK, Status.SKIPPED, *failing)]
            cells += [f"{table['sources'][name]:,}" for name in ("computed", "reused")]
        yield f"| {' | '.join(cells)} |"
    yield ""


def _percent(share: float) -> str:
    """100 % is said of a whole table alone."""
    return "100 %" if share == 1 else f"{min(share * 100, 99.99):.2f} %"


def _failures(report: Mapping[str, Any]) -> Iterator[str]:
    told = [(table, line) for table in report["tables"] for line in (table["error"], *table["advice"]) if line]
    told += [
        (table, "not run: --fail-fast, or an interrupt") for table in report["tables"] if table["status"] == "not-run"
    ]
    if told:
        yield "## What failed"
        yield ""
        for table, line in told:
            yield f"- {_code(table['id'])}: {_code(line)}"
        yield ""


def _foot(report: Mapping[str, Any]) -> Iterator[str]:
    for model in {table["model"]["sha256"]: table["model"] for table in report["tables"] if table["model"]}.values():
        yield f"Model {_code(model['id'])}, sha256 {_code(model['sha256'])}  "
    record = report["run_provenance"]
    commit = (record["repo"] or {}).get("commit")
    code = f" at {_code(commit)}{' with changes' if record['repo']['dirty'] else ''}" if commit else ""
    versions = ", ".join(f"{name} {version}" for name, version in sorted(record["packages"].items()))
    yield f"Run {record['started_at_utc']} to {record['ended_at_utc']}{code} ({versions})"


def _code(text: str) -> str:
    """Paths are in it, and paths are anybody's. In a code span of one line nothing means anything but its end."""
    shown = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    cut = shown if len(shown) <= _WIDEST else f"{shown[:_WIDEST]} ..."
    return f"`{cut.replace('`', chr(39)) or ' '}`"
