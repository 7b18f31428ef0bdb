"""`smokegate materialize`: a table of clips, enriched with saliency."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import click

from smokegate.errors import UsageError
from smokegate_runners.saliency.columns import LONGEST_SIDE, Columns
from smokegate_runners.saliency.order import Order
from smokegate_runners.saliency.settings import SAMPLE_LIMIT, Aggregator, Color, Settings, Size

_FILE = click.Path(path_type=Path)
_DEFAULT = Columns()
_SIDE = click.IntRange(1, LONGEST_SIDE)
EXIT_ROWS_FAILED = 1


def _column(what: str, name: str, meaning: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(f"--{what}-column", default=name, show_default=True, metavar="NAME", help=meaning)


@click.command("materialize")
@click.option("--input", "source", required=True, type=_FILE, metavar="FILE", help="The table: .jsonl or .parquet.")
@click.option("--output", required=True, type=_FILE, metavar="FILE", help="It may be the input, and the other format.")
@click.option("--audit-json", type=_FILE, metavar="FILE", help="Counts, failures and provenance of the run, as JSON.")
@click.option("--model-path", required=True, type=_FILE, metavar="FILE", help="The saliency model, an .onnx file.")
@click.option("--model-id", metavar="ID", help="Written with each value.  [default: the registry's id of the model]")
@click.option("--allow-unregistered", is_flag=True, help="Take a model that no registry names, or with other bytes.")
@click.option("--root", type=_FILE, metavar="DIR", help="Paths start here.  [default: the input's folder]")
@click.option("--max-frames", type=click.IntRange(1), default=8, show_default=True, help="Decoded at most, per clip.")
@click.option(
    "--frame-samples",
    type=click.IntRange(1, SAMPLE_LIMIT),
    default=8,
    show_default=True,
    help="Of these, evenly spread, the model sees at most.",
)
@click.option(
    "--temporal-aggregator",
    type=click.Choice([str(one) for one in Aggregator]),
    default=str(Aggregator.MEAN),
    show_default=True,
    help="How the masks of a clip become one.",
)
@click.option("--ema-alpha", type=float, default=0.6, show_default=True, help="Weight of the newer mask, in (0, 1].")
@click.option(
    "--color",
    type=click.Choice([str(one) for one in Color]),
    default=str(Color.BT709),
    show_default=True,
    help="How YUV becomes RGB; `container` takes what the stream says.",
)
@click.option("--overwrite", is_flag=True, help="Compute rows anew that already have finite values.")
@_column("path", _DEFAULT.path, "Holds the clip's path.")
@_column("width", _DEFAULT.width, "Geometry of raw .yuv files; '' for none.")
@_column("height", _DEFAULT.height, "Geometry of raw .yuv files; '' for none.")
@_column("status", _DEFAULT.status, "'' leaves it out.")
@_column("model-id", _DEFAULT.model_id, "'' leaves it out.")
@_column("aggregator", _DEFAULT.aggregator, "'' leaves it out.")
@_column("ema-alpha", _DEFAULT.ema_alpha, "'' leaves it out.")
@click.option("--default-width", type=_SIDE, help="Of raw files whose row does not say it.")
@click.option("--default-height", type=_SIDE, help="Of raw files whose row does not say it.")
@click.option("--hash-sources", is_flag=True, help="Know finished clips by content, not by path, size and time.")
@click.option("--ledger", type=_FILE, metavar="FILE", help="Finished clips; tables may share one.  [default: in WORK]")
@click.option("--work", type=_FILE, metavar="DIR", help="Where a run keeps its state.  [default: OUTPUT.work]")
@click.option("--provider", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True)
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Clips at a time.")
@click.option("--address", metavar="HOST:PORT", help="Of an existing Ray cluster.")
@click.option("--gpus-per-worker", type=click.FloatRange(0), metavar="F", help="On a Ray cluster.")
def command(source: Path, output: Path, engine: str, workers: int | None, **given: Any) -> int:
    """Decode the clip of each row, run the model on it, and write the table with the saliency of every row.

    Exit code 0: all rows are fine; 1: some rows failed; 2: nothing was written. Interrupted, the same command goes on
    without redoing finished clips.
    """
    from smokegate_runners import engine as engines
    from smokegate_runners.saliency.materialize import materialize
    from smokegate_runners.saliency.progress import Journal

    order = _order(source, output, given)
    journal = Journal(sys.stderr)
    with _stopped_cleanly(order), engines.settle(engine, workers, given["address"], given["gpus_per_worker"]) as hands:
        report = materialize(order, hands, journal)
    counts = ", ".join(f"{count:,} {status}" for status, count in report.by_status.items() if count)
    click.echo(f"{output}: {report.total:,} rows" + (f": {counts}" if counts else ""))
    sources = report.audit["sources"]
    if sources["reused"]:
        click.echo(f"{sources['distinct']:,} clips, of which {sources['reused']:,} were finished before")
    for line in report.advice:
        click.echo(line)
    return EXIT_ROWS_FAILED if report.failed else 0


def _order(source: Path, output: Path, given: dict[str, Any]) -> Order:
    if not 0 < given["ema_alpha"] <= 1:
        raise UsageError(f"--ema-alpha {given['ema_alpha']}: it is above 0, and 1 at most", fix="--ema-alpha 0.6")
    settings = Settings(
        max_frames=given["max_frames"],
        frame_samples=given["frame_samples"],
        aggregator=Aggregator(given["temporal_aggregator"]),
        ema_alpha=given["ema_alpha"],
        color=Color(given["color"]),
    )
    names = ("path", "width", "height", "status", "model_id", "aggregator", "ema_alpha")
    return Order(
        input=source,
        output=output,
        model=given["model_path"],
        settings=settings,
        columns=Columns(**{name: given[f"{name}_column"] for name in names}),
        root=given["root"],
        default_size=_default_size(given["default_width"], given["default_height"]),
        model_id=given["model_id"],
        allow_unregistered=given["allow_unregistered"],
        provider=given["provider"],
        overwrite=given["overwrite"],
        hash_sources=given["hash_sources"],
        audit_json=given["audit_json"],
        ledger=given["ledger"],
        work=given["work"],
        args=_plain(click.get_current_context().params),
    )


def _default_size(width: int | None, height: int | None) -> Size | None:
    if width is None and height is None:
        return None
    if width is None or height is None:
        said, other = (
            ("--default-width", "--default-height") if height is None else ("--default-height", "--default-width")
        )
        raise UsageError(f"{said} is given without {other}", fix=f"add {other}")
    return Size(width, height)


def _plain(args: dict[str, Any]) -> dict[str, Any]:
    """Arguments under the names of their flags, as JSON holds them."""
    named = {"input" if name == "source" else name: value for name, value in args.items()}
    return {name: value.as_posix() if isinstance(value, Path) else value for name, value in named.items()}


@contextmanager
def _stopped_cleanly(order: Order) -> Iterator[None]:
    """A scheduler's SIGTERM is an interrupt too: workers are taken down, drafts removed, and the way on is said."""

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        click.echo(
            f"\nstopped: {order.output} is as it was; finished clips are kept in {order.ledger_file}, "
            "and the same command goes on from there",
            err=True,
        )
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
