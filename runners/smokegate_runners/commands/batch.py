"""`smokegate batch`: the tables of a manifest, one after another."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import click

_PATH = click.Path(path_type=Path)
_PACKAGES = ("smokegate", "av", "numpy", "onnx", "onnxruntime", "onnxruntime-gpu", "pyarrow", "ray")


@click.command("batch")
@click.argument("manifest", type=_PATH)
@click.option("--base-dir", type=_PATH, metavar="DIR", help="Relative paths start here.  [default: MANIFEST's folder]")
@click.option("--table", "only", multiple=True, metavar="ID", help="This table alone; may be given several times.")
@click.option("--list", "listing", is_flag=True, help="Print the ids of the tables as a JSON list, and do no more.")
@click.option("--report-json", type=_PATH, metavar="FILE", help="What became of each table, and provenance, as JSON.")
@click.option("--report-md", type=_PATH, metavar="FILE", help="The same for people, as Markdown.")
@click.option("--allow-row-failures", is_flag=True, help="Rows that failed are no failure of the batch.")
@click.option("--fail-fast", is_flag=True, help="Stop after the first table that does not end well.")
@click.option("--work", type=_PATH, metavar="DIR", help="State and finished clips.  [default: MANIFEST.work]")
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True)
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Clips at a time.")
@click.option("--address", metavar="HOST:PORT", help="Of an existing Ray cluster.")
@click.option("--gpus-per-worker", type=click.FloatRange(0), metavar="F", help="On a Ray cluster.")
def command(manifest: Path, listing: bool, engine: str, workers: int | None, **given: Any) -> int:
    """Materialize every table of MANIFEST (YAML or JSON). See `smokegate materialize` for what becomes of a table.

    Exit code 0: all is fine; 1: some rows failed; 2: a table failed, or nothing was run. A table that fails does not
    stop the others. Interrupted, the same command goes on without redoing finished clips.
    """
    from smokegate_runners import engine as engines
    from smokegate_runners import provenance
    from smokegate_runners.saliency.batches import batch, batch_checks, batch_report
    from smokegate_runners.saliency.chosen import choose
    from smokegate_runners.saliency.progress import Journal

    if listing:
        click.echo(json.dumps(batch_checks.ids(manifest)))
        return 0
    record = provenance.Run(Path(__file__), _plain(click.get_current_context().params), _PACKAGES)
    asked = batch_checks.Asked(
        manifest, given["base_dir"], given["work"], given["only"], given["report_json"], given["report_md"]
    )
    hands = engines.settle(engine, workers, given["address"], given["gpus_per_worker"])
    tables = batch_checks.settled(asked, choose, hands.threads)
    read = provenance.file("manifest", manifest)
    rules = batch.Rules(given["fail_fast"], given["allow_row_failures"])
    journal = Journal(sys.stderr)
    try:
        with _terms_are_interrupts(), hands:
            done = batch.run(tables, hands, journal, rules)
    except batch.Interrupted as stop:
        _report(batch_report.document(stop.done, read, record), asked)
        journal.say(f"stopped: finished clips are kept in {asked.ledger}, and the same command goes on from there")
        raise KeyboardInterrupt from None
    report = batch_report.document(done, read, record)
    _report(report, asked)
    summary = report["summary"]
    click.echo(
        f"{report['status']}: {summary['tables']} tables, {summary['failed_tables']} failed; "
        f"{summary['total']:,} rows: {summary['ok']:,} ok, {summary['skipped_existing']:,} skipped-existing, "
        f"{summary['failed']:,} failed"
    )
    return rules.code([one.ended for one in done])


def _report(report: dict[str, Any], asked: Any) -> None:
    from smokegate_runners.saliency.batches import batch_report

    batch_report.write(report, asked.report_json, asked.report_md)


@contextmanager
def _terms_are_interrupts() -> Iterator[None]:
    """A scheduler stops a run by SIGTERM."""

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _plain(args: dict[str, Any]) -> dict[str, Any]:
    """Arguments as JSON holds them."""
    return {name: _plain_value(value) for name, value in args.items()}


def _plain_value(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return value.as_posix() if isinstance(value, Path) else value
